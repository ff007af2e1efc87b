//! What energy costs: exact, with what doesn't make a whole stroop carried to the listing's next sale.
//!
//! Both amounts are rounded down, so no buyer pays for more than was bought; and since the rests are carried in the listing,
//! a seller's sales together earn what all their energy together costs, less than a stroop apart.

use soroban_sdk::{panic_with_error, Env};

use crate::errors::Error;
use crate::terms::{self, WHOLE};
use crate::types::{Listing, Quote};

/// A price is per kWh, energy in Wh: their product is in thousandths.
const WH_PER_KWH: u64 = 1_000;

/// What `wh` of a listing cost now.
pub fn of(e: &Env, listing: &Listing, wh: u32) -> Quote {
    apply(e, &mut listing.clone(), wh)
}

/// What `wh` of a listing cost now; the listing carries the remainders on.
pub fn apply(e: &Env, listing: &mut Listing, wh: u32) -> Quote {
    let rate = terms::current(e).commission_rate;
    reckon(listing, wh, rate).unwrap_or_else(|| panic_with_error!(e, Error::AmountTooLarge))
}

fn reckon(listing: &mut Listing, wh: u32, rate: u32) -> Option<Quote> {
    let price = u64::try_from(listing.price).ok()?;
    let cost = u64::from(wh).checked_mul(price)?;
    let cost = cost.checked_add(listing.remainder.into())?;
    let energy = cost / WH_PER_KWH;
    let fee = energy.checked_mul(rate.into())?;
    let fee = fee.checked_add(listing.commission_remainder.into())?;
    let commission = fee / u64::from(WHOLE);
    listing.remainder = u32::try_from(cost % WH_PER_KWH).ok()?;
    listing.commission_remainder = u32::try_from(fee % u64::from(WHOLE)).ok()?;
    // Both are far below 2^63 after their divisions.
    Some(Quote {
        commission: i64::try_from(commission).ok()?,
        energy: i64::try_from(energy).ok()?,
        total: i64::try_from(energy + commission).ok()?,
    })
}
