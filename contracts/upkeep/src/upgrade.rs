//! Upgrades that nobody is surprised by: announced first, visible to all, possible only after a week.

use soroban_sdk::{
    contracterror, contractevent, contracttype, panic_with_error, symbol_short, BytesN, Env, Symbol,
};
use stellar_contract_utils::upgradeable;

/// How long an upgrade is announced before it may happen, in seconds: a week, time enough to sell, pay out or object.
pub const UPGRADE_NOTICE_S: u64 = 7 * 86_400;

/// Numbered apart from the contracts' own errors and from OpenZeppelin's.
#[contracterror]
#[derive(Copy, Clone, Debug, Eq, PartialEq, PartialOrd, Ord)]
#[repr(u32)]
pub enum UpkeepError {
    /// No upgrade, or another one, is announced.
    UpgradeNotAnnounced = 900,
    /// The announced week isn't over.
    UpgradeTooEarly = 901,
}

/// An upgrade to come.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    pub wasm_hash: BytesN<32>,
    /// First second at which it may happen, unix s.
    pub ready_at: u64,
}

/// The entry of the instance that holds what is announced.
const KEY: Symbol = symbol_short!("upgrade");

/// An upgrade was announced; it may happen from `ready_at` (unix s) on.
#[contractevent(topics = ["upgrade_announced"])]
struct UpgradeAnnounced {
    wasm_hash: BytesN<32>,
    ready_at: u64,
}

/// The announced upgrade won't happen.
#[contractevent(topics = ["upgrade_withdrawn"])]
struct UpgradeWithdrawn {
    wasm_hash: BytesN<32>,
}

/// The contract runs new code from the next call on.
#[contractevent(topics = ["upgraded"])]
struct Upgraded {
    wasm_hash: BytesN<32>,
}

pub(crate) fn get(e: &Env) -> Option<Upgrade> {
    e.storage().instance().get(&KEY)
}

/// Announces code that was uploaded before; an earlier announcement is replaced, and the week begins anew.
pub(crate) fn announce(e: &Env, wasm_hash: BytesN<32>) {
    let ready_at = e.ledger().timestamp().saturating_add(UPGRADE_NOTICE_S);
    let upgrade = Upgrade {
        wasm_hash: wasm_hash.clone(),
        ready_at,
    };
    e.storage().instance().set(&KEY, &upgrade);
    UpgradeAnnounced {
        wasm_hash,
        ready_at,
    }
    .publish(e);
}

pub(crate) fn withdraw(e: &Env) {
    let Upgrade { wasm_hash, .. } = announced(e);
    e.storage().instance().remove(&KEY);
    UpgradeWithdrawn { wasm_hash }.publish(e);
}

pub(crate) fn perform(e: &Env, wasm_hash: BytesN<32>) {
    let upgrade = announced(e);
    if upgrade.wasm_hash != wasm_hash {
        panic_with_error!(e, UpkeepError::UpgradeNotAnnounced);
    }
    if e.ledger().timestamp() < upgrade.ready_at {
        panic_with_error!(e, UpkeepError::UpgradeTooEarly);
    }
    e.storage().instance().remove(&KEY);
    upgradeable::upgrade(e, &wasm_hash);
    Upgraded { wasm_hash }.publish(e);
}

fn announced(e: &Env) -> Upgrade {
    get(e).unwrap_or_else(|| panic_with_error!(e, UpkeepError::UpgradeNotAnnounced))
}
