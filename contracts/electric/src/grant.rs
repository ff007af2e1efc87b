//! The grant that every user gets once, so that streaming can be tried without buying tokens first.

use soroban_sdk::{contractevent, contracttype, panic_with_error, Address, Env};
use stellar_tokens::fungible::Base;
use upkeep::life;

use crate::errors::Error;

/// 10 000 ELECTRIC, in stroops.
pub const GRANT: i128 = 10_000 * 10_000_000;

/// Names of the entries beyond OpenZeppelin's.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The user has had the grant. Archived, it still counts: such an entry is restored before it is read.
    Granted(Address),
}

/// A user got the grant; SEP-41's `mint` came before it.
#[contractevent(topics = ["granted"])]
pub struct Granted {
    #[topic]
    pub user: Address,
    pub amount: i128,
}

/// Mints the grant for `user`, or refuses with [`Error::AlreadyGranted`].
pub fn give(e: &Env, user: Address) {
    if has(e, &user) {
        panic_with_error!(e, Error::AlreadyGranted);
    }
    life::put(e, &Key::Granted(user.clone()), &true);
    Base::mint(e, &user, GRANT);
    let amount = GRANT;
    Granted { user, amount }.publish(e);
}

/// Tells whether `user` has had the grant.
pub fn has(e: &Env, user: &Address) -> bool {
    e.storage().persistent().has(&Key::Granted(user.clone()))
}
