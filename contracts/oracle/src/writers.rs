//! Who may write for a site: a short list of keys that the admin keeps.

use soroban_sdk::{panic_with_error, Address, Env, Vec};

use crate::errors::Error;
use crate::storage;
use crate::types::Site;

/// Most keys on a site's list: it is read with every call.
pub const MAX_WRITERS: u32 = 8;

/// Puts `writer` on the site's list; tells whether it was new there.
pub fn allow(e: &Env, site: u32, writer: &Address) -> bool {
    let mut changed = storage::site(e, site).unwrap_or_else(|| Site {
        newest: 0,
        writers: Vec::new(e),
    });
    if changed.writers.contains(writer) {
        return false;
    }
    if changed.writers.len() >= MAX_WRITERS {
        panic_with_error!(e, Error::TooManyWriters);
    }
    changed.writers.push_back(writer.clone());
    storage::put_site(e, site, &changed);
    true
}

/// Takes `writer` off the site's list, where it must be: a mistyped key must not pass for a revoked one.
pub fn disallow(e: &Env, site: u32, writer: &Address) {
    let mut changed = allowed_site(e, site, writer);
    if let Some(index) = changed.writers.first_index_of(writer) {
        changed.writers.remove(index);
    }
    storage::put_site(e, site, &changed);
}

/// The site, if `writer` may write for it; else [`Error::NotAllowed`].
pub fn allowed_site(e: &Env, site: u32, writer: &Address) -> Site {
    match storage::site(e, site) {
        Some(found) if found.writers.contains(writer) => found,
        _ => panic_with_error!(e, Error::NotAllowed),
    }
}

/// The keys that may write for a site.
pub fn list(e: &Env, site: u32) -> Vec<Address> {
    storage::site(e, site).map_or_else(|| Vec::new(e), |found| found.writers)
}
