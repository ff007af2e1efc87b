//! What the market asks of the contract `certification`: who may sell, and how much was exported.

use soroban_sdk::{contractclient, panic_with_error, Address, Env};

use crate::errors::Error;
use crate::storage::{self, Key};

/// The calls that are made; the contract has more.
#[contractclient(name = "CertificationClient")]
pub trait Certification {
    /// Tells whether a producer may sell now.
    fn is_certified(e: Env, producer: Address) -> bool;
    /// All that a producer exported while certified, Wh.
    fn exported_wh(e: Env, producer: Address) -> u64;
}

/// Refuses a producer who isn't certified at this moment.
pub fn check(e: &Env, producer: &Address) {
    if !client(e).is_certified(producer) {
        panic_with_error!(e, Error::NotCertified);
    }
}

/// All that a producer exported while certified, Wh.
pub fn exported_wh(e: &Env, producer: &Address) -> u64 {
    client(e).exported_wh(producer)
}

fn client(e: &Env) -> CertificationClient<'_> {
    CertificationClient::new(e, &storage::contract(e, &Key::Certification))
}
