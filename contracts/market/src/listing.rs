//! Listings: what producers offer, never more than they exported while certified, and what they have earned.
//!
//! The market itself may be a seller too, of refunded energy: its listing is backed by the reserve and earns for it.

use core::ops::Range;

use soroban_sdk::unwrap::UnwrapOptimized;
use soroban_sdk::{panic_with_error, Address, Env, Vec};
use upkeep::life;

use crate::certification;
use crate::errors::Error;
use crate::events;
use crate::reserve;
use crate::storage::{self, Key};
use crate::terms;
use crate::types::Listing;

/// Most rows of one answer.
pub const MAX_ROWS: u32 = 50;

/// A seller's listing; zeros for somebody who never listed.
pub fn of(e: &Env, seller: &Address) -> Listing {
    storage::get(e, &Key::Listing(seller.clone())).unwrap_or_else(|| Listing {
        balance: 0,
        commission_remainder: 0,
        price: 0,
        remainder: 0,
        seller: seller.clone(),
        sold_wh: 0,
        wh: 0,
    })
}

/// Tells whether the seller is the market itself.
pub fn is_own(e: &Env, seller: &Address) -> bool {
    *seller == e.current_contract_address()
}

/// Offers energy of a certified producer; `price` (stroops per kWh) is that of the whole listing from now on.
pub fn add(e: &Env, producer: &Address, wh: u64, price: i64) {
    certification::check(e, producer);
    let listing = of(e, producer);
    let terms = terms::current(e);
    let exported_wh = certification::exported_wh(e, producer);
    // What doesn't fit a u64 is more than anybody exported.
    let listed_wh = listing.wh.saturating_add(wh);
    if listed_wh.saturating_add(listing.sold_wh) > exported_wh {
        panic_with_error!(e, Error::NotBacked);
    }
    if listed_wh > terms.user_reserve_limit {
        panic_with_error!(e, Error::UserLimitReached);
    }
    let held_wh = reserve::current(e).wh + offered_wh(e);
    if held_wh.saturating_add(wh) > terms.global_reserve_limit {
        panic_with_error!(e, Error::GlobalLimitReached);
    }
    grow(e, listing, wh, price);
}

/// Makes a listing `wh` greater and announces it; the caller has checked what backs it.
pub fn grow(e: &Env, mut listing: Listing, wh: u64, price: i64) {
    if wh == 0 {
        panic_with_error!(e, Error::EnergyNotPositive);
    }
    if listing.price == 0 {
        enrol(e, &listing.seller);
    }
    listing.wh += wh;
    change_offered(e, |offered| offered + wh);
    put_at(e, listing, wh, price);
}

/// Changes what a kWh of a listing costs.
pub fn set_price(e: &Env, seller: &Address, price: i64) {
    let listing = of(e, seller);
    if listing.price == 0 {
        panic_with_error!(e, Error::NotListed);
    }
    put_at(e, listing, 0, price);
}

/// Takes energy off a listing; it may be listed again. What the market itself offered goes back to the reserve.
pub fn remove(e: &Env, seller: &Address, wh: u64) {
    let mut listing = of(e, seller);
    take(e, &mut listing, wh);
    life::put(e, &Key::Listing(seller.clone()), &listing);
    if is_own(e, seller) {
        reserve::change(e, |reserve| reserve.wh += wh);
    }
    events::Unlisted {
        seller: seller.clone(),
        removed_wh: wh,
        wh: listing.wh,
    }
    .publish(e);
}

/// Takes energy out of a listing and out of what all offer; the caller stores the listing.
pub fn take(e: &Env, listing: &mut Listing, wh: u64) {
    check_offered(e, listing, wh);
    listing.wh -= wh;
    change_offered(e, |offered| offered - wh);
}

/// Refuses more energy than a listing offers, and none.
pub fn check_offered(e: &Env, listing: &Listing, wh: u64) {
    if wh == 0 {
        panic_with_error!(e, Error::EnergyNotPositive);
    }
    if wh > listing.wh {
        panic_with_error!(e, Error::MoreThanListed);
    }
}

/// Takes earned money (token stroops) off a seller's balance; the caller pays it out.
pub fn debit(e: &Env, seller: &Address, amount: i128) {
    let mut listing = of(e, seller);
    if amount > listing.balance {
        panic_with_error!(e, Error::BalanceTooSmall);
    }
    listing.balance -= amount;
    storage::set(e, &Key::Listing(seller.clone()), &listing);
}

/// Listings in the order of their sellers' first: at most `limit` from `offset` on, also those that offer nothing now.
pub fn page(e: &Env, offset: u32, limit: u32) -> Vec<Listing> {
    let mut listings = Vec::new(e);
    for index in rows(e, offset, limit, seller_count(e)) {
        listings.push_back(of(e, &seller(e, index)));
    }
    listings
}

/// Renews `limit` listings from `offset` on.
pub fn extend(e: &Env, offset: u32, limit: u32) {
    for index in rows(e, offset, limit, seller_count(e)) {
        life::keep(e, &Key::Seller(index));
        life::keep(e, &Key::Listing(seller(e, index)));
    }
}

/// Numbers of the rows that a caller asks for, cut to those that exist.
pub fn rows(e: &Env, offset: u32, limit: u32, length: u32) -> Range<u32> {
    if !(1..=MAX_ROWS).contains(&limit) {
        panic_with_error!(e, Error::InvalidLimit);
    }
    offset.min(length)..offset.saturating_add(limit).min(length)
}

/// Sum of all listings, Wh.
fn offered_wh(e: &Env) -> u64 {
    storage::of_instance(e, &Key::OfferedWh)
}

fn change_offered(e: &Env, change: impl FnOnce(u64) -> u64) {
    storage::set_of_instance(e, &Key::OfferedWh, &change(offered_wh(e)));
}

fn put_at(e: &Env, mut listing: Listing, added_wh: u64, price: i64) {
    if price <= 0 {
        panic_with_error!(e, Error::PriceNotPositive);
    }
    listing.price = price;
    life::put(e, &Key::Listing(listing.seller.clone()), &listing);
    events::Listed {
        seller: listing.seller,
        added_wh,
        price,
        wh: listing.wh,
    }
    .publish(e);
}

/// Puts a seller who lists for the first time at the end of the list.
fn enrol(e: &Env, seller: &Address) {
    let count = seller_count(e);
    life::put(e, &Key::Seller(count), seller);
    storage::set_of_instance(e, &Key::SellerCount, &(count + 1));
}

fn seller_count(e: &Env) -> u32 {
    storage::of_instance(e, &Key::SellerCount)
}

fn seller(e: &Env, index: u32) -> Address {
    // The list has no holes: every number below its length was written.
    storage::get(e, &Key::Seller(index)).unwrap_optimized()
}
