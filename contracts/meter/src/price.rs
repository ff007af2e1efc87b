//! The provider's prices: dated versions, set ahead of time, so that an outage never reprices the past.

use soroban_sdk::{panic_with_error, Env, Vec};

use crate::errors::Error;
use crate::storage::{self, Key};
use crate::time::on_grid;
use crate::types::{Plan, Price};

/// Adds the next version and returns it.
///
/// The first may start in the past; every later one starts after the one before it, and not before now.
pub fn add(env: &Env, effective_from: u64, energy: Vec<i64>, daily: i64, weekly: i64) -> Price {
    let negative = energy.iter().any(|rate| rate < 0) || daily < 0 || weekly < 0;
    if energy.len() != 3 || negative || !on_grid(effective_from) {
        panic_with_error!(env, Error::InvalidPrice);
    }
    let count = storage::price_count(env);
    if count > 0 {
        let latest = storage::price(env, count).effective_from;
        if effective_from <= latest || effective_from < env.ledger().timestamp() {
            panic_with_error!(env, Error::PriceNotLater);
        }
    }
    let version = count + 1;
    let price = Price {
        version,
        effective_from,
        energy,
        daily,
        weekly,
    };
    storage::put(env, &Key::Price(version), &price);
    env.storage().instance().set(&Key::PriceCount, &version);
    price
}

/// The version in force at `at` (unix s), if any. Looks from the latest back: that is where it nearly always is.
pub fn in_force(env: &Env, at: u64) -> Option<Price> {
    (1..=storage::price_count(env))
        .rev()
        .map(|version| storage::price(env, version))
        .find(|price| price.effective_from <= at)
}

/// Rates of `version` in stroops per kWh, which must be in force for all of `[from, to)`.
pub fn rates_for(env: &Env, version: u32, from: u64, to: u64) -> [i64; 3] {
    let wrong = || panic_with_error!(env, Error::WrongPriceVersion);
    let count = storage::price_count(env);
    if version == 0 || version > count {
        wrong();
    }
    let price = storage::price(env, version);
    let ended = version < count && storage::price(env, version + 1).effective_from < to;
    if price.effective_from > from || ended {
        wrong();
    }
    storage::keep(env, &Key::Price(version));
    let mut rates = [0; 3];
    for (rate, value) in rates.iter_mut().zip(price.energy.iter()) {
        *rate = value;
    }
    rates
}

/// What one plan costs in stroops at `at` (unix s); `None` for usage-based credit, which has no price of its own.
pub fn of_plan(env: &Env, plan: Plan, at: u64) -> Option<i64> {
    if plan == Plan::UsageBased {
        return None;
    }
    let price = in_force(env, at).unwrap_or_else(|| panic_with_error!(env, Error::NoPriceInForce));
    let amount = match plan {
        Plan::Daily => price.daily,
        Plan::Weekly => price.weekly,
        Plan::UsageBased => return None,
    };
    if amount == 0 {
        panic_with_error!(env, Error::PlanNotOffered);
    }
    Some(amount)
}
