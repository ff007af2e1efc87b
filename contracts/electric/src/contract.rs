//! The entry points of the token: authorise, then call the module that does the work.

use soroban_sdk::{contract, contractimpl, Address, BytesN, Env, MuxedAddress, String};
use stellar_macros::when_not_paused;
use stellar_tokens::fungible::{burnable::FungibleBurnable, Base, Compose, FungibleToken};
use upkeep::{life, Administered, Upgrade};

use crate::grant;

#[contract]
pub struct Electric;

#[contractimpl]
impl Electric {
    /// Creates the token; nothing is minted yet.
    ///
    /// # Arguments
    /// * `decimals` - places behind the point; ELECTRIC has 7, like every Stellar asset.
    pub fn __constructor(e: &Env, admin: Address, decimals: u32, name: String, symbol: String) {
        upkeep::begin(e, &admin);
        Base::set_metadata(e, decimals, name, symbol);
    }

    /// Creates `amount` stroops for `to`; only the admin may.
    #[when_not_paused]
    pub fn mint(e: &Env, to: Address, amount: i128) {
        upkeep::enforce_admin(e);
        life::keep_instance_and_code(e);
        Base::mint(e, &to, amount);
    }

    /// Gives a user 10 000 ELECTRIC, once and never again; only the admin may.
    #[when_not_paused]
    pub fn grant(e: &Env, user: Address) {
        upkeep::enforce_admin(e);
        life::keep_instance_and_code(e);
        grant::give(e, user);
    }

    /// Tells whether a user has had the grant.
    pub fn is_granted(e: &Env, user: Address) -> bool {
        grant::has(e, &user)
    }

    /// Renews the instance and the code before they are archived. Anyone may.
    ///
    /// Holders' entries come back by themselves when they are used after an archival.
    pub fn extend(e: &Env) {
        life::keep_instance_and_code(e);
    }
}

#[contractimpl(contracttrait)]
impl FungibleToken for Electric {
    type ContractType = Compose<(Base,)>;

    #[when_not_paused]
    fn transfer(e: &Env, from: Address, to: MuxedAddress, amount: i128) {
        Self::ContractType::transfer(e, &from, &to, amount);
    }

    #[when_not_paused]
    fn transfer_from(e: &Env, spender: Address, from: Address, to: Address, amount: i128) {
        Self::ContractType::transfer_from(e, &spender, &from, &to, amount);
    }
}

#[contractimpl(contracttrait)]
impl FungibleBurnable for Electric {
    #[when_not_paused]
    fn burn(e: &Env, from: Address, amount: i128) {
        Self::ContractType::burn(e, &from, amount);
    }

    #[when_not_paused]
    fn burn_from(e: &Env, spender: Address, from: Address, amount: i128) {
        Self::ContractType::burn_from(e, &spender, &from, amount);
    }
}

#[contractimpl(contracttrait)]
impl Administered for Electric {}
