//! The entry points of the token: authorise, then call the OpenZeppelin module that does the work.

use soroban_sdk::{contract, contractimpl, Address, BytesN, Env, MuxedAddress, String};
use stellar_access::access_control;
use stellar_contract_utils::{
    pausable::{self, Pausable},
    upgradeable::{self, Upgradeable},
};
use stellar_macros::{only_admin, when_not_paused};
use stellar_tokens::fungible::{burnable::FungibleBurnable, Base, Compose, FungibleToken};

/// Eight days of five-second ledgers: how far the instance may sink below the longest life before it is renewed.
const TTL_SLACK_LEDGERS: u32 = 138_240;

#[contract]
pub struct Electric;

#[contractimpl]
impl Electric {
    /// Creates the token; nothing is minted yet.
    ///
    /// # Arguments
    /// * `decimals` - places behind the point; ELECTRIC has 7, like every Stellar asset.
    pub fn __constructor(e: &Env, admin: Address, decimals: u32, name: String, symbol: String) {
        access_control::set_admin(e, &admin);
        Base::set_metadata(e, decimals, name, symbol);
        keep_instance_alive(e);
    }

    /// Creates `amount` stroops for `to`; only the admin may.
    #[when_not_paused]
    #[only_admin]
    pub fn mint(e: &Env, to: Address, amount: i128) {
        keep_instance_alive(e);
        <Self as FungibleToken>::ContractType::mint(e, &to, amount);
    }

    /// The one who may mint, pause and upgrade.
    pub fn get_admin(e: &Env) -> Option<Address> {
        access_control::get_admin(e)
    }

    /// Offers the administration to `new_admin`, open until ledger `live_until_ledger` (0 withdraws the offer).
    pub fn transfer_admin_role(e: &Env, new_admin: Address, live_until_ledger: u32) {
        access_control::transfer_admin_role(e, &new_admin, live_until_ledger);
    }

    /// Takes an offered administration; must be signed by the one it was offered to.
    pub fn accept_admin_transfer(e: &Env) {
        access_control::accept_admin_transfer(e);
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
impl Pausable for Electric {
    #[only_admin]
    fn pause(e: &Env, _caller: Address) {
        pausable::pause(e);
    }

    #[only_admin]
    fn unpause(e: &Env, _caller: Address) {
        pausable::unpause(e);
    }
}

#[contractimpl]
impl Upgradeable for Electric {
    #[only_admin]
    fn upgrade(e: &Env, new_wasm_hash: BytesN<32>, _operator: Address) {
        upgradeable::upgrade(e, &new_wasm_hash);
    }
}

/// Renews the instance and its code; OpenZeppelin renews only the entries of holders.
///
/// The admin's calls do it, never a holder's: the rent of code is hundreds of times the fee of a transfer.
fn keep_instance_alive(e: &Env) {
    let longest = e.storage().max_ttl();
    let threshold = longest.saturating_sub(TTL_SLACK_LEDGERS);
    e.storage().instance().extend_ttl(threshold, longest);
}
