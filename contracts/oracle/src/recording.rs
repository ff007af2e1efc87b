//! Recording hours, each once: an hour is new and counts, or repeats what is recorded and changes nothing, or the
//! call is refused whole. A single bad record never blocks the rest: it is refused by itself and counted.

use soroban_sdk::{panic_with_error, Env, Vec};

use crate::day::DAYS;
use crate::errors::Error;
use crate::events::UsageRecorded;
use crate::hour::{Hour, Prices};
use crate::points::{Page, Points};
use crate::storage;
use crate::types::{HourUsage, PageUsage, Site};
use crate::usage::{Cells, REFUSED, USAGE_MAX_LEN};

/// Seconds of an hour.
pub const HOUR_S: u64 = 3600;
/// How much a gateway's clock may be ahead of the ledger's, in seconds.
pub const CLOCK_SLACK_S: u64 = 900;
/// Most hours of one call.
pub const MAX_HOURS: u32 = 24;

const HIGHEST_TIER: u32 = 2;

/// What the new hours of a call add up to.
#[derive(Default)]
struct Tally {
    hours: u32,
    from: u64,
    to: u64,
    accepted_wh: u64,
    refused: u32,
}

/// Records `hours` for a site and tells of it; a call that only repeats leaves no trace.
pub fn record(e: &Env, site_id: u32, mut site: Site, hours: &Vec<HourUsage>) {
    if hours.is_empty() || hours.len() > MAX_HOURS {
        panic_with_error!(e, Error::InvalidHours);
    }
    let mut points = Points::of(e, site_id);
    let mut tally = Tally::default();
    let mut last = None;
    for hour in hours {
        // `None` is less than every hour.
        if Some(hour.hour) <= last {
            panic_with_error!(e, Error::HoursOutOfOrder);
        }
        last = Some(hour.hour);
        record_hour(e, site_id, &mut site, &hour, &mut points, &mut tally);
    }
    if tally.hours > 0 {
        storage::put_site(e, site_id, &site);
        announce(e, site_id, &tally);
    }
}

fn record_hour(
    e: &Env,
    site_id: u32,
    site: &mut Site,
    hour: &HourUsage,
    points: &mut Points,
    tally: &mut Tally,
) {
    let number = checked_number(e, hour.hour);
    let tier = checked_tier(e, hour.tier);
    let prices = checked_prices(e, &hour.prices);
    let mut last_page = None;
    let mut is_new = false;
    for usage in &hour.pages {
        if Some(usage.page) <= last_page {
            panic_with_error!(e, Error::InvalidUsage);
        }
        last_page = Some(usage.page);
        let reported = Hour {
            number,
            tier,
            prices,
            cells: checked_cells(e, &usage),
        };
        is_new |= record_page(e, (site_id, usage.page), site, reported, points, tally);
    }
    if last_page.is_none() {
        panic_with_error!(e, Error::InvalidUsage);
    }
    if is_new {
        site.newest = hour.hour;
        tally.hours += 1;
        tally.to = hour.hour + HOUR_S;
        if tally.hours == 1 {
            tally.from = hour.hour;
        }
    }
}

/// Records one page's hour; tells whether it was new.
fn record_page(
    e: &Env,
    (site_id, page): (u32, u32),
    site: &Site,
    mut reported: Hour,
    points: &mut Points,
    tally: &mut Tally,
) -> bool {
    let weekday = weekday(reported.number);
    let mut day = storage::day(e, site_id, page, weekday);
    if let Some(stored) = day.find(reported.number) {
        if stored.is_repeated_by(&reported) {
            return false;
        }
        panic_with_error!(e, Error::HourUsed);
    }
    if u64::from(reported.number) * HOUR_S < site.newest {
        panic_with_error!(e, Error::HourTooOld);
    }
    judge(&mut reported, &points.page(page), tally);
    day.push(&reported);
    storage::put_day(e, site_id, page, weekday, &day);
    true
}

/// Refuses each record that can't count, and adds up the others.
fn judge(hour: &mut Hour, page: &Page, tally: &mut Tally) {
    for (index, cell) in hour.cells.iter_mut() {
        let limit_wh = page.hourly_limit_wh(index);
        let plausible = limit_wh.is_some_and(|limit_wh| u32::from(cell.usage_wh) <= limit_wh);
        if plausible && hour.prices.at(cell.price_index).is_some() {
            tally.accepted_wh += u64::from(cell.usage_wh);
        } else {
            *cell = REFUSED;
            tally.refused += 1;
        }
    }
}

/// Which of a page's seven entries an hour (hours since 1970) belongs to.
pub const fn weekday(number: u32) -> u32 {
    number / 24 % DAYS
}

fn checked_number(e: &Env, hour: u64) -> u32 {
    if !hour.is_multiple_of(HOUR_S) {
        panic_with_error!(e, Error::InvalidHour);
    }
    let latest = e.ledger().timestamp().saturating_add(CLOCK_SLACK_S);
    if hour.saturating_add(HOUR_S) > latest {
        panic_with_error!(e, Error::HourNotClosed);
    }
    u32::try_from(hour / HOUR_S).unwrap_or_else(|_| panic_with_error!(e, Error::InvalidHour))
}

fn checked_tier(e: &Env, tier: u32) -> u8 {
    if tier > HIGHEST_TIER {
        panic_with_error!(e, Error::InvalidTier);
    }
    tier as u8
}

fn checked_prices(e: &Env, list: &Vec<i64>) -> Prices {
    let mut prices = Prices::default();
    let whole = list
        .iter()
        .try_for_each(|price| prices.push(u32::try_from(price).ok()?));
    if whole.is_none() || list.is_empty() {
        panic_with_error!(e, Error::InvalidPrices);
    }
    prices
}

fn checked_cells(e: &Env, usage: &PageUsage) -> Cells {
    let mut buffer = [0; USAGE_MAX_LEN];
    let cells = buffer
        .get_mut(..usage.data.len() as usize)
        .and_then(|data| {
            usage.data.copy_into_slice(data);
            Cells::decode(data)
        });
    cells.unwrap_or_else(|| panic_with_error!(e, Error::InvalidUsage))
}

fn announce(e: &Env, site: u32, tally: &Tally) {
    UsageRecorded {
        site,
        hours: tally.hours,
        from: tally.from,
        to: tally.to,
        accepted_wh: tally.accepted_wh,
        refused: tally.refused,
    }
    .publish(e);
}
