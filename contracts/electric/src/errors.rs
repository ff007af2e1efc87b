//! What this token refuses beyond OpenZeppelin's own errors (100..). Numbers are part of the ABI: never reused.

use soroban_sdk::contracterror;

#[contracterror]
#[derive(Copy, Clone, Debug, Eq, PartialEq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Error {
    /// The user has had the grant: `mint` is for anything beyond it.
    AlreadyGranted = 1,
}
