//! The platform's own: money that refunds are paid from, and refunded energy that may be sold again. Never a seller's.

use soroban_sdk::{panic_with_error, Env};

use crate::errors::Error;
use crate::listing;
use crate::storage::{self, Key};
use crate::types::Reserve;

/// What belongs to the platform.
pub fn current(e: &Env) -> Reserve {
    storage::of_instance(e, &Key::Reserve)
}

/// Changes the platform's books.
pub fn change(e: &Env, change: impl FnOnce(&mut Reserve)) {
    let mut reserve = current(e);
    change(&mut reserve);
    storage::set_of_instance(e, &Key::Reserve, &reserve);
}

/// Takes money (token stroops) off the platform's funds; the caller pays it out.
pub fn spend(e: &Env, amount: i128) {
    if amount > current(e).funds {
        panic_with_error!(e, Error::ReserveTooSmall);
    }
    change(e, |reserve| reserve.funds -= amount);
}

/// Offers refunded energy again, in the market's own listing; `price` (stroops per kWh) is that of all of it from now on.
pub fn sell(e: &Env, wh: u64, price: i64) {
    let Some(rest) = current(e).wh.checked_sub(wh) else {
        panic_with_error!(e, Error::MoreThanInReserve);
    };
    change(e, |reserve| reserve.wh = rest);
    let own = listing::of(e, &e.current_contract_address());
    listing::grow(e, own, wh, price);
}
