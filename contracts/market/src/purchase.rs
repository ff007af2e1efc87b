//! Buying for a meter, and giving back what it hasn't used. Each changes all books in one call, or none.

use soroban_sdk::{panic_with_error, Address, Env};

use crate::certification;
use crate::errors::Error;
use crate::holding;
use crate::listing;
use crate::meter;
use crate::quote;
use crate::reserve;
use crate::storage::{self, Key};
use crate::terms;
use crate::types::{Listing, Quote};

/// What `wh` of a seller's listing would cost now.
pub fn quote(e: &Env, seller: &Address, wh: u32) -> Quote {
    let listing = for_sale(e, seller);
    listing::check_offered(e, &listing, wh.into());
    quote::of(e, &listing, wh)
}

/// Moves energy from a listing to a meter, and its price from the buyer to seller and platform.
pub fn buy(
    e: &Env,
    buyer: &Address,
    seller: &Address,
    meter_id: u64,
    wh: u32,
    max_total: i64,
) -> Quote {
    if buyer == seller {
        panic_with_error!(e, Error::OwnEnergy);
    }
    if !terms::is_open(e, meter::site_of(meter_id)) {
        panic_with_error!(e, Error::SiteClosed);
    }
    let mut listing = for_sale(e, seller);
    listing::take(e, &mut listing, wh.into());
    let quote = quote::apply(e, &mut listing, wh);
    if quote.total > max_total {
        panic_with_error!(e, Error::PriceAboveLimit);
    }
    listing.sold_wh += u64::from(wh);
    holding::add(e, meter_id, buyer, wh, quote.energy);
    share_out(e, &mut listing, &quote);
    storage::set(e, &Key::Listing(seller.clone()), &listing);
    if quote.total > 0 {
        let market = e.current_contract_address();
        storage::token(e).transfer(buyer, &market, &quote.total.into());
    }
    meter::add_credit(e, meter_id, wh);
    quote
}

/// Moves unused energy from a meter to the reserve, and its refund from the platform's funds to the buyer.
pub fn refund(e: &Env, buyer: &Address, meter_id: u64, wh: u32) -> i64 {
    if wh == 0 {
        panic_with_error!(e, Error::EnergyNotPositive);
    }
    let rate = terms::current(e).refund_rate;
    let amount = holding::take(e, meter_id, buyer, wh, rate);
    reserve::spend(e, amount.into());
    reserve::change(e, |reserve| reserve.wh += u64::from(wh));
    meter::take_credit(e, meter_id, wh);
    if amount > 0 {
        let market = e.current_contract_address();
        storage::token(e).transfer(&market, buyer, &amount.into());
    }
    amount
}

/// A listing that may be bought from now: a producer must be certified at this moment.
fn for_sale(e: &Env, seller: &Address) -> Listing {
    if !listing::is_own(e, seller) {
        certification::check(e, seller);
    }
    listing::of(e, seller)
}

fn share_out(e: &Env, listing: &mut Listing, quote: &Quote) {
    let own = listing::is_own(e, &listing.seller);
    let income = if own { quote.total } else { quote.commission };
    if !own {
        listing.balance += i128::from(quote.energy);
    }
    reserve::change(e, |reserve| reserve.funds += i128::from(income));
}
