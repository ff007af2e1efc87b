//! The types of the ABI: what entry points return.

use soroban_sdk::{contracttype, Address};

/// Where a schedule stands. `Executed`, `PartialPaid` and `Cancelled` are final; each schedule ends in exactly one.
#[contracttype]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// Waits for its hour mark.
    Created = 1,
    /// Is due: anyone may execute it.
    Pending = 2,
    /// Was paid in full.
    Executed = 3,
    /// Could not be paid: announced with its reason, and left at once for `RetryQueued`.
    Failed = 4,
    /// Failed once; two hours later what is there is paid.
    RetryQueued = 5,
    /// Paid what was there, maybe nothing; the rest went into the meter's next schedule.
    PartialPaid = 6,
    /// Won't be paid here: its amount waits in `uncollected` for the invoice.
    Cancelled = 7,
    /// Wasn't executed for 24 hours after it was due: has to be rescheduled.
    Expired = 8,
}

/// Why a payment failed, or was made in part.
#[contracttype]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reason {
    /// Nothing failed.
    None = 0,
    /// The user holds too few tokens.
    InsufficientBalance = 1,
    /// The user's allowance is smaller than the amount: spent in part, or overwritten by a smaller one.
    AllowanceTooSmall = 2,
    /// The user's allowance is zero: it has expired, was withdrawn, or is spent.
    AllowanceExpired = 3,
    /// The token refuses, though the money is there: it is paused, or one of the two may not hold it.
    TokenRefused = 4,
}

/// One schedule as it stands at this ledger's time.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleStatus {
    pub id: u64,
    pub meter_id: u64,
    /// Start of the hour that is charged, unix s.
    pub hour: u64,
    /// From when on it may be executed, unix s.
    pub due: u64,
    /// Stroops, fixed when it was created.
    pub amount: i64,
    /// Stroops that were paid.
    pub paid: i64,
    pub status: Status,
    /// Of the last failure.
    pub reason: Reason,
    /// When it ended, unix s; 0 while it is open.
    pub settled_at: u64,
}

/// Who pays for a meter.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub user: Address,
    /// Hours that begin here or later are the user's, unix s.
    pub since: u64,
}

/// Where a meter's money is, in stroops. The usage of all scheduled hours times their prices, in thousandths of a
/// stroop, is always 1000 x (paid + open + rolled + uncollected) + remainder.
#[contracttype]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Paid to the provider, ever.
    pub paid: i64,
    /// In schedules that aren't final.
    pub open: i64,
    /// Left over from payments made in part; goes into the next schedule.
    pub rolled: i64,
    /// Left to the invoice, ever.
    pub uncollected: i64,
    /// Thousandths of a stroop that wait for the next schedule (0..1000).
    pub remainder: u32,
}
