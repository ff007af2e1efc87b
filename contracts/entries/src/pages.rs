//! What a batch works on, page by page, where every meter is an entry: each that was read is loaded, and all are
//! written at the end.
//!
//! The page speaks as `meter`'s does, with maps: the comparison is one of storage alone. But the announced state of
//! meters that weren't read waits for their next reading, for loading them would cost as much again.

use soroban_sdk::Env;

use crate::entry::Entry;
use crate::events;
use crate::ids::Place;
use crate::page::PAGE_RECORDS;
use crate::record::Record;

/// The meters of a page that were read, and what happened to them: bit i of each map stands for index i.
pub struct OpenPage {
    site: u32,
    number: u32,
    entries: [Option<Entry>; PAGE_RECORDS],
    activated: u64,
    deactivated: u64,
    refused: u64,
}

impl OpenPage {
    /// A page of which nothing was read yet.
    pub fn read(_env: &Env, site: u32, number: u32) -> Self {
        Self {
            site,
            number,
            entries: [const { None }; PAGE_RECORDS],
            activated: 0,
            deactivated: 0,
            refused: 0,
        }
    }

    /// Loads the record at `index`, if there is a meter.
    pub fn record(&mut self, env: &Env, index: usize) -> Option<Record> {
        let entry = Entry::find(env, Place::at(self.site, self.number, index)?)?;
        let record = entry.record;
        self.entries[index] = Some(entry);
        Some(record)
    }

    /// Changes the record at `index`, which was loaded.
    pub fn put(&mut self, index: usize, record: &Record) {
        if let Some(entry) = &mut self.entries[index] {
            entry.record = *record;
        }
    }

    /// Remembers that something about `index` was refused.
    pub fn refuse(&mut self, index: usize) {
        self.refused |= 1 << index;
    }

    /// Brings the announced state of what was read up to date, writes and renews it, and says what happened.
    pub fn close(mut self, env: &Env) {
        for index in 0..PAGE_RECORDS {
            let place = Place::at(self.site, self.number, index);
            if let (Some(place), Some(entry)) = (place, self.entries[index].take()) {
                self.write(env, place, entry);
            }
        }
        if self.activated | self.deactivated | self.refused != 0 {
            events::PageChanged {
                site: self.site,
                page: self.number,
                activated: self.activated,
                deactivated: self.deactivated,
                refused: self.refused,
            }
            .publish(env);
        }
    }

    fn write(&mut self, env: &Env, place: Place, mut entry: Entry) {
        match entry.record.announce(env.ledger().timestamp()) {
            Some(true) => self.activated |= 1 << place.index(),
            Some(false) => self.deactivated |= 1 << place.index(),
            None => {}
        }
        entry.put(env, place.meter_id());
    }
}
