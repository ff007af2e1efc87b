//! The ledger entries: one key type, one place that reads, writes and keeps them alive.

use soroban_sdk::unwrap::UnwrapOptimized;
use soroban_sdk::{contracttype, panic_with_error, Address, Env, IntoVal, TryFromVal, Val};

use crate::errors::Error;
use crate::page::Page;
use crate::types::{Price, Receipt, Site};

/// Eight days of five-second ledgers: an entry is renewed to the longest life (180 days) once it has less than 172 left.
const TTL_SLACK_LEDGERS: u32 = 138_240;

/// Names of the entries. `Token` and `PriceCount` live in the instance, the rest are persistent.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The stablecoin that payments are made in.
    Token,
    /// Number of price versions.
    PriceCount,
    /// A village.
    Site(u32),
    /// The last receipt of a site.
    Receipt(u32),
    /// Records of a site: (site, page).
    Page(u32, u32),
    /// A price version.
    Price(u32),
    /// The owner of a meter, only where it isn't the site's operator.
    Owner(u64),
}

/// Reads a persistent entry.
pub fn get<V: TryFromVal<Env, Val>>(env: &Env, key: &Key) -> Option<V> {
    env.storage().persistent().get(key)
}

/// Writes a persistent entry.
pub fn set<V: IntoVal<Env, Val>>(env: &Env, key: &Key, value: &V) {
    env.storage().persistent().set(key, value);
}

/// Writes a persistent entry and renews it.
pub fn put<V: IntoVal<Env, Val>>(env: &Env, key: &Key, value: &V) {
    set(env, key, value);
    keep(env, key);
}

/// Renews a persistent entry, which must exist, when its life has run short.
pub fn keep(env: &Env, key: &Key) {
    let (threshold, longest) = lifetime(env);
    env.storage()
        .persistent()
        .extend_ttl(key, threshold, longest);
}

/// Renews the instance, but not the code, when its life has run short.
pub fn keep_instance(env: &Env) {
    let (threshold, longest) = lifetime(env);
    let contract = env.current_contract_address();
    env.deployer()
        .extend_ttl_for_contract_instance(contract, threshold, longest);
}

/// Renews the instance and the code, each when its life has run short.
///
/// The code belongs to all villages of a network, and its rent is a thousand times the fee of a batch:
/// only calls whose payer means to pay it do this.
pub fn keep_instance_and_code(env: &Env) {
    let (threshold, longest) = lifetime(env);
    env.storage().instance().extend_ttl(threshold, longest);
}

/// The site, or [`Error::UnknownSite`].
pub fn site(env: &Env, site: u32) -> Site {
    get(env, &Key::Site(site)).unwrap_or_else(|| panic_with_error!(env, Error::UnknownSite))
}

/// The site's last receipt, if it has settled anything.
pub fn receipt(env: &Env, site: u32) -> Option<Receipt> {
    get(env, &Key::Receipt(site))
}

/// The price version, or [`Error::UnknownPriceVersion`].
pub fn price(env: &Env, version: u32) -> Price {
    get(env, &Key::Price(version))
        .unwrap_or_else(|| panic_with_error!(env, Error::UnknownPriceVersion))
}

/// Number of price versions.
pub fn price_count(env: &Env) -> u32 {
    env.storage().instance().get(&Key::PriceCount).unwrap_or(0)
}

/// The page, if the site has it; a layout that isn't ours is [`Error::UnknownLayout`].
pub fn page(env: &Env, key: &Key) -> Option<Page> {
    let bytes = get(env, key)?;
    Some(Page::decode(&bytes).unwrap_or_else(|error| panic_with_error!(env, error)))
}

/// The token that payments are made in.
pub fn token(env: &Env) -> Address {
    // The constructor has set it: there is no instance without one.
    env.storage().instance().get(&Key::Token).unwrap_optimized()
}

fn lifetime(env: &Env) -> (u32, u32) {
    let longest = env.storage().max_ttl();
    (longest.saturating_sub(TTL_SLACK_LEDGERS), longest)
}
