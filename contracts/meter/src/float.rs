//! A site's float: money that its operator has paid in ahead, out of which top-ups made without internet are credited.

use soroban_sdk::{Address, BytesN, Env};

use crate::errors::{refuse, Error};
use crate::events;
use crate::payment;
use crate::storage::{self, Key};
use crate::types::Float;

/// The float of a site, which must exist; one that was never funded is empty.
pub fn get(env: &Env, site: u32) -> Float {
    if let Some(mut fields) = storage::get_struct(env, &Key::Float(site)) {
        return Float {
            balance: fields.take_i64(),
            closed_at: fields.take_u64(),
            credited: fields.take_i64(),
            digest: fields.take_digest(),
            previous_digest: fields.take_digest(),
            refused: fields.take_i64(),
            sequence: fields.take_u64(),
            total_credited: fields.take_i64(),
        };
    }
    storage::site(env, site);
    let zeros = BytesN::from_array(env, &[0; 32]);
    Float {
        balance: 0,
        sequence: 0,
        previous_digest: zeros.clone(),
        digest: zeros,
        credited: 0,
        refused: 0,
        total_credited: 0,
        closed_at: 0,
    }
}

/// Takes `amount` stroops from `payer` into the float. Its life isn't renewed.
pub fn fund(env: &Env, payer: &Address, site: u32, amount: i128) {
    let stroops = payment::checked(env, amount);
    change(env, site, stroops);
    payment::collect(env, payer, stroops);
}

/// Pays `amount` stroops of the float out to `to`.
pub fn withdraw(env: &Env, site: u32, to: &Address, amount: i128) {
    let stroops = payment::checked(env, amount);
    change(env, site, -stroops);
    payment::pay_out(env, to, stroops);
}

/// All floats together, in stroops: money that the contract holds and that the provider hasn't earned.
pub fn total(env: &Env) -> i64 {
    env.storage().instance().get(&Key::Floats).unwrap_or(0)
}

/// Writes a float of which `stroops` were added (below zero: taken), and keeps the total.
pub fn set(env: &Env, site: u32, float: &Float, stroops: i64) {
    storage::set(env, &Key::Float(site), float);
    let total = payment::sum(env, total(env), stroops);
    env.storage().instance().set(&Key::Floats, &total);
}

fn change(env: &Env, site: u32, stroops: i64) {
    let mut float = get(env, site);
    float.balance = payment::sum(env, float.balance, stroops);
    if float.balance < 0 {
        refuse(env, Error::FloatTooSmall);
    }
    set(env, site, &float, stroops);
    events::FloatChanged {
        site,
        balance: float.balance,
    }
    .publish(env);
}
