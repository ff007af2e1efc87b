//! The provider's prices: dated versions, set ahead of time, so that an outage never reprices the past.

use soroban_sdk::{Env, Vec};

use crate::errors::{refuse, Error};
use crate::storage::{self, Key};
use crate::time::on_grid;
use crate::types::Price;

/// How long before it starts a price must be set, in seconds: a day, time enough to hear of it.
pub const PRICE_NOTICE_S: u64 = 86_400;

/// Adds the next version and returns it.
///
/// The first may start at any time; every later one after the one before it, and a day from now at the earliest.
pub fn add(env: &Env, effective_from: u64, energy: Vec<i64>, daily: i64, weekly: i64) -> Price {
    if energy.len() != 3 || !on_grid(effective_from) {
        refuse(env, Error::InvalidPrice);
    }
    let [off_peak, standard, peak] = three(&energy);
    // One negative number makes the whole disjunction negative.
    if (off_peak | standard | peak | daily | weekly) < 0 {
        refuse(env, Error::InvalidPrice);
    }
    let count = storage::price_count(env);
    if count > 0 {
        if effective_from <= storage::price(env, count).effective_from {
            refuse(env, Error::PriceNotLater);
        }
        if effective_from < env.ledger().timestamp().saturating_add(PRICE_NOTICE_S) {
            refuse(env, Error::PriceTooSoon);
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
    set_count(env, version);
    price
}

/// Takes the latest version back while it isn't in force; its number is given out again.
pub fn withdraw(env: &Env, version: u32) {
    if version != storage::price_count(env) {
        refuse(env, Error::UnknownPriceVersion);
    }
    if storage::price(env, version).effective_from <= env.ledger().timestamp() {
        refuse(env, Error::PriceInForce);
    }
    storage::remove(env, &Key::Price(version));
    set_count(env, version - 1);
}

/// The version in force at `at` (unix s), if any. Looks from the latest back: that is where it nearly always is.
pub fn in_force(env: &Env, at: u64) -> Option<Price> {
    let mut version = storage::price_count(env);
    while version > 0 {
        let price = storage::price(env, version);
        if price.effective_from <= at {
            return Some(price);
        }
        version -= 1;
    }
    None
}

/// Rates of `version` in stroops per kWh, which must be in force for all of `[from, to)`.
pub fn rates_for(env: &Env, version: u32, from: u64, to: u64) -> [i64; 3] {
    let count = storage::price_count(env);
    if version == 0 || version > count {
        refuse(env, Error::WrongPriceVersion);
    }
    let price = storage::price(env, version);
    let ended = version < count && storage::price(env, version + 1).effective_from < to;
    if price.effective_from > from || ended {
        refuse(env, Error::WrongPriceVersion);
    }
    storage::keep(env, &Key::Price(version));
    rates(&price)
}

/// The three rates of a price in stroops per kWh: off-peak, standard, peak.
pub fn rates(price: &Price) -> [i64; 3] {
    three(&price.energy)
}

fn three(energy: &Vec<i64>) -> [i64; 3] {
    let mut rates = [0; 3];
    for (tier, rate) in rates.iter_mut().enumerate() {
        *rate = energy.get_unchecked(tier as u32);
    }
    rates
}

fn set_count(env: &Env, count: u32) {
    env.storage().instance().set(&Key::PriceCount, &count);
}
