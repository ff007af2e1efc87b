//! A state being changed by one operation, which remembers what it touched.
//!
//! From that come the changes that transaction metadata lists. It never judges whether
//! a change is allowed.

use std::collections::{BTreeMap, BTreeSet};

use soroban_env_host::xdr::{
    Hash, LedgerEntry, LedgerEntryChange, LedgerEntryChanges, LedgerEntryData, LedgerEntryExt,
    LedgerKey, TtlEntry,
};

use super::state::{Held, State};
use crate::codec::{encode, sha256};

/// A state being changed in ledger `sequence`, with the keys it touched.
pub struct Draft {
    before: State,
    after: State,
    touched: BTreeSet<LedgerKey>,
    /// What came back from the archive, with the last ledger it is live in since.
    restored: BTreeMap<LedgerKey, u32>,
    sequence: u32,
}

impl Draft {
    /// Starts from `state`, in ledger `sequence`.
    pub fn new(state: State, sequence: u32) -> Self {
        Self {
            before: state.clone(),
            after: state,
            touched: BTreeSet::new(),
            restored: BTreeMap::new(),
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
        if let Some(held) = self.after.get_mut(key) {
            held.live_until = Some(live_until);
            self.touched.insert(key.clone());
        }
    }

    /// Marks the entry under `key` as brought back from the archive, live until `live_until`
    /// at least.
    pub fn mark_restored(&mut self, key: &LedgerKey, live_until: u32) {
        self.restored.insert(key.clone(), live_until);
    }

    /// Removes the entry under `key`.
    pub fn remove(&mut self, key: &LedgerKey) {
        if self.after.remove(key) {
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
            match (self.restored.get(key), before) {
                (Some(until), Some(before)) => {
                    self.list_restored(key, *until, before, after, &mut list);
                }
                _ => {
                    self.list_change(key, before, after, &mut list);
                    self.list_ttl_change(key, before, after, &mut list);
                }
            }
        }
        LedgerEntryChanges(list.try_into().expect("fewer changes than u32::MAX"))
    }

    /// First what came back as it was, then what became of it, as if it had been evicted.
    fn list_restored(
        &self,
        key: &LedgerKey,
        until: u32,
        before: &Held,
        after: Option<&Held>,
        list: &mut Vec<LedgerEntryChange>,
    ) {
        let old = LedgerEntry {
            last_modified_ledger_seq: self.sequence,
            ..(*before.entry).clone()
        };
        let old_ttl = ttl_entry(key, until, self.sequence);
        let ttl_key = old_ttl.to_key();
        list.push(LedgerEntryChange::Restored(old.clone()));
        list.push(LedgerEntryChange::Restored(old_ttl));
        let Some(held) = after else {
            list.push(LedgerEntryChange::Removed(key.clone()));
            list.push(LedgerEntryChange::Removed(ttl_key));
            return;
        };
        if *held.entry != old {
            list.push(LedgerEntryChange::Updated((*held.entry).clone()));
        }
        if let Some(longer) = held.live_until.filter(|last| *last > until) {
            let ttl = ttl_entry(key, longer, self.sequence);
            list.push(LedgerEntryChange::Updated(ttl));
        }
    }

    fn list_change(
        &self,
        key: &LedgerKey,
        before: Option<&Held>,
        after: Option<&Held>,
        list: &mut Vec<LedgerEntryChange>,
    ) {
        if before.map(|held| &held.entry) == after.map(|held| &held.entry) {
            return;
        }
        if let Some(held) = before {
            list.push(LedgerEntryChange::State((*held.entry).clone()));
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
