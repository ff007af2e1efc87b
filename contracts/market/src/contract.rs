//! The entry points: authorise, validate, call, announce.

use soroban_sdk::{contract, contractimpl, Address, BytesN, Env};
use upkeep::{Administered, Upgrade};

#[contract]
pub struct Market;

#[contractimpl]
impl Market {
    /// Creates the instance.
    pub fn __constructor(e: &Env, admin: Address) {
        upkeep::begin(e, &admin);
    }
}

#[contractimpl(contracttrait)]
impl Administered for Market {}
