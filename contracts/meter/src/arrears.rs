//! What a household owes is never forgotten by itself: writing it off is the admin's act, and can be taken back.

use soroban_sdk::Env;

use crate::errors::{refuse, Error};
use crate::events;
use crate::payment;
use crate::registry;
use crate::storage::{self, Key};

/// Stroops that were written off a meter's arrears and not reinstated.
pub fn written_off(env: &Env, meter_id: u64) -> i64 {
    storage::get(env, &Key::WrittenOff(meter_id)).unwrap_or(0)
}

/// Forgives `amount` stroops of what the meter owes, at most all of it; returns the new balance.
pub fn write_off(env: &Env, meter_id: u64, amount: i128) -> i64 {
    let balance = shift(env, meter_id, payment::checked(env, amount));
    events::WrittenOff {
        meter_id,
        amount,
        balance,
    }
    .publish(env);
    balance
}

/// Takes a write-off back, at most what is written off; returns the new balance.
pub fn reinstate(env: &Env, meter_id: u64, amount: i128) -> i64 {
    let balance = shift(env, meter_id, -payment::checked(env, amount));
    events::Reinstated {
        meter_id,
        amount,
        balance,
    }
    .publish(env);
    balance
}

/// Moves `stroops` from what is owed to what is written off (below zero: back) and returns the balance.
fn shift(env: &Env, meter_id: u64, stroops: i64) -> i64 {
    let mut opened = registry::open(env, meter_id);
    let total = payment::sum(env, written_off(env, meter_id), stroops);
    if total < 0 {
        refuse(env, Error::MoreThanWrittenOff);
    }
    let balance = match opened.record.balance.checked_add(stroops) {
        Some(balance) if stroops < 0 || balance <= 0 => balance,
        _ => refuse(env, Error::MoreThanOwed),
    };
    let key = Key::WrittenOff(meter_id);
    if total == 0 {
        storage::remove(env, &key);
    } else {
        storage::put(env, &key, &total);
    }
    opened.record.balance = balance;
    registry::save_and_keep(env, &mut opened);
    balance
}
