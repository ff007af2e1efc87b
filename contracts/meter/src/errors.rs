//! Every way a call can be refused. Numbers are part of the ABI: never reused, never renumbered.

use soroban_sdk::contracterror;

/// Grouped by what the caller has to mend: 1.. the place, 20.. the batch, 40.. the payment, 50.. the price, 60.. the meter.
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
    /// The page data can't be decoded.
    InvalidBatchData = 27,
    /// The site has no receipt yet, so there is nothing to take over.
    NoReceipt = 28,
    /// The receipt isn't the one that was expected: read it again.
    TakeoverMismatch = 29,

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

    /// No such price version.
    UnknownPriceVersion = 50,
    /// A price needs exactly three energy rates, none of its amounts below zero, and a start on the grid of 900 s.
    InvalidPrice = 51,
    /// A price must start later than the one before it, and not in the past.
    PriceNotLater = 52,

    /// The settlement mode is 0 (prepaid), 1 (streaming) or 2 (postpaid).
    InvalidMode = 60,
    /// The greatest power must be from 1 W to 655 350 W.
    InvalidMaxPower = 61,
}
