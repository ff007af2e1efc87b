//! When a daily or weekly plan opens and closes. Every edge falls on the grid, rounded in the household's favour.

use crate::record::Record;
use crate::time;
use crate::types::Plan;

const DAY_S: u64 = 86_400;
const WEEK_S: u64 = 7 * DAY_S;

/// Seconds that one plan lasts; usage-based credit has no end.
pub const fn length_s(plan: Plan) -> Option<u64> {
    match plan {
        Plan::Daily => Some(DAY_S),
        Plan::Weekly => Some(WEEK_S),
        Plan::UsageBased => None,
    }
}

/// The window after `seconds` more were paid for at `now` (unix s): (paid from, paid until), or `None` beyond the record's range.
///
/// A running window grows at its end. A window that is over and settled gives way to a new one, which opens now.
/// A window that is over but not yet settled can't be given up, since usage inside it would be charged twice:
/// it is kept open until the new end, and the pause in between is the household's gain, bounded by the outage.
pub fn window(record: &Record, now: u64, seconds: u64) -> Option<(u32, u32)> {
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
