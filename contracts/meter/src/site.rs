//! Villages: who runs one, and which keys may settle for it.

use soroban_sdk::{Address, BytesN, Env, Vec};
use upkeep::life;

use crate::errors::{refuse, Error};
use crate::page::PAGE_RECORDS;
use crate::storage::{self, Key};
use crate::types::{Receipt, Site};

/// Most keys on a site's list: it is read with every batch.
pub const MAX_SIGNERS: u32 = 8;

/// Creates a site without meters and without signers.
pub fn add(env: &Env, site: u32, operator: Address) {
    if storage::has(env, &Key::Site(site)) {
        refuse(env, Error::SiteExists);
    }
    let created = Site {
        operator,
        next_slot: 0,
        signers: Vec::new(env),
    };
    storage::put_site(env, site, &created);
}

/// Removes a site that has never been used: nothing may be left behind.
pub fn remove(env: &Env, site: u32) {
    let unused = storage::site(env, site).next_slot == 0
        && !storage::has(env, &Key::Receipt(site))
        && !storage::has(env, &Key::Float(site));
    if !unused {
        refuse(env, Error::SiteNotEmpty);
    }
    storage::remove(env, &Key::Site(site));
}

/// Hands a site, its float, and every meter without an owner of its own to another operator.
pub fn set_operator(env: &Env, site: u32, operator: Address) {
    let changed = Site {
        operator,
        ..storage::site(env, site)
    };
    storage::put_site(env, site, &changed);
}

/// Puts `signer` on the site's list; tells whether it was new there.
pub fn allow(env: &Env, site: u32, signer: &Address) -> bool {
    let mut changed = storage::site(env, site);
    if changed.signers.contains(signer) {
        return false;
    }
    if changed.signers.len() >= MAX_SIGNERS {
        refuse(env, Error::TooManySigners);
    }
    changed.signers.push_back(signer.clone());
    storage::put_site(env, site, &changed);
    true
}

/// Takes `signer` off the site's list, where it must be: a mistyped key must not pass for a revoked one.
pub fn disallow(env: &Env, site: u32, signer: &Address) {
    let mut changed = storage::site(env, site);
    let Some(index) = changed.signers.first_index_of(signer) else {
        refuse(env, Error::NotAllowed);
    };
    changed.signers.remove(index);
    storage::put_site(env, site, &changed);
}

/// Goes on only with the signature of a `signer` on the site's list.
pub fn enforce_signer(env: &Env, site: u32, signer: &Address) {
    signer.require_auth();
    check_signer(env, site, signer);
}

/// Refuses a `signer` who isn't on the site's list.
pub fn check_signer(env: &Env, site: u32, signer: &Address) {
    if !storage::site(env, site).signers.contains(signer) {
        refuse(env, Error::NotAllowed);
    }
    storage::keep(env, &Key::Site(site));
}

/// Makes `writer` the one database that settles for the site, if the last receipt is the expected one.
///
/// Returns the receipt as it is now and the writer before.
pub fn take_over(
    env: &Env,
    site: u32,
    expected: (u64, BytesN<32>),
    writer: BytesN<16>,
) -> (Receipt, BytesN<16>) {
    let Some(mut receipt) = storage::receipt(env, site) else {
        refuse(env, Error::NoReceipt);
    };
    if (receipt.sequence, &receipt.digest) != (expected.0, &expected.1) {
        refuse(env, Error::TakeoverMismatch);
    }
    let before = core::mem::replace(&mut receipt.writer, writer);
    storage::put(env, &Key::Receipt(site), &receipt);
    (receipt, before)
}

/// Renews all that the site needs to settle: the code, itself, its receipt, its float, its pages, and the prices in
/// force and to come.
pub fn extend(env: &Env, site: u32) {
    let pages = storage::site(env, site)
        .next_slot
        .div_ceil(PAGE_RECORDS as u32);
    life::keep_instance_and_code(env);
    storage::keep(env, &Key::Site(site));
    storage::keep(env, &Key::Receipt(site));
    storage::keep(env, &Key::Float(site));
    for page in 0..pages {
        storage::keep(env, &Key::Page(site, page));
    }
    for version in (1..=storage::price_count(env)).rev() {
        storage::keep(env, &Key::Price(version));
        if storage::price(env, version).effective_from <= env.ledger().timestamp() {
            break;
        }
    }
}
