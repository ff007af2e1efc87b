//! Which plants may be certified: the smallest and the greatest capacity.

use soroban_sdk::{panic_with_error, Env};

use crate::errors::Error;
use crate::storage::Key;
use crate::types::CapacityLimits;

/// From one watt to a megawatt, until the admin says otherwise: all that a village may have.
const DEFAULT: CapacityLimits = CapacityLimits {
    max_w: 1_000_000,
    min_w: 1,
};

/// The limits in force.
pub fn capacity_limits(e: &Env) -> CapacityLimits {
    e.storage()
        .instance()
        .get(&Key::CapacityLimits)
        .unwrap_or(DEFAULT)
}

/// Changes the limits for applications to come.
pub fn set_capacity_limits(e: &Env, limits: &CapacityLimits) {
    if limits.min_w == 0 || limits.min_w > limits.max_w {
        panic_with_error!(e, Error::InvalidCapacityLimits);
    }
    e.storage().instance().set(&Key::CapacityLimits, limits);
}

/// Refuses a capacity outside the limits.
pub fn check_capacity(e: &Env, capacity_w: u32) {
    let limits = capacity_limits(e);
    if !(limits.min_w..=limits.max_w).contains(&capacity_w) {
        panic_with_error!(e, Error::CapacityOutOfLimits);
    }
}
