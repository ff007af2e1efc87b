//! Reading back: what one meter used in an hour, at which price, and what a day like its last 24 hours costs.
//! Nothing older than a week before the site's newest hour is served, whatever the entries still hold.

use soroban_sdk::{panic_with_error, Env, Vec};

use crate::day::{DAYS, WEEK_HOURS};
use crate::errors::Error;
use crate::hour::Hour;
use crate::recording::{weekday, HOUR_S};
use crate::storage;
use crate::types::Data;
use crate::usage::PAGE_SLOTS;

/// Most hours of one question, and of one projection.
pub const DAY_HOURS: u32 = 24;
/// Thousandths of a stroop per stroop: a price is per kWh, usage is in Wh.
const MILLI: u64 = 1000;

/// What one meter used in one hour.
#[derive(Clone, Copy)]
struct Fact {
    usage_wh: u16,
    /// Stroops per kWh.
    price: u32,
    tier: u8,
}

/// One meter's week, read entry by entry as it is asked for.
struct Week<'a> {
    e: &'a Env,
    site: u32,
    slot: u32,
    /// The last of the hours served, in hours since 1970.
    newest: u32,
    /// By the hour's number % 168.
    facts: [Option<Fact>; WEEK_HOURS as usize],
    /// Which weekdays were read.
    read: [bool; DAYS as usize],
}

/// The newest hour of a meter, or [`Error::NoData`].
pub fn latest(e: &Env, meter_id: u64) -> Data {
    let mut week = Week::of(e, meter_id);
    let oldest = week.oldest();
    let newest = (oldest..=week.newest)
        .rev()
        .find_map(|number| week.data(number));
    newest.unwrap_or_else(|| panic_with_error!(e, Error::NoData))
}

/// The hour of a meter that `timestamp` (unix s) lies in, or [`Error::NoData`].
pub fn at(e: &Env, meter_id: u64, timestamp: u64) -> Data {
    let data = u32::try_from(timestamp / HOUR_S)
        .ok()
        .and_then(|number| Week::of(e, meter_id).data(number));
    data.unwrap_or_else(|| panic_with_error!(e, Error::NoData))
}

/// The recorded ones of `hours` hours (1 to 24) from the one that `from` (unix s) lies in.
pub fn range(e: &Env, meter_id: u64, from: u64, hours: u32) -> Vec<Data> {
    if hours == 0 || hours > DAY_HOURS {
        panic_with_error!(e, Error::InvalidRange);
    }
    let mut found = Vec::new(e);
    let mut week = Week::of(e, meter_id);
    let first = u32::try_from(from / HOUR_S).unwrap_or(u32::MAX);
    for number in first..first.saturating_add(hours) {
        if let Some(data) = week.data(number) {
            found.push_back(data);
        }
    }
    found
}

impl<'a> Week<'a> {
    fn of(e: &'a Env, meter_id: u64) -> Self {
        let site = (meter_id >> 32) as u32;
        let newest = storage::site(e, site).map_or(0, |site| site.newest);
        Self {
            e,
            site,
            slot: meter_id as u32,
            newest: (newest / HOUR_S) as u32,
            facts: [None; WEEK_HOURS as usize],
            read: [false; DAYS as usize],
        }
    }

    const fn oldest(&self) -> u32 {
        self.newest.saturating_sub(WEEK_HOURS - 1)
    }

    fn data(&mut self, number: u32) -> Option<Data> {
        let fact = self.fact(number)?;
        Some(Data {
            usage_wh: fact.usage_wh.into(),
            price: fact.price.into(),
            tier: fact.tier.into(),
            timestamp: u64::from(number) * HOUR_S,
            projected_daily_cost: self.projection(number),
        })
    }

    /// 24 times the mean cost of the last up to 24 recorded hours, `number` being the last, rounded half up to stroops.
    fn projection(&mut self, number: u32) -> i64 {
        let mut sum_milli = 0;
        let mut hours = 0;
        for earlier in (self.oldest()..=number).rev() {
            if let Some(fact) = self.fact(earlier) {
                sum_milli += u64::from(fact.usage_wh) * u64::from(fact.price);
                hours += 1;
            }
            if hours == u64::from(DAY_HOURS) {
                break;
            }
        }
        // Nothing here reaches 2^59: 48 times 24 hours of 2^16 Wh at 2^32 stroops per kWh.
        let divisor = (hours * MILLI).max(1);
        ((2 * u64::from(DAY_HOURS) * sum_milli + divisor) / (2 * divisor)) as i64
    }

    fn fact(&mut self, number: u32) -> Option<Fact> {
        if !(self.oldest()..=self.newest).contains(&number) {
            return None;
        }
        let weekday = weekday(number);
        if !self.read[weekday as usize] {
            self.read_day(weekday);
        }
        self.facts[(number % WEEK_HOURS) as usize]
    }

    fn read_day(&mut self, weekday: u32) {
        self.read[weekday as usize] = true;
        let page = self.slot / PAGE_SLOTS as u32;
        let index = self.slot as usize % PAGE_SLOTS;
        let served = self.oldest()..=self.newest;
        let day = storage::day(self.e, self.site, page, weekday);
        for hour in day.hours().filter(|hour| served.contains(&hour.number)) {
            self.facts[(hour.number % WEEK_HOURS) as usize] = fact_of(&hour, index);
        }
    }
}

fn fact_of(hour: &Hour, index: usize) -> Option<Fact> {
    let cell = hour.cells.at(index)?;
    Some(Fact {
        usage_wh: cell.usage_wh,
        price: hour.prices.at(cell.price_index)?,
        tier: hour.tier,
    })
}
