//! What a meter still has of the energy bought for it, and what was paid for that.
//!
//! The meter is drawn on by batches that the market doesn't see, so a holding is brought up to date whenever it is looked at:
//! its cost shrinks with the energy, rounded down, so that nobody is ever paid back more than was paid.

use soroban_sdk::{panic_with_error, Address, Env};
use upkeep::life;

use crate::errors::Error;
use crate::meter;
use crate::storage::{self, Key};
use crate::terms::WHOLE;
use crate::types::Holding;

/// What the meter has now, if anything is left.
pub fn current(e: &Env, meter_id: u64) -> Option<Holding> {
    let stored: Holding = storage::get(e, &Key::Holding(meter_id))?;
    let left = meter::credit_wh(e, meter_id).min(stored.wh);
    (left > 0).then(|| Holding {
        cost: share(stored.cost, left, stored.wh),
        wh: left,
        ..stored
    })
}

/// Adds bought energy to what the meter has; all of it must be one buyer's.
///
/// # Arguments
/// * `cost` - what `wh` cost without commission, token stroops.
pub fn add(e: &Env, meter_id: u64, buyer: &Address, wh: u32, cost: i64) {
    let held = current(e, meter_id).unwrap_or_else(|| Holding {
        buyer: buyer.clone(),
        cost: 0,
        wh: 0,
    });
    check_buyer(e, &held, buyer);
    let grown = held.wh.checked_add(wh).zip(held.cost.checked_add(cost));
    let Some((wh, cost)) = grown else {
        panic_with_error!(e, Error::AmountTooLarge);
    };
    let buyer = held.buyer;
    life::put(e, &Key::Holding(meter_id), &Holding { buyer, cost, wh });
}

/// Takes energy that is given back from what the meter has; returns what the buyer gets for it, token stroops.
///
/// # Arguments
/// * `refund_rate` - what is paid back of the cost, hundredths of a percent.
pub fn take(e: &Env, meter_id: u64, buyer: &Address, wh: u32, refund_rate: u32) -> i64 {
    let Some(held) = current(e, meter_id) else {
        panic_with_error!(e, Error::MoreThanHeld);
    };
    check_buyer(e, &held, buyer);
    if wh > held.wh {
        panic_with_error!(e, Error::MoreThanHeld);
    }
    let cost = share(held.cost, wh, held.wh);
    let key = Key::Holding(meter_id);
    if wh == held.wh {
        e.storage().persistent().remove(&key);
    } else {
        let rest = Holding {
            cost: held.cost - cost,
            wh: held.wh - wh,
            ..held
        };
        life::put(e, &key, &rest);
    }
    share(cost, refund_rate, WHOLE)
}

/// Renews what `limit` slots of a site hold, from `first_slot` on.
pub fn extend(e: &Env, site: u32, slots: core::ops::Range<u32>) {
    for slot in slots {
        let key = Key::Holding(u64::from(site) << 32 | u64::from(slot));
        if e.storage().persistent().has(&key) {
            life::keep(e, &key);
        }
    }
}

fn check_buyer(e: &Env, held: &Holding, buyer: &Address) {
    if held.buyer != *buyer {
        panic_with_error!(e, Error::OtherBuyer);
    }
}

/// `part` / `whole` of an amount, rounded down; `part` is at most `whole`, which isn't 0.
fn share(amount: i64, part: u32, whole: u32) -> i64 {
    (i128::from(amount) * i128::from(part) / i128::from(whole)) as i64
}
