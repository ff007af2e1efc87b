//! Every way a call can be refused. Numbers are part of the ABI: never reused, never renumbered, and different from those
//! of the other contracts, whose refusals come through the same call.

use soroban_sdk::contracterror;

/// Grouped by what the caller has to mend: 300.. the producer's standing, 310.. money and limits, 320.. the argument, 330.. the report.
#[contracterror]
#[derive(Copy, Clone, Debug, Eq, PartialEq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Error {
    /// The producer has no open application: `apply_for_certification` comes first.
    NoApplication = 300,
    /// The producer has an open application already: wait for the decision, or withdraw it.
    ApplicationOpen = 301,
    /// The producer isn't certified now.
    NotCertified = 302,
    /// Only a revoked certification can be reinstated.
    NotRevoked = 303,
    /// Nobody decides about oneself: let another certifier do it.
    OwnCertification = 304,
    /// The account doesn't hold the role: the admin names certifiers and reporters.
    NotAllowed = 305,

    /// The fee isn't the one that `get_fee` tells.
    WrongFee = 310,
    /// A fee is from 0 to the greatest i64.
    InvalidFee = 311,
    /// The capacity isn't within `get_capacity_limits`.
    CapacityOutOfLimits = 312,
    /// Limits need 1 W <= minimum <= maximum.
    InvalidCapacityLimits = 313,
    /// Amounts are greater than zero.
    AmountNotPositive = 314,
    /// More than `get_earned_fees`: fees of open applications aren't the provider's yet.
    MoreThanEarned = 315,

    /// A reason is 1 to 200 bytes long.
    InvalidReason = 320,
    /// A page of a list has 1 to 50 rows.
    InvalidLimit = 321,
    /// The role has 16 holders already: remove one first.
    TooManyHolders = 322,

    /// The register shows less than at the last report: mend the gateway's register, never the chain's.
    RegisterGoesBack = 330,
    /// More than the certified capacity can have exported since the last report.
    ImplausibleProduction = 331,
    /// The first day asked for is older than the 64 days that are kept.
    HistoryGone = 332,
    /// Ask for 1 to 64 days.
    InvalidDays = 333,
    /// The entry was written by a layout that this code doesn't know: migrate or upgrade.
    UnknownLayout = 334,
}
