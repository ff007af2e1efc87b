//! Money in and out: a payment buys whole plans or credit, in the contract's one token.

use soroban_sdk::token::TokenClient;
use soroban_sdk::{panic_with_error, Address, Env};

use crate::errors::Error;
use crate::plan;
use crate::price;
use crate::record::Record;
use crate::registry;
use crate::storage;
use crate::types::{Mode, Plan};

/// Takes `amount` stroops from `payer` and credits the meter; returns the record after it.
///
/// Daily and weekly plans are bought whole, as many as the amount pays for; the rest becomes balance.
/// They are for prepaid meters: nobody else is charged here for what a plan includes.
pub fn pay(env: &Env, payer: &Address, meter_id: u64, amount: i128, plan: Plan) -> Record {
    let credit = checked_amount(env, amount);
    let mut opened = registry::open(env, meter_id);
    if plan != Plan::UsageBased && opened.record.mode() != Mode::Prepaid {
        panic_with_error!(env, Error::PlanNotForMode);
    }
    let now = env.ledger().timestamp();
    let (plans, rest) = match price::of_plan(env, plan, now) {
        Some(price) if credit < price => panic_with_error!(env, Error::AmountBelowPlanPrice),
        Some(price) => (credit / price, credit % price),
        None => (0, credit),
    };
    opened.record.plan = plan as u8;
    add(&mut opened.record, plan, plans, rest, now)
        .unwrap_or_else(|| panic_with_error!(env, Error::AmountTooLarge));
    let record = registry::save(env, opened);
    let contract = env.current_contract_address();
    TokenClient::new(env, &storage::token(env)).transfer(payer, &contract, &amount);
    record
}

/// Pays `amount` stroops out of the contract to `to`.
pub fn withdraw(env: &Env, to: &Address, amount: i128) {
    if amount <= 0 {
        panic_with_error!(env, Error::AmountNotPositive);
    }
    let contract = env.current_contract_address();
    TokenClient::new(env, &storage::token(env)).transfer(&contract, to, &amount);
}

fn checked_amount(env: &Env, amount: i128) -> i64 {
    if amount <= 0 {
        panic_with_error!(env, Error::AmountNotPositive);
    }
    i64::try_from(amount).unwrap_or_else(|_| panic_with_error!(env, Error::AmountTooLarge))
}

fn add(record: &mut Record, plan: Plan, plans: i64, rest: i64, now: u64) -> Option<()> {
    record.balance = record.balance.checked_add(rest)?;
    if let Some(length_s) = plan::length_s(plan) {
        let seconds = u64::try_from(plans).ok()?.checked_mul(length_s)?;
        (record.paid_from, record.paid_until) = plan::window(record, now, seconds)?;
    }
    Some(())
}
