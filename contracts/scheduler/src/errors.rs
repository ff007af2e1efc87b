//! Every way a call can be refused. Numbers are part of the ABI: never reused, never renumbered.

use soroban_sdk::contracterror;

/// Grouped by what the caller has to mend: 1.. the subscription, 20.. the hour, 40.. the schedule.
#[contracterror]
#[derive(Copy, Clone, Debug, Eq, PartialEq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Error {
    /// The oracle doesn't know the meter as streaming: register it as such in the meter contract.
    NotStreaming = 1,
    /// Somebody else pays for this meter: that subscription has to end first.
    AlreadySubscribed = 2,
    /// This user doesn't pay for this meter.
    NotSubscriber = 3,
    /// Nobody pays for this meter.
    NotSubscribed = 4,
    /// The meter was never subscribed or scheduled.
    UnknownMeter = 5,

    /// An hour begins at a multiple of 3600 s.
    InvalidHour = 20,
    /// The oracle has no usage of this meter for this hour: record it first, within a week.
    NoUsage = 21,
    /// The hour is a week older than the newest one scheduled: whether it was charged isn't known any more.
    HourTooOld = 22,
    /// 48 schedules of this meter are open: execute or reschedule some first.
    BookFull = 23,
    /// The meter's accounts can't hold this amount.
    AmountTooLarge = 24,

    /// No such schedule, or it was final long ago and gave its place to another.
    UnknownSchedule = 40,
    /// The schedule isn't due yet: try again when it is.
    NotDue = 41,
    /// Nobody executed the schedule for 24 hours: `reschedule_expired` comes first.
    Expired = 42,
    /// The schedule isn't expired: it can be executed, or is final.
    NotExpired = 43,
    /// The schedule has ended.
    AlreadyFinal = 44,
    /// The user's balance and allowance suffice: `execute` it.
    FundsSuffice = 45,
    /// The token doesn't refuse: `execute` it, or `handle_insufficient_funds`.
    NotRefused = 46,
    /// A call is about 1 to 25 meters or schedules: split the list.
    InvalidCount = 47,

    /// A book is of a layout that this code doesn't know: upgrade.
    UnknownLayout = 50,
}
