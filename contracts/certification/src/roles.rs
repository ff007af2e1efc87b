//! Certifiers and reporters, whom the admin names: one short list for each role.
//!
//! OpenZeppelin's `access_control` keeps four entries per holder for 90 days and doesn't let anyone else name the key of one of
//! them, so they couldn't be renewed for an outage. A list is one entry, read by every check and renewed by `extend`.

use soroban_sdk::{panic_with_error, symbol_short, Address, Env, Symbol, Vec};
use upkeep::life;

use crate::errors::Error;
use crate::events;
use crate::storage::Key;

/// Decides about producers.
pub const CERTIFIER: Symbol = symbol_short!("certifier");
/// Reports exported energy: a gateway's key.
pub const REPORTER: Symbol = symbol_short!("reporter");
/// Most holders of one role: its list is read with every call.
pub const MAX_HOLDERS: u32 = 16;

/// Gives `who` a role; who has it keeps it, and nothing is announced.
pub fn grant(e: &Env, role: Symbol, who: Address) {
    let mut list = holders(e, &role);
    if list.contains(&who) {
        return;
    }
    if list.len() >= MAX_HOLDERS {
        panic_with_error!(e, Error::TooManyHolders);
    }
    list.push_back(who.clone());
    life::put(e, &Key::Role(role.clone()), &list);
    events::Allowed { role, who }.publish(e);
}

/// Takes a role from `who`, who must have it: a mistyped key must not pass for a revoked one.
pub fn revoke(e: &Env, role: Symbol, who: Address) {
    let mut list = holders(e, &role);
    let Some(index) = list.first_index_of(&who) else {
        panic_with_error!(e, Error::NotAllowed);
    };
    list.remove(index);
    life::put(e, &Key::Role(role.clone()), &list);
    events::Disallowed { role, who }.publish(e);
}

/// Goes on only with the signature of `who`, who must hold the role.
pub fn enforce(e: &Env, role: Symbol, who: &Address) {
    who.require_auth();
    if !holders(e, &role).contains(who) {
        panic_with_error!(e, Error::NotAllowed);
    }
    life::keep(e, &Key::Role(role));
}

/// Who holds the role, in the order in which they were named.
pub fn holders(e: &Env, role: &Symbol) -> Vec<Address> {
    let list = e.storage().persistent().get(&Key::Role(role.clone()));
    list.unwrap_or_else(|| Vec::new(e))
}

/// Renews a role's list, if there is one.
pub fn extend(e: &Env, role: Symbol) {
    let key = Key::Role(role);
    if e.storage().persistent().has(&key) {
        life::keep(e, &key);
    }
}
