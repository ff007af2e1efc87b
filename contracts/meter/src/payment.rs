//! Money in and out: a payment buys whole plans or credit, in the contract's one token.

use soroban_sdk::token::TokenClient;
use soroban_sdk::{Address, Env};

use crate::errors::{refuse, Error};
use crate::plan;
use crate::price;
use crate::record::Record;
use crate::registry;
use crate::storage;
use crate::types::Plan;

/// Takes `amount` stroops from `payer` and credits the meter; returns the record after it.
pub fn pay(env: &Env, payer: &Address, meter_id: u64, amount: i128, plan: Plan) -> Record {
    let stroops = checked(env, amount);
    let mut opened = registry::open(env, meter_id);
    let now = env.ledger().timestamp();
    // Credit has no price of its own: most payments needn't read one.
    let price = match plan {
        Plan::UsageBased => None,
        Plan::Daily | Plan::Weekly => price::in_force(env, now),
    };
    plan::buy(&mut opened.record, plan, stroops, price.as_ref(), now)
        .unwrap_or_else(|error| refuse(env, error));
    registry::save(env, &mut opened);
    collect(env, payer, stroops);
    opened.record
}

/// Takes `stroops` from `payer`.
pub fn collect(env: &Env, payer: &Address, stroops: i64) {
    transfer(env, payer, &env.current_contract_address(), stroops);
}

/// Pays `stroops` out to `to`.
pub fn pay_out(env: &Env, to: &Address, stroops: i64) {
    transfer(env, &env.current_contract_address(), to, stroops);
}

/// The amount in stroops, if it is above zero and fits a record.
pub fn checked(env: &Env, amount: i128) -> i64 {
    if amount <= 0 {
        refuse(env, Error::AmountNotPositive);
    }
    i64::try_from(amount).unwrap_or_else(|_| refuse(env, Error::AmountTooLarge))
}

/// The sum of two amounts in stroops, if it fits one.
#[inline(never)]
pub fn sum(env: &Env, one: i64, other: i64) -> i64 {
    one.checked_add(other)
        .unwrap_or_else(|| refuse(env, Error::AmountTooLarge))
}

fn transfer(env: &Env, from: &Address, to: &Address, stroops: i64) {
    TokenClient::new(env, &storage::token(env)).transfer(from, to, &stroops.into());
}
