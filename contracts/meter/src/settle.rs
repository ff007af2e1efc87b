//! One meter's usage, decided without the ledger: accept and charge, or refuse.

use crate::record::Record;
use crate::time::overlap_s;
use crate::types::Mode;
use crate::usage::{Usage, INCLUDED, MARKET};

const SECONDS_PER_HOUR: u64 = 3600;
/// Thousandths of a stroop per stroop: a rate is per kWh, usage is in Wh.
const MILLI: u64 = 1000;

/// The greatest charge at once, in thousandths of a stroop.
const MOST_MILLI: u64 = i64::MAX as u64;
/// Which rate is paid for market energy that the meter doesn't have (any more).
const STANDARD: usize = 1;

/// What holds for every meter of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// End of the period, unix s.
    pub to: u32,
    /// Stroops per kWh: off-peak, standard, peak.
    pub rates: [i64; 3],
}

/// Makes `record` the one after `usage`; `None` when the usage can't be true or its charge can't be held, and the
/// record is then of no use.
///
/// Refused: a deactivated meter, more than the connection can carry since the last reading,
/// more included usage than fits into the plan window, sums that don't fit the record.
pub fn settle(record: &mut Record, usage: &Usage, terms: &Terms) -> Option<()> {
    let wh = usage.total_wh();
    if record.is_deactivated() || !is_plausible(record, wh, usage.wh[INCLUDED], terms.to) {
        return None;
    }
    record.total_wh = record.total_wh.checked_add(wh)?;
    record.last_read_at = record.last_read_at.max(terms.to);
    if record.mode() == Mode::Prepaid {
        charge(record, usage, &terms.rates)?;
    }
    Some(())
}

fn is_plausible(record: &Record, wh: u64, included_wh: u32, to: u32) -> bool {
    let since_s = to.saturating_sub(record.last_read_at);
    wh <= most_wh(record, since_s)
        && (included_wh == 0 || u64::from(included_wh) <= most_wh(record, paid_s(record, to)))
}

/// The usage since the last reading that falls into the plan window, as far as `wh` goes and the connection can carry.
pub fn includable_wh(record: &Record, wh: u32, to: u32) -> u32 {
    match paid_s(record, to) {
        0 => 0,
        seconds => most_wh(record, seconds).min(wh.into()) as u32,
    }
}

fn paid_s(record: &Record, to: u32) -> u32 {
    overlap_s(record.last_read_at, to, record.paid_from, record.paid_until)
}

/// The most a connection can carry in `seconds`, in Wh; one more, because registers round.
fn most_wh(record: &Record, seconds: u32) -> u64 {
    u64::from(record.max_power_w()) * u64::from(seconds) / SECONDS_PER_HOUR + 1
}

/// Draws market credit, then debits the tiers, rounding down to whole stroops and carrying the rest: any split of a
/// period costs the same. Market energy that was refunded or used up meanwhile costs the standard rate.
///
/// `None` when the charge is beyond 63 bits of thousandths: no tariff charges a household 9 * 10^15 stroops at once.
fn charge(record: &mut Record, usage: &Usage, rates: &[i64; 3]) -> Option<()> {
    let market_wh = usage.wh[MARKET];
    let drawn_wh = market_wh.min(record.market_credit_wh);
    record.market_credit_wh -= drawn_wh;
    let mut cost_milli = u64::from(record.remainder);
    for (tier, rate) in rates.iter().enumerate() {
        let mut wh = u64::from(usage.wh[tier]);
        if tier == STANDARD {
            wh += u64::from(market_wh - drawn_wh);
        }
        let rate = u64::try_from(*rate).ok()?;
        // Asked by a division, because a checked product is worked out in 128 bits, which takes more code.
        if wh > 0 && rate > MOST_MILLI / wh {
            return None;
        }
        cost_milli = cost_milli.checked_add(wh.wrapping_mul(rate))?;
    }
    let cost = i64::try_from(cost_milli / MILLI).ok()?;
    record.balance = record.balance.checked_sub(cost)?;
    record.remainder = (cost_milli % MILLI) as u16;
    Some(())
}
