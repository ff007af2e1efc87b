//! The entry points that every contract has: who administers it, whether it is paused, which code comes next.

use soroban_sdk::{contracttrait, Address, BytesN, Env};
use stellar_access::ownable;
use stellar_contract_utils::pausable;

use crate::upgrade::{self, Upgrade};

/// Implemented by every contract as it stands here: `#[contractimpl(contracttrait)] impl Administered for X {}`,
/// with [`Upgrade`], `Address` and `BytesN` in scope.
#[contracttrait]
pub trait Administered {
    /// The one who may administer the instance.
    fn get_admin(e: &Env) -> Option<Address> {
        ownable::get_owner(e)
    }

    /// Offers the administration to `new_admin`, open until ledger `live_until_ledger` (0 withdraws the offer).
    fn transfer_admin_role(e: &Env, new_admin: Address, live_until_ledger: u32) {
        ownable::transfer_ownership(e, &new_admin, live_until_ledger);
    }

    /// Takes an offered administration; must be signed by the one it was offered to.
    fn accept_admin_transfer(e: &Env) {
        ownable::accept_ownership(e);
    }

    /// Tells whether the contract is paused.
    fn paused(e: &Env) -> bool {
        pausable::paused(e)
    }

    /// Stops money and energy; reading and administering go on. Only the admin may.
    fn pause(e: &Env) {
        ownable::enforce_owner_auth(e);
        pausable::pause(e);
    }

    /// Takes `pause` back. Only the admin may.
    fn unpause(e: &Env) {
        ownable::enforce_owner_auth(e);
        pausable::unpause(e);
    }

    /// The upgrade that is announced, if any.
    fn get_upgrade(e: &Env) -> Option<Upgrade> {
        upgrade::get(e)
    }

    /// Announces an upgrade to code that was uploaded before; possible a week later. Only the admin may.
    fn announce_upgrade(e: &Env, new_wasm_hash: BytesN<32>) {
        ownable::enforce_owner_auth(e);
        upgrade::announce(e, new_wasm_hash);
    }

    /// Takes `announce_upgrade` back. Only the admin may.
    fn withdraw_upgrade(e: &Env) {
        ownable::enforce_owner_auth(e);
        upgrade::withdraw(e);
    }

    /// Runs the announced code from the next call on; every entry stays. Only the admin may, after the announced week.
    fn upgrade(e: &Env, new_wasm_hash: BytesN<32>) {
        ownable::enforce_owner_auth(e);
        upgrade::perform(e, new_wasm_hash);
    }
}
