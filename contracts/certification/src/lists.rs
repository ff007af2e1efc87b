//! Two lists for the screens: every producer who ever applied, and the certifiers' queue of open applications.
//!
//! Each row is an entry of its own, so no list grows too long for a transaction and nobody can fill one up.
//! When an application leaves the queue, the last one takes its place: sort by `applied_at`, not by place.

use core::ops::Range;

use soroban_sdk::unwrap::UnwrapOptimized;
use soroban_sdk::{panic_with_error, Address, Env, Vec};
use upkeep::life;

use crate::errors::Error;
use crate::storage::{self, Key};
use crate::types::{Application, Certificate};

/// Most rows of one answer.
pub const MAX_ROWS: u32 = 50;

/// Remembers a producer who applies for the first time.
pub fn enrol(e: &Env, producer: &Address) {
    let count = length(e, &Key::ProducerCount);
    life::put(e, &Key::Producer(count), producer);
    set_length(e, &Key::ProducerCount, count + 1);
}

/// Puts a producer at the end of the queue and returns the place.
pub fn queue(e: &Env, producer: &Address) -> u32 {
    let place = length(e, &Key::QueueLength);
    life::put(e, &Key::Queue(place), producer);
    set_length(e, &Key::QueueLength, place + 1);
    place
}

/// Empties a place of the queue: the last application moves there.
pub fn leave(e: &Env, place: u32) {
    let last = length(e, &Key::QueueLength) - 1;
    if place != last {
        let moved = row(e, &Key::Queue(last));
        life::put(e, &Key::Queue(place), &moved);
        if let Some(application) = storage::application(e, &moved) {
            let moved = Application {
                place,
                ..application
            };
            storage::put_application(e, &moved);
        }
    }
    e.storage().persistent().remove(&Key::Queue(last));
    set_length(e, &Key::QueueLength, last);
}

/// Open applications: at most `limit` from `offset` on.
pub fn applications(e: &Env, offset: u32, limit: u32) -> Vec<Application> {
    let mut found = Vec::new(e);
    for place in rows(e, offset, limit, length(e, &Key::QueueLength)) {
        found.extend(storage::application(e, &row(e, &Key::Queue(place))));
    }
    found
}

/// Certificates of all producers in the order of their first application: at most `limit` from `offset` on.
pub fn producers(e: &Env, offset: u32, limit: u32) -> Vec<Certificate> {
    let mut found = Vec::new(e);
    for index in rows(e, offset, limit, length(e, &Key::ProducerCount)) {
        found.push_back(storage::certificate(e, &row(e, &Key::Producer(index))));
    }
    found
}

/// Renews what is stored about `limit` producers from `offset` on, and about as many places of the queue; not their audit trails.
pub fn extend(e: &Env, offset: u32, limit: u32) {
    for index in rows(e, offset, limit, length(e, &Key::ProducerCount)) {
        let producer = row(e, &Key::Producer(index));
        life::keep(e, &Key::Producer(index));
        life::keep(e, &Key::Certificate(producer.clone()));
        let production = Key::Production(producer);
        if e.storage().persistent().has(&production) {
            life::keep(e, &production);
        }
    }
    for place in rows(e, offset, limit, length(e, &Key::QueueLength)) {
        let producer = row(e, &Key::Queue(place));
        life::keep(e, &Key::Queue(place));
        life::keep(e, &Key::Application(producer));
    }
}

/// Numbers of the rows that a caller asks for, cut to those that exist.
pub fn rows(e: &Env, offset: u32, limit: u32, length: u32) -> Range<u32> {
    if !(1..=MAX_ROWS).contains(&limit) {
        panic_with_error!(e, Error::InvalidLimit);
    }
    offset.min(length)..offset.saturating_add(limit).min(length)
}

fn row(e: &Env, key: &Key) -> Address {
    // A list has no holes: every number below its length was written.
    e.storage().persistent().get(key).unwrap_optimized()
}

fn length(e: &Env, key: &Key) -> u32 {
    e.storage().instance().get(key).unwrap_or(0)
}

fn set_length(e: &Env, key: &Key, length: u32) {
    e.storage().instance().set(key, &length);
}
