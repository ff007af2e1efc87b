//! Single meters: finding a record, changing it, registering a new one.

use soroban_sdk::{Address, Env};

use crate::errors::{refuse, Error};
use crate::events;
use crate::ids::Place;
use crate::legacy;
use crate::page::Page;
use crate::record::{Record, POWER_UNIT_W};
use crate::storage::{self, Key};
use crate::time;
use crate::types::Mode;

/// A record taken out of its page, to be changed and put back.
pub struct Opened {
    place: Place,
    page: Page,
    pub record: Record,
}

/// The record of a meter, or [`Error::UnknownMeter`].
pub fn record(env: &Env, meter_id: u64) -> Record {
    let place = Place::of(meter_id);
    storage::page(env, &place.page_key())
        .record(place.index())
        .or_else(|| Some(legacy::find(env, place)?.0))
        .unwrap_or_else(|| refuse(env, Error::UnknownMeter))
}

/// Takes a record out of its page, or fails with [`Error::UnknownMeter`].
pub fn open(env: &Env, meter_id: u64) -> Opened {
    let place = Place::of(meter_id);
    let mut page = storage::page(env, &place.page_key());
    let record = legacy::record_in(env, &mut page, place)
        .unwrap_or_else(|| refuse(env, Error::UnknownMeter));
    Opened {
        place,
        page,
        record,
    }
}

/// Puts a record back, and announces the meter when it became active or inactive by the change.
///
/// The page's life isn't renewed: whoever pays for a meter mustn't pay rent for a village.
pub fn save(env: &Env, opened: &mut Opened) {
    let announced = opened.record.announce(env.ledger().timestamp());
    opened.page.put(opened.place.index(), &opened.record);
    storage::set(env, &opened.place.page_key(), &opened.page.encode(env));
    if let Some(active) = announced {
        events::state(env, opened.place.meter_id(), active);
    }
}

/// Puts a record back as [`save`] does, and renews its page: for the provider's own calls.
pub fn save_and_keep(env: &Env, opened: &mut Opened) {
    save(env, opened);
    storage::keep(env, &opened.place.page_key());
}

/// Moves a meter of the earlier layout into its page, if that wasn't done yet; returns the record's version.
pub fn migrate(env: &Env, meter_id: u64) -> u32 {
    if legacy::exists(env, meter_id) {
        save_and_keep(env, &mut open(env, meter_id));
    }
    record(env, meter_id).version.into()
}

/// Switches a meter off, or takes that back.
pub fn set_deactivated(env: &Env, meter_id: u64, deactivated: bool) {
    let mut opened = open(env, meter_id);
    opened.record.set_deactivated(deactivated);
    save(env, &mut opened);
}

/// Sets the most that a meter's connection can carry; kept in units of 10 W, rounded up.
pub fn set_max_power(env: &Env, meter_id: u64, max_power_w: u32) {
    let mut opened = open(env, meter_id);
    opened.record.max_power_10w = power_units(env, max_power_w);
    save_and_keep(env, &mut opened);
}

/// Creates the record of a new meter in the site's next slot.
///
/// # Arguments
/// * `max_power_w` - the most the connection can carry; kept in units of 10 W, rounded up.
/// * `mode` - 0 prepaid, 1 streaming, 2 postpaid.
pub fn register(env: &Env, meter_id: u64, owner: &Address, max_power_w: u32, mode: u32) {
    let place = Place::of(meter_id);
    let mut site = storage::site(env, place.site);
    check_slot(env, place, site.next_slot);
    let mut page = storage::page(env, &place.page_key());
    page.put(place.index(), &fresh_record(env, max_power_w, mode));
    storage::put(env, &place.page_key(), &page.encode(env));
    storage::put_owner(env, meter_id, owner, &site.operator);
    site.next_slot = place.slot + 1;
    storage::put_site(env, place.site, &site);
}

/// Who owns a meter: the site's operator unless the meter has an owner of its own.
pub fn owner(env: &Env, meter_id: u64) -> Address {
    let place = Place::of(meter_id);
    record(env, meter_id);
    legacy::find(env, place)
        .map(|(_, owner)| owner)
        .or_else(|| storage::get(env, &Key::Owner(meter_id)))
        .unwrap_or_else(|| storage::site(env, place.site).operator)
}

/// Gives a meter to another owner.
pub fn set_owner(env: &Env, meter_id: u64, owner: &Address) {
    migrate(env, meter_id);
    let operator = storage::site(env, Place::of(meter_id).site).operator;
    storage::remove(env, &Key::Owner(meter_id));
    storage::put_owner(env, meter_id, owner, &operator);
}

fn check_slot(env: &Env, place: Place, next: u32) {
    if place.slot < next || legacy::exists(env, place.meter_id()) {
        refuse(env, Error::AlreadyRegistered);
    }
    // The last slot of all is never handed out: there would be no next one.
    if place.slot > next || place.slot == u32::MAX {
        refuse(env, Error::SlotOutOfOrder);
    }
}

fn fresh_record(env: &Env, max_power_w: u32, mode: u32) -> Record {
    let mode = Mode::from_u32(mode).unwrap_or_else(|| refuse(env, Error::InvalidMode));
    let units = power_units(env, max_power_w);
    let now = env.ledger().timestamp();
    let since =
        u32::try_from(time::floor(now)).unwrap_or_else(|_| refuse(env, Error::InvalidPeriod));
    let mut record = Record::new(mode, units, since);
    record.announce(now);
    record
}

fn power_units(env: &Env, max_power_w: u32) -> u16 {
    match u16::try_from(max_power_w.div_ceil(POWER_UNIT_W)) {
        Ok(units) if units > 0 => units,
        _ => refuse(env, Error::InvalidMaxPower),
    }
}
