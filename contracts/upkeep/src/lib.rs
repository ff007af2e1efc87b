//! What every contract here shares: one admin who can hand over, a pause, upgrades that are announced before they
//! happen, and lives of entries that outlast a village's outage. Knows nothing of energy or money.
#![no_std]

mod administered;
pub mod life;
mod upgrade;

pub use administered::Administered;
pub use upgrade::{Upgrade, UpkeepError, UPGRADE_NOTICE_S};

use soroban_sdk::{Address, Env};
use stellar_access::ownable;

/// Makes `admin` the one admin and renews instance and code for the longest life: whoever deploys pays for it.
///
/// Called once, by the constructor.
pub fn begin(e: &Env, admin: &Address) {
    ownable::set_owner(e, admin);
    life::keep_instance_and_code(e);
}

/// Goes on only with the admin's signature.
pub fn enforce_admin(e: &Env) {
    ownable::enforce_owner_auth(e);
}
