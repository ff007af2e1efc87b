//! The entries of the ledger, in a persistent map.
//!
//! A [`State`] is cheap to clone: a simulation, a transaction that may fail and
//! the ledger itself share one tree and copy only what they change. It never
//! judges whether a change is allowed.

use std::rc::Rc;
use std::sync::Arc;

use imbl::HashMap;
use soroban_env_host::storage::{EntryWithLiveUntil, SnapshotSource};
use soroban_env_host::xdr::{
    AccountEntry, AccountId, Asset, ContractDataDurability, LedgerEntry, LedgerEntryData,
    LedgerKey, LedgerKeyAccount, TrustLineEntry,
};
use soroban_env_host::HostError;

use super::assets::line_key;

/// One entry with the last ledger it is live in, if it has such an end.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub entry: Arc<LedgerEntry>,
    pub live_until: Option<u32>,
}

impl Held {
    /// Tells whether the entry can be used in ledger `sequence` without restoring it.
    pub fn is_live(&self, sequence: u32) -> bool {
        self.live_until.is_none_or(|last| last >= sequence)
    }
}

/// All entries at one moment.
#[derive(Clone, Default)]
pub struct State {
    entries: HashMap<LedgerKey, Held>,
}

impl State {
    /// Returns the entry under `key`, live or archived.
    pub fn get(&self, key: &LedgerKey) -> Option<&Held> {
        self.entries.get(key)
    }

    /// Returns the account `id`.
    pub fn account(&self, id: &AccountId) -> Option<&AccountEntry> {
        match &self.get(&account_key(id))?.entry.data {
            LedgerEntryData::Account(account) => Some(account),
            _ => None,
        }
    }

    /// Returns the line by which `holder` trusts the issuer of `asset`.
    pub fn trust_line(&self, holder: &AccountId, asset: &Asset) -> Option<&TrustLineEntry> {
        match &self.get(&line_key(holder, asset))?.entry.data {
            LedgerEntryData::Trustline(line) => Some(line),
            _ => None,
        }
    }

    /// Lists all entries, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (&LedgerKey, &Held)> {
        self.entries.iter()
    }

    /// Stores `entry`, live until ledger `live_until` if it has an end.
    pub fn put(&mut self, entry: LedgerEntry, live_until: Option<u32>) {
        let key = entry.to_key();
        let entry = Arc::new(entry);
        self.entries.insert(key, Held { entry, live_until });
    }

    /// Returns the entry under `key`, to be changed in place.
    pub fn get_mut(&mut self, key: &LedgerKey) -> Option<&mut Held> {
        self.entries.get_mut(key)
    }

    /// Removes the entry under `key`; tells whether there was one.
    pub fn remove(&mut self, key: &LedgerKey) -> bool {
        self.entries.remove(key).is_some()
    }

    /// Drops temporary entries whose time ended before ledger `sequence`.
    ///
    /// They can never come back, so keeping them would only fill memory.
    pub fn evict(&mut self, sequence: u32) {
        let dead: Vec<LedgerKey> = self
            .entries
            .iter()
            .filter(|(key, held)| is_temporary(key) && !held.is_live(sequence))
            .map(|(key, _)| key.clone())
            .collect();
        for key in dead {
            self.entries.remove(&key);
        }
    }
}

/// A view of a state that the host can read from.
pub struct Snapshot(pub State);

impl SnapshotSource for Snapshot {
    fn get(&self, key: &Rc<LedgerKey>) -> Result<Option<EntryWithLiveUntil>, HostError> {
        Ok(self
            .0
            .get(key)
            .map(|held| (Rc::new((*held.entry).clone()), held.live_until)))
    }
}

/// Returns the key of account `id`.
pub fn account_key(id: &AccountId) -> LedgerKey {
    LedgerKey::Account(LedgerKeyAccount {
        account_id: id.clone(),
    })
}

/// Tells whether entries under `key` belong to contracts, and so have a time to live.
pub fn is_soroban(key: &LedgerKey) -> bool {
    matches!(key, LedgerKey::ContractData(_) | LedgerKey::ContractCode(_))
}

/// Tells whether entries under `key` are gone for good when their time ends.
pub fn is_temporary(key: &LedgerKey) -> bool {
    matches!(
        key,
        LedgerKey::ContractData(data) if data.durability == ContractDataDurability::Temporary
    )
}
