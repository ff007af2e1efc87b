//! What money buys: credit, or daily and weekly plans, and when these open and close. Every edge falls on the grid,
//! rounded in the household's favour.

use crate::errors::Error;
use crate::record::Record;
use crate::time;
use crate::types::{Mode, Plan, Price};

const DAY_S: u64 = 86_400;
const WEEK_S: u64 = 7 * DAY_S;

/// Buys as many whole plans as `stroops` pay for; the rest becomes balance, and all of it without a plan.
///
/// Plans are for prepaid meters: nobody else is charged here for what a plan includes.
///
/// # Errors
/// What is wrong with the purchase; `record` is then of no use.
pub fn buy(
    record: &mut Record,
    plan: Plan,
    stroops: i64,
    price: Option<&Price>,
    now: u64,
) -> Result<(), Error> {
    let mut rest = stroops;
    if plan != Plan::UsageBased {
        if record.mode() != Mode::Prepaid {
            return Err(Error::PlanNotForMode);
        }
        let price = price.ok_or(Error::NoPriceInForce)?;
        let (one, length_s) = match plan {
            Plan::Daily => (price.daily, DAY_S),
            _ => (price.weekly, WEEK_S),
        };
        if one <= 0 {
            return Err(Error::PlanNotOffered);
        }
        if stroops < one {
            return Err(Error::AmountBelowPlanPrice);
        }
        rest = stroops % one;
        // More plans than fit 32 bits would end after the record's time anyway.
        let plans = u32::try_from(stroops / one).map_err(|_| Error::AmountTooLarge)?;
        (record.paid_from, record.paid_until) =
            window(record, now, u64::from(plans) * length_s).ok_or(Error::AmountTooLarge)?;
    }
    record.plan = plan as u8;
    record.balance = record
        .balance
        .checked_add(rest)
        .ok_or(Error::AmountTooLarge)?;
    Ok(())
}

/// The window after `seconds` more were paid for at `now` (unix s): (paid from, paid until), or `None` beyond the record's range.
///
/// A running window grows at its end. A window that is over and settled gives way to a new one, which opens now.
/// A window that is over but not yet settled can't be given up, since usage inside it would be charged twice:
/// it is kept open until the new end, and the pause in between is the household's gain, bounded by the outage.
fn window(record: &Record, now: u64, seconds: u64) -> Option<(u32, u32)> {
    let until = u64::from(record.paid_until);
    if now < until {
        return Some((record.paid_from, fit(until.checked_add(seconds)?)?));
    }
    let close = fit(time::ceil(now.checked_add(seconds)?)?)?;
    if record.last_read_at >= record.paid_until {
        Some((fit(time::floor(now))?, close))
    } else {
        Some((record.paid_from, close))
    }
}

fn fit(at: u64) -> Option<u32> {
    u32::try_from(at).ok()
}
