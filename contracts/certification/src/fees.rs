//! Fees of applications: held while the application is open, then earned or returned, exactly once.

use soroban_sdk::token::TokenClient;
use soroban_sdk::unwrap::UnwrapOptimized;
use soroban_sdk::{panic_with_error, Address, Env};

use crate::errors::Error;
use crate::storage::Key;

/// What an application costs, in token stroops.
pub fn current(e: &Env) -> i128 {
    e.storage().instance().get(&Key::Fee).unwrap_or(0)
}

/// Changes what an application costs from now on; 0 makes it free.
pub fn set(e: &Env, fee: i128) {
    if !(0..=i128::from(i64::MAX)).contains(&fee) {
        panic_with_error!(e, Error::InvalidFee);
    }
    e.storage().instance().set(&Key::Fee, &fee);
}

/// Takes the fee of an application into the contract, where it is the producer's until the decision.
pub fn hold(e: &Env, producer: &Address, fee: i128) {
    if fee != current(e) {
        panic_with_error!(e, Error::WrongFee);
    }
    if fee > 0 {
        token(e).transfer(producer, e.current_contract_address(), &fee);
    }
}

/// Returns a held fee.
pub fn give_back(e: &Env, producer: &Address, fee: i128) {
    if fee > 0 {
        token(e).transfer(&e.current_contract_address(), producer, &fee);
    }
}

/// Turns a held fee into the provider's money.
pub fn earn(e: &Env, fee: i128) {
    e.storage()
        .instance()
        .set(&Key::EarnedFees, &(earned(e) + fee));
}

/// Fees that the admin may withdraw.
pub fn earned(e: &Env) -> i128 {
    e.storage().instance().get(&Key::EarnedFees).unwrap_or(0)
}

/// Pays earned fees out.
pub fn withdraw(e: &Env, to: &Address, amount: i128) {
    if amount <= 0 {
        panic_with_error!(e, Error::AmountNotPositive);
    }
    let rest = earned(e) - amount;
    if rest < 0 {
        panic_with_error!(e, Error::MoreThanEarned);
    }
    e.storage().instance().set(&Key::EarnedFees, &rest);
    token(e).transfer(&e.current_contract_address(), to, &amount);
}

/// The token that fees are paid in.
pub fn token_address(e: &Env) -> Address {
    // The constructor has set it: there is no instance without one.
    e.storage().instance().get(&Key::Token).unwrap_optimized()
}

fn token(e: &Env) -> TokenClient<'_> {
    TokenClient::new(e, &token_address(e))
}
