//! What the admin sets: price, rates, limits, and the sites where energy may be bought.
//!
//! Everything is closed at first. A site opens when its gateway tells bought energy from other usage; before that,
//! whoever bought would pay twice.

use soroban_sdk::{panic_with_error, Env};
use upkeep::life;

use crate::errors::Error;
use crate::events;
use crate::storage::{self, Key};
use crate::types::Terms;

/// The whole of a rate, in hundredths of a percent.
pub const WHOLE: u32 = 10_000;

/// What is in force.
pub fn current(e: &Env) -> Terms {
    storage::of_instance(e, &Key::Terms)
}

/// Changes what is in force and announces all of it; the caller has checked the value.
pub fn change(e: &Env, change: impl FnOnce(&mut Terms)) {
    let mut terms = current(e);
    change(&mut terms);
    life::keep_instance(e);
    storage::set_of_instance(e, &Key::Terms, &terms);
    events::TermsSet {
        commission_rate: terms.commission_rate,
        global_reserve_limit: terms.global_reserve_limit,
        price: terms.price,
        refund_rate: terms.refund_rate,
        user_reserve_limit: terms.user_reserve_limit,
    }
    .publish(e);
}

/// Refuses a rate above the whole.
pub fn check_rate(e: &Env, rate: u32) {
    if rate > WHOLE {
        panic_with_error!(e, Error::RateTooHigh);
    }
}

/// Tells whether energy may be bought for a site's meters.
pub fn is_open(e: &Env, site: u32) -> bool {
    storage::get(e, &Key::SiteOpen(site)).unwrap_or(false)
}

/// Opens or closes a site for purchases; what was bought stays, and can be refunded.
pub fn set_open(e: &Env, site: u32, open: bool) {
    let key = Key::SiteOpen(site);
    if open {
        life::put(e, &key, &true);
    } else {
        e.storage().persistent().remove(&key);
    }
    events::SiteSet { site, open }.publish(e);
}

/// Renews a site's switch, if it is open.
pub fn extend(e: &Env, site: u32) {
    if is_open(e, site) {
        life::keep(e, &Key::SiteOpen(site));
    }
}
