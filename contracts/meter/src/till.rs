//! What was collected: money that the provider may take out. Floats are kept apart, for they aren't earned yet.

use soroban_sdk::token::TokenClient;
use soroban_sdk::{Address, Env};

use crate::errors::{refuse, Error};
use crate::float;
use crate::payment;
use crate::storage;

/// Pays `amount` stroops out to `to`, at most what the contract holds beyond the floats.
pub fn withdraw(env: &Env, to: &Address, amount: i128) {
    let stroops = payment::checked(env, amount);
    let token = TokenClient::new(env, &storage::token(env));
    let held = token.balance(&env.current_contract_address());
    if held - i128::from(float::total(env)) < amount {
        refuse(env, Error::MoreThanCollected);
    }
    payment::pay_out(env, to, stroops);
}
