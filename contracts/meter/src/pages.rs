//! A page while it is worked on: its records are changed one after the other, then it is written and speaks once.

use soroban_sdk::Env;

use crate::events;
use crate::ids::Place;
use crate::legacy;
use crate::page::{Page, PAGE_RECORDS};
use crate::record::Record;
use crate::storage::{self, Key};

/// A page of a site, and what happened to it: bit i of each map stands for index i.
pub struct OpenPage {
    site: u32,
    number: u32,
    page: Page,
    activated: u64,
    deactivated: u64,
    refused: u64,
    /// The records whose announced state is up to date.
    announced: u64,
    now: u64,
}

impl OpenPage {
    /// Reads a page; one that doesn't exist has no records.
    pub fn read(env: &Env, site: u32, number: u32) -> Self {
        Self {
            site,
            number,
            page: storage::page(env, &Key::Page(site, number)),
            activated: 0,
            deactivated: 0,
            refused: 0,
            announced: 0,
            now: env.ledger().timestamp(),
        }
    }

    /// Its number within the site.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The record at `index`, if there is a meter; one of the earlier layout moves into the page.
    pub fn record(&mut self, env: &Env, index: usize) -> Option<Record> {
        legacy::record_in(
            env,
            &mut self.page,
            Place::at(self.site, self.number, index)?,
        )
    }

    /// Writes the record at `index`, its announced state brought up to date.
    pub fn put(&mut self, index: usize, record: &Record) {
        let mut announced = *record;
        self.announce(index, &mut announced);
        self.announced |= 1 << index;
        self.page.put(index, &announced);
    }

    /// Remembers that something about `index` was refused.
    pub fn refuse(&mut self, index: usize) {
        self.refused |= 1 << index;
    }

    /// Brings the announced state of the whole page up to date (a plan also ends for a meter that wasn't touched),
    /// writes the page, renews it, and says what happened.
    pub fn close(&mut self, env: &Env) {
        for index in 0..PAGE_RECORDS.min(self.page.count()) {
            if self.announced >> index & 1 == 0 {
                self.announce_at(index);
            }
        }
        if self.page.count() > 0 {
            let key = Key::Page(self.site, self.number);
            storage::put(env, &key, &self.page.encode(env));
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

    fn announce_at(&mut self, index: usize) {
        if let Some(mut record) = self.page.record(index) {
            if self.announce(index, &mut record) {
                self.page.put(index, &record);
            }
        }
    }

    /// Brings the record's announced state up to date; tells whether that changed it.
    fn announce(&mut self, index: usize, record: &mut Record) -> bool {
        let state = record.announce(self.now);
        match state {
            Some(true) => self.activated |= 1 << index,
            Some(false) => self.deactivated |= 1 << index,
            None => {}
        }
        state.is_some()
    }
}
