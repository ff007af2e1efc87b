//! One meter's part of a batch, decided without the ledger: accept and charge, or refuse.

use crate::record::Record;
use crate::time::overlap_s;
use crate::types::Mode;
use crate::usage::Usage;

const SECONDS_PER_HOUR: u64 = 3600;
/// Thousandths of a stroop per stroop: a rate is per kWh, usage is in Wh.
const MILLI: u64 = 1000;

/// What holds for every meter of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// End of the batch's period, unix s.
    pub to: u32,
    /// Stroops per kWh: off-peak, standard, peak.
    pub rates: [i64; 3],
}

/// The record after `usage`, or `None` when the usage can't be true or its charge can't be held.
///
/// Refused: a deactivated meter, more than the connection can carry since the last reading,
/// more included usage than fits into the plan window, sums that don't fit the record.
pub fn settle(record: &Record, usage: &Usage, terms: &Terms) -> Option<Record> {
    if record.is_deactivated() || !is_plausible(record, usage, terms.to) {
        return None;
    }
    let mut next = *record;
    next.total_wh = record.total_wh.checked_add(usage.total_wh())?;
    next.last_read_at = record.last_read_at.max(terms.to);
    if record.mode() == Mode::Prepaid {
        charge(&mut next, usage, &terms.rates)?;
    }
    Some(next)
}

fn is_plausible(record: &Record, usage: &Usage, to: u32) -> bool {
    let from = record.last_read_at.min(to);
    let paid_s = overlap_s(from, to, record.paid_from, record.paid_until);
    usage.total_wh() <= most_wh(record, to - from)
        && (usage.included_wh == 0 || u64::from(usage.included_wh) <= most_wh(record, paid_s))
}

/// The most a connection can carry in `seconds`, in Wh; one more, because registers round.
fn most_wh(record: &Record, seconds: u32) -> u64 {
    u64::from(record.max_power_w()) * u64::from(seconds) / SECONDS_PER_HOUR + 1
}

/// Debits the tiers, rounding down to whole stroops and carrying the rest: any split of a period costs the same.
///
/// `None` when the charge is beyond 64 bits of thousandths: no tariff charges a household 10^16 stroops at once.
fn charge(record: &mut Record, usage: &Usage, rates: &[i64; 3]) -> Option<()> {
    let mut cost_milli = u64::from(record.remainder);
    for (wh, rate) in usage.tiers_wh.iter().zip(rates) {
        let tier = u64::from(*wh).checked_mul(u64::try_from(*rate).ok()?)?;
        cost_milli = cost_milli.checked_add(tier)?;
    }
    let cost = i64::try_from(cost_milli / MILLI).ok()?;
    record.balance = record.balance.checked_sub(cost)?;
    record.remainder = (cost_milli % MILLI) as u16;
    Some(())
}
