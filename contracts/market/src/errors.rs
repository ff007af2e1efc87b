//! Every way a call can be refused. Numbers are part of the ABI: never reused, never renumbered, and different from those
//! of the other contracts, whose refusals come through the same call.

use soroban_sdk::contracterror;

/// Grouped by what the caller has to mend: 400.. the offer, 410.. the purchase, 420.. the argument, 430.. the money.
#[contracterror]
#[derive(Copy, Clone, Debug, Eq, PartialEq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Error {
    /// The producer isn't certified now, so nothing of theirs is sold.
    NotCertified = 400,
    /// More than the producer has exported and not sold or listed yet.
    NotBacked = 401,
    /// One producer may not have that much listed: `user_reserve_limit`.
    UserLimitReached = 402,
    /// The market may not hold that much: `global_reserve_limit`.
    GlobalLimitReached = 403,
    /// The seller has less than that listed.
    MoreThanListed = 404,
    /// The platform's reserve holds less energy than that.
    MoreThanInReserve = 405,
    /// The seller has never listed anything: `add_energy_for_sale` comes first.
    NotListed = 406,

    /// The market is switched off at this meter's site.
    SiteClosed = 410,
    /// A producer doesn't buy their own energy.
    OwnEnergy = 411,
    /// Somebody else's energy is waiting at this meter: let it be used up first.
    OtherBuyer = 412,
    /// It costs more than the buyer allowed: ask for a new quote.
    PriceAboveLimit = 413,
    /// The meter holds less bought energy than that: what was used can't be given back.
    MoreThanHeld = 414,

    /// Energy is greater than zero.
    EnergyNotPositive = 420,
    /// Prices are greater than zero.
    PriceNotPositive = 421,
    /// Amounts are greater than zero.
    AmountNotPositive = 422,
    /// What is bought costs more than can be reckoned with: buy less at a time.
    AmountTooLarge = 423,
    /// Rates are from 0 to 10 000 hundredths of a percent.
    RateTooHigh = 424,
    /// A page of a list has 1 to 50 rows.
    InvalidLimit = 425,

    /// More than the user's token balance.
    BalanceTooSmall = 430,
    /// More than the platform's funds: `fund_reserve` comes first.
    ReserveTooSmall = 431,

    /// The meter's record can't be read: market and meter are of different versions.
    UnknownRecord = 440,
}
