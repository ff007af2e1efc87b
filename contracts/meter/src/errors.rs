//! Every way a call can be refused. Numbers are part of the ABI: never reused, never renumbered.

use soroban_sdk::{contracterror, panic_with_error, Env, SpecShakingMarker};

/// Grouped by what the caller has to mend: 1.. the place, 20.. the batch, 40.. the payment, 50.. the price, 60.. the meter, 70.. the market,
/// 80.. the till.
#[contracterror]
#[derive(Copy, Clone, Debug, Eq, PartialEq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Error {
    /// No such site: `add_site` comes first.
    UnknownSite = 1,
    /// The site exists already.
    SiteExists = 2,
    /// No such meter: `register_meter` comes first.
    UnknownMeter = 3,
    /// The slot was handed out before; slots are never reused.
    AlreadyRegistered = 4,
    /// Slots are handed out in order: this one skips the site's next.
    SlotOutOfOrder = 5,
    /// The site has no such page.
    UnknownPage = 6,
    /// The page was written by a layout that this code doesn't know: migrate or upgrade.
    UnknownLayout = 7,
    /// The signer isn't on the site's list.
    NotAllowed = 8,
    /// The site's list of signers is full: disallow one first.
    TooManySigners = 9,
    /// The site has had a meter, a batch or a float: it can't be removed any more.
    SiteNotEmpty = 10,

    /// A batch's period must be from < to, both on the grid of 900 s.
    InvalidPeriod = 20,
    /// The period ends later than the ledger's clock allows.
    PeriodInFuture = 21,
    /// The sequence was used for a batch with other content.
    SequenceUsed = 22,
    /// The sequence isn't the next one.
    SequenceGap = 23,
    /// Another database writes for this site: take over first.
    WrongWriter = 24,
    /// The period doesn't begin where the last one ended.
    NotContiguous = 25,
    /// The named price version wasn't in force for the whole period.
    WrongPriceVersion = 26,
    /// The pages don't ascend, or can't be decoded.
    InvalidBatchData = 27,
    /// The site has no receipt yet, so there is nothing to take over.
    NoReceipt = 28,
    /// The receipt isn't the one that was expected: read it again.
    TakeoverMismatch = 29,
    /// The site settles in batches: single reports would count its usage twice.
    SettledByBatches = 30,
    /// Units are all usage ever: they can't be fewer than what was accepted.
    UsageGoesBack = 31,
    /// More than the connection can carry since the last reading, or a charge that doesn't fit the record.
    ImplausibleUsage = 32,
    /// The meter was deactivated: activate it first.
    MeterDeactivated = 33,

    /// Amounts are greater than zero.
    AmountNotPositive = 40,
    /// The amount, or what it adds up to, doesn't fit the record.
    AmountTooLarge = 41,
    /// The amount doesn't buy one whole plan.
    AmountBelowPlanPrice = 42,
    /// The price in force doesn't offer this plan.
    PlanNotOffered = 43,
    /// No price is in force yet.
    NoPriceInForce = 44,
    /// Daily and weekly plans are for prepaid meters: the others aren't charged here, so a plan would buy nothing.
    PlanNotForMode = 45,
    /// The meter owes less than is to be written off.
    MoreThanOwed = 46,
    /// Less was written off than is to be reinstated.
    MoreThanWrittenOff = 47,
    /// The site's float holds less: fund it first.
    FloatTooSmall = 48,
    /// A credit carries from 1 to 100 top-ups, exact to the byte.
    InvalidTopUps = 49,

    /// No such price version.
    UnknownPriceVersion = 50,
    /// A price needs exactly three energy rates, none of its amounts below zero, and a start on the grid of 900 s.
    InvalidPrice = 51,
    /// A price must start later than the one before it.
    PriceNotLater = 52,
    /// A price other than the first must be set a day before it starts.
    PriceTooSoon = 53,
    /// The price is in force already: set another one.
    PriceInForce = 54,

    /// The settlement mode is 0 (prepaid), 1 (streaming) or 2 (postpaid).
    InvalidMode = 60,
    /// The greatest power must be from 1 W to 655 350 W.
    InvalidMaxPower = 61,

    /// No market is named: `set_market` comes first.
    NoMarket = 70,
    /// The meter has less market credit than is to be taken.
    MarketCreditTooSmall = 71,
    /// Energy is bought for prepaid meters: the others aren't charged here.
    MeterNotPrepaid = 72,

    /// The contract holds less that doesn't belong to a float.
    MoreThanCollected = 80,
}

/// Ends the call with `error`.
///
/// One function for every refusal, which gives the error's number as it is: `panic_with_error!` in its place, some
/// hundred times over, would take a tenth of the contract's code, for which rent is paid.
#[inline(never)]
pub fn refuse(env: &Env, error: Error) -> ! {
    Error::spec_shaking_marker();
    panic_with_error!(env, soroban_sdk::Error::from_contract_error(error as u32))
}
