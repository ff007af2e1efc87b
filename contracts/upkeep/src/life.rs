//! How long entries live. Each is renewed to the network's longest life once it has run short by eight days, so that
//! a village that was dark for months comes back to live entries and an hourly caller pays rent about once a week.

use soroban_sdk::{Env, IntoVal, Val};

/// Eight days of five-second ledgers: an entry is renewed to the longest life (180 days) once it has less than 172 left.
const SLACK_LEDGERS: u32 = 138_240;

/// Renews a persistent entry, which must exist, when its life has run short.
pub fn keep<K: IntoVal<Env, Val>>(e: &Env, key: &K) {
    let (threshold, longest) = span(e);
    e.storage().persistent().extend_ttl(key, threshold, longest);
}

/// Writes a persistent entry and renews it.
pub fn put<K: IntoVal<Env, Val>, V: IntoVal<Env, Val>>(e: &Env, key: &K, value: &V) {
    e.storage().persistent().set(key, value);
    keep(e, key);
}

/// Renews the instance, but not the code, when its life has run short.
pub fn keep_instance(e: &Env) {
    let (threshold, longest) = span(e);
    let contract = e.current_contract_address();
    e.deployer()
        .extend_ttl_for_contract_instance(contract, threshold, longest);
}

/// Renews the instance and the code, each when its life has run short.
///
/// The code belongs to everyone on the network, and its rent is a thousand times the fee of a call:
/// only calls whose payer means to pay it do this.
pub fn keep_instance_and_code(e: &Env) {
    let (threshold, longest) = span(e);
    e.storage().instance().extend_ttl(threshold, longest);
}

/// Inlined: a pair is handed back through memory, which takes more code than the subtraction in each caller.
#[inline(always)]
fn span(e: &Env) -> (u32, u32) {
    let longest = e.storage().max_ttl();
    (longest.saturating_sub(SLACK_LEDGERS), longest)
}
