//! The ledger entries: one key type, one place that reads, writes and keeps them alive.

use soroban_sdk::unwrap::UnwrapOptimized;
use soroban_sdk::{contracttype, panic_with_error, Address, Bytes, Env};
use upkeep::life;

use crate::day::{Day, DAYS};
use crate::errors::Error;
use crate::types::Site;

/// Eight days of five-second ledgers, as in [`upkeep::life`], which renews persistent entries only.
const SLACK_LEDGERS: u32 = 138_240;

/// Names of the entries. `Meter` lives in the instance, `Site` is persistent, `Day` temporary.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The meter contract, which tells what streams.
    Meter,
    /// A village: its writers and its newest hour.
    Site(u32),
    /// Hours of a page that lie on one weekday: (site, page, day number % 7).
    ///
    /// Temporary: rent is half as high, it lives as long (180 days), and once it has run out nobody asks for it:
    /// what it holds is served for a week.
    Day(u32, u32, u32),
}

/// The contract that knows the meters.
pub fn meter(e: &Env) -> Address {
    // The constructor has set it: there is no instance without one.
    e.storage().instance().get(&Key::Meter).unwrap_optimized()
}

/// The site, if anybody was ever allowed to write for it.
pub fn site(e: &Env, site: u32) -> Option<Site> {
    e.storage().persistent().get(&Key::Site(site))
}

/// Writes the site and renews it.
pub fn put_site(e: &Env, site: u32, value: &Site) {
    life::put(e, &Key::Site(site), value);
}

/// The weekday's hours; an empty day when there are none.
pub fn day(e: &Env, site: u32, page: u32, weekday: u32) -> Day {
    let bytes: Option<Bytes> = e.storage().temporary().get(&Key::Day(site, page, weekday));
    match bytes {
        None => Day::new(),
        Some(bytes) => {
            Day::decode(&bytes).unwrap_or_else(|| panic_with_error!(e, Error::UnknownLayout))
        }
    }
}

/// Writes the weekday's hours and renews them.
pub fn put_day(e: &Env, site: u32, page: u32, weekday: u32, day: &Day) {
    let key = Key::Day(site, page, weekday);
    e.storage().temporary().set(&key, &day.encode(e));
    keep(e, &key);
}

/// Renews what is stored of a page.
pub fn keep_page(e: &Env, site: u32, page: u32) {
    for weekday in 0..DAYS {
        let key = Key::Day(site, page, weekday);
        if e.storage().temporary().has(&key) {
            keep(e, &key);
        }
    }
}

fn keep(e: &Env, key: &Key) {
    let longest = e.storage().max_ttl();
    let threshold = longest.saturating_sub(SLACK_LEDGERS);
    e.storage().temporary().extend_ttl(key, threshold, longest);
}
