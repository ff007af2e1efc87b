//! Single meters: finding a record, changing it, registering a new one.

use soroban_sdk::{panic_with_error, Address, Env};

use crate::errors::Error;
use crate::events;
use crate::ids::Place;
use crate::page::Page;
use crate::record::{Record, POWER_UNIT_W};
use crate::storage::{self, Key};
use crate::time;
use crate::types::Mode;

/// The record of a meter, or [`Error::UnknownMeter`].
pub fn record(env: &Env, meter_id: u64) -> Record {
    find(env, Place::of(meter_id)).1
}

/// A record taken out of its page, to be changed and put back.
pub struct Opened {
    place: Place,
    page: Page,
    pub record: Record,
}

/// Takes a record out of its page, or fails with [`Error::UnknownMeter`].
pub fn open(env: &Env, meter_id: u64) -> Opened {
    let place = Place::of(meter_id);
    let (page, record) = find(env, place);
    Opened {
        place,
        page,
        record,
    }
}

/// Puts a record back, and announces the meter when it became active or inactive by the change.
///
/// The page's life isn't renewed: whoever pays for a meter mustn't pay rent for a village.
pub fn save(env: &Env, mut opened: Opened) -> Record {
    let announced = opened.record.announce(env.ledger().timestamp());
    opened.page.put(opened.place.index(), &opened.record);
    storage::set(env, &page_key(opened.place), &opened.page.encode(env));
    if let Some(active) = announced {
        events::state(env, opened.place.meter_id(), active);
    }
    opened.record
}

/// Switches a meter off, or takes that back.
pub fn set_deactivated(env: &Env, meter_id: u64, deactivated: bool) {
    let mut opened = open(env, meter_id);
    opened.record.set_deactivated(deactivated);
    save(env, opened);
}

/// Creates the record of a new meter in the site's next slot.
///
/// # Arguments
/// * `max_power_w` - the most the connection can carry; kept in units of 10 W, rounded up.
/// * `mode` - 0 prepaid, 1 streaming, 2 postpaid.
pub fn register(env: &Env, meter_id: u64, owner: &Address, max_power_w: u32, mode: u32) {
    let place = Place::of(meter_id);
    let mut site = storage::site(env, place.site);
    check_slot(env, place.slot, site.next_slot);
    let key = page_key(place);
    let mut page = storage::page(env, &key).unwrap_or_default();
    page.push(&fresh_record(env, max_power_w, mode));
    storage::put(env, &key, &page.encode(env));
    if *owner != site.operator {
        storage::put(env, &Key::Owner(meter_id), owner);
    }
    site.next_slot = place.slot + 1;
    storage::put(env, &Key::Site(place.site), &site);
}

/// Who owns a meter: the site's operator unless the meter was registered with a key of its own.
pub fn owner(env: &Env, meter_id: u64) -> Address {
    let place = Place::of(meter_id);
    find(env, place);
    storage::get(env, &Key::Owner(meter_id))
        .unwrap_or_else(|| storage::site(env, place.site).operator)
}

fn check_slot(env: &Env, slot: u32, next: u32) {
    if slot < next {
        panic_with_error!(env, Error::AlreadyRegistered);
    }
    // The last slot of all is never handed out: there would be no next one.
    if slot > next || slot == u32::MAX {
        panic_with_error!(env, Error::SlotOutOfOrder);
    }
}

fn fresh_record(env: &Env, max_power_w: u32, mode: u32) -> Record {
    let mode = Mode::from_u32(mode).unwrap_or_else(|| panic_with_error!(env, Error::InvalidMode));
    let units = u16::try_from(max_power_w.div_ceil(POWER_UNIT_W)).unwrap_or(0);
    if units == 0 {
        panic_with_error!(env, Error::InvalidMaxPower);
    }
    let now = env.ledger().timestamp();
    let since = u32::try_from(time::floor(now))
        .unwrap_or_else(|_| panic_with_error!(env, Error::InvalidPeriod));
    let mut record = Record::new(mode, units, since);
    record.announce(now);
    record
}

fn find(env: &Env, place: Place) -> (Page, Record) {
    let page = storage::page(env, &page_key(place)).unwrap_or_default();
    match page.record(place.index()) {
        Some(record) => (page, record),
        None => panic_with_error!(env, Error::UnknownMeter),
    }
}

const fn page_key(place: Place) -> Key {
    Key::Page(place.site, place.page())
}
