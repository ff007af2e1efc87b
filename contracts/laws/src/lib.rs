//! What the contracts' tests share: a ledger to begin on, what a call came to, and events as the network carries them.
//! `tests/` holds what is promised across contracts (who may call what; every Wh charged once). No contract uses it.

pub mod batches;
pub mod wire;

use core::fmt::Debug;

use soroban_sdk::testutils::{EnvTestConfig, Ledger as _};
use soroban_sdk::{Env, Error, InvokeError};

/// Ledger time at which tests begin: 2026-01-01T00:00:00Z, a point of the grid, unix s.
pub const START: u64 = 1_767_225_600;
/// The network's shortest life of a new persistent entry: 120 days of five-second ledgers.
pub const MIN_TTL_LEDGERS: u32 = 2_073_600;
/// The network's longest life of an entry: 180 days.
pub const MAX_TTL_LEDGERS: u32 = 3_110_400;

/// A ledger at [`START`] on which entries live as long as on the network.
pub fn fresh_ledger() -> Env {
    let env = Env::new_with_config(EnvTestConfig {
        capture_snapshot_at_drop: false,
    });
    env.ledger().with_mut(|ledger| {
        ledger.timestamp = START;
        ledger.sequence_number = 50_000_000;
        ledger.min_persistent_entry_ttl = MIN_TTL_LEDGERS;
        ledger.max_entry_ttl = MAX_TTL_LEDGERS;
    });
    env
}

/// What a `try_` call came to: the value, or the error that refused it.
pub fn verdict<T, C: Debug>(
    answer: Result<Result<T, C>, Result<Error, InvokeError>>,
) -> Result<T, Error> {
    match answer {
        Ok(value) => Ok(value.expect("the contract returns what its spec says")),
        Err(Ok(error)) => Err(error),
        Err(Err(fault)) => panic!("the call broke down: {fault:?}"),
    }
}

/// Asserts that a call was refused by the contract with exactly this error.
#[track_caller]
pub fn assert_refused<T: Debug>(answer: Result<T, Error>, error: impl Into<Error>) {
    let expected = error.into();
    assert_eq!(answer.expect_err("it should be refused"), expected);
}
