//! Every way a call can be refused. Numbers are part of the ABI: never reused, never renumbered.

use soroban_sdk::contracterror;

/// Grouped by what the caller has to mend: 1.. the place, 20.. the hours, 40.. the question, 50.. the world around.
#[contracterror]
#[derive(Copy, Clone, Debug, Eq, PartialEq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Error {
    /// The writer isn't on the site's list: `allow` comes first.
    NotAllowed = 1,
    /// The site's list of writers is full: disallow one first.
    TooManyWriters = 2,
    /// Nobody was ever allowed to write for this site.
    UnknownSite = 3,

    /// A call holds 1 to 24 hours: send the rest in another one.
    InvalidHours = 20,
    /// An hour begins at a multiple of 3600 s.
    InvalidHour = 21,
    /// The hour isn't over: send it when it is.
    HourNotClosed = 22,
    /// Hours go from the oldest to the newest, each once.
    HoursOutOfOrder = 23,
    /// The hour is older than the newest one recorded and was never recorded for this page: it is too late.
    HourTooOld = 24,
    /// The hour was recorded with other content: what is recorded stays.
    HourUsed = 25,
    /// A tier is 0 (off-peak), 1 (standard) or 2 (peak).
    InvalidTier = 26,
    /// An hour has 1 to 7 different prices, each 0 to 4 294 967 295 stroops per kWh.
    InvalidPrices = 27,
    /// Pages are there, ascending, and their data exact to the byte.
    InvalidUsage = 28,

    /// Nothing is recorded for this meter and hour, or not any more.
    NoData = 40,
    /// A question is about 1 to 24 hours.
    InvalidRange = 41,

    /// The meter contract's page, or an entry here, is of a layout that this code doesn't know: upgrade.
    UnknownLayout = 50,
}
