//! The entries of the ledger, in a persistent map.
//!
//! A [`State`] is cheap to clone: a simulation, a transaction that may fail and
//! the ledger itself share one tree and copy only what they change.
//! A [`Draft`] is a state being changed that remembers what it touched, for
//! the metadata. Neither ever judges whether a change is allowed.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use imbl::HashMap;
use soroban_env_host::storage::{EntryWithLiveUntil, SnapshotSource};
use soroban_env_host::xdr::{
    AccountEntry, AccountId, ContractDataDurability, Hash, LedgerEntry, LedgerEntryChange,
    LedgerEntryChanges, LedgerEntryData, LedgerEntryExt, LedgerKey, LedgerKeyAccount, TtlEntry,
};
use soroban_env_host::HostError;

use crate::codec::{encode, sha256};

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

    /// Stores `entry`, live until ledger `live_until` if it has an end.
    pub fn put(&mut self, entry: LedgerEntry, live_until: Option<u32>) {
        let key = entry.to_key();
        let entry = Arc::new(entry);
        self.entries.insert(key, Held { entry, live_until });
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

/// A state being changed in ledger `sequence`, with the keys it touched.
pub struct Draft {
    before: State,
    after: State,
    touched: BTreeSet<LedgerKey>,
    restored: BTreeSet<LedgerKey>,
    sequence: u32,
}

impl Draft {
    /// Starts from `state`, in ledger `sequence`.
    pub fn new(state: State, sequence: u32) -> Self {
        Self {
            before: state.clone(),
            after: state,
            touched: BTreeSet::new(),
            restored: BTreeSet::new(),
            sequence,
        }
    }

    /// Returns the state as changed so far.
    pub fn state(&self) -> &State {
        &self.after
    }

    /// Stores an entry's data as modified in this ledger.
    pub fn put(&mut self, data: LedgerEntryData, live_until: Option<u32>) {
        let entry = LedgerEntry {
            last_modified_ledger_seq: self.sequence,
            data,
            ext: LedgerEntryExt::V0,
        };
        self.touched.insert(entry.to_key());
        self.after.put(entry, live_until);
    }

    /// Changes only how long the entry under `key` lives.
    pub fn set_live_until(&mut self, key: &LedgerKey, live_until: u32) {
        if let Some(held) = self.after.entries.get_mut(key) {
            held.live_until = Some(live_until);
            self.touched.insert(key.clone());
        }
    }

    /// Marks the entry under `key` as brought back from the archive.
    pub fn mark_restored(&mut self, key: &LedgerKey) {
        self.restored.insert(key.clone());
    }

    /// Removes the entry under `key`.
    pub fn remove(&mut self, key: &LedgerKey) {
        if self.after.entries.remove(key).is_some() {
            self.touched.insert(key.clone());
        }
    }

    /// Returns the state with all changes.
    pub fn into_state(self) -> State {
        self.after
    }

    /// Lists the changes the way transaction metadata does.
    pub fn changes(&self) -> LedgerEntryChanges {
        let mut list = Vec::new();
        for key in &self.touched {
            let before = self.before.get(key);
            let after = self.after.get(key);
            if before.map(|held| &held.entry) != after.map(|held| &held.entry) {
                self.list_change(key, before, after, &mut list);
            }
            self.list_ttl_change(key, before, after, &mut list);
        }
        LedgerEntryChanges(list.try_into().expect("fewer changes than u32::MAX"))
    }

    fn list_change(
        &self,
        key: &LedgerKey,
        before: Option<&Held>,
        after: Option<&Held>,
        list: &mut Vec<LedgerEntryChange>,
    ) {
        if let Some(held) = before {
            let old = (*held.entry).clone();
            list.push(if self.restored.contains(key) {
                LedgerEntryChange::Restored(old)
            } else {
                LedgerEntryChange::State(old)
            });
        }
        list.push(match (before, after) {
            (_, None) => LedgerEntryChange::Removed(key.clone()),
            (None, Some(held)) => LedgerEntryChange::Created((*held.entry).clone()),
            (Some(_), Some(held)) => LedgerEntryChange::Updated((*held.entry).clone()),
        });
    }

    fn list_ttl_change(
        &self,
        key: &LedgerKey,
        before: Option<&Held>,
        after: Option<&Held>,
        list: &mut Vec<LedgerEntryChange>,
    ) {
        let old = before.and_then(|held| held.live_until);
        let new = after.and_then(|held| held.live_until);
        if old == new {
            return;
        }
        let ttl = |last: u32, modified: u32| ttl_entry(key, last, modified);
        if let (Some(last), Some(held)) = (old, before) {
            let modified = held.entry.last_modified_ledger_seq;
            list.push(LedgerEntryChange::State(ttl(last, modified)));
        }
        list.push(match (old, new) {
            (_, None) => LedgerEntryChange::Removed(ttl(0, 0).to_key()),
            (None, Some(last)) => LedgerEntryChange::Created(ttl(last, self.sequence)),
            (Some(_), Some(last)) if self.restored.contains(key) => {
                LedgerEntryChange::Restored(ttl(last, self.sequence))
            }
            (Some(_), Some(last)) => LedgerEntryChange::Updated(ttl(last, self.sequence)),
        });
    }
}

fn ttl_entry(key: &LedgerKey, live_until: u32, modified: u32) -> LedgerEntry {
    LedgerEntry {
        last_modified_ledger_seq: modified,
        data: LedgerEntryData::Ttl(TtlEntry {
            key_hash: Hash(sha256(&encode(key))),
            live_until_ledger_seq: live_until,
        }),
        ext: LedgerEntryExt::V0,
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
