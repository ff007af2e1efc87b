//! Usage of one meter, reported alone: for a gateway that never batches. Units are all usage ever, so a report that is
//! sent again changes nothing.

use soroban_sdk::Env;

use crate::errors::{refuse, Error};
use crate::events;
use crate::ids::Place;
use crate::price;
use crate::registry;
use crate::settle::{includable_wh, settle, Terms};
use crate::storage::{self, Key};
use crate::usage::{Usage, INCLUDED, MARKET};

/// Accepts `units` (Wh, cumulative) as the meter's total, and returns it.
///
/// What the plan window can have carried is included; then market credit is drawn; the rest costs the standard rate of
/// the price in force.
pub fn accept(env: &Env, meter_id: u64, units: u64) -> u64 {
    if storage::has(env, &Key::Receipt(Place::of(meter_id).site)) {
        refuse(env, Error::SettledByBatches);
    }
    let mut opened = registry::open(env, meter_id);
    let record = &mut opened.record;
    let Some(accepted_wh) = units.checked_sub(record.total_wh) else {
        refuse(env, Error::UsageGoesBack);
    };
    if accepted_wh == 0 {
        return units;
    }
    if record.is_deactivated() {
        refuse(env, Error::MeterDeactivated);
    }
    let now = env.ledger().timestamp();
    let Some(price) = price::in_force(env, now) else {
        refuse(env, Error::NoPriceInForce);
    };
    let terms = Terms {
        // To the second: a later report then can't claim the same time again, nor is a running plan cut short.
        to: u32::try_from(now).unwrap_or_else(|_| refuse(env, Error::InvalidPeriod)),
        rates: price::rates(&price),
    };
    let settled = u32::try_from(accepted_wh).ok().and_then(|wh| {
        let included_wh = includable_wh(record, wh, terms.to);
        let mut usage = Usage::default();
        usage.wh[INCLUDED] = included_wh;
        usage.wh[MARKET] = wh - included_wh;
        settle(record, &usage, &terms)
    });
    if settled.is_none() {
        refuse(env, Error::ImplausibleUsage);
    }
    registry::save_and_keep(env, &mut opened);
    events::UsageReported {
        meter_id,
        accepted_wh,
        total_wh: units,
        balance: opened.record.balance,
    }
    .publish(env);
    units
}
