//! Single meters: finding one, changing it, registering a new one.

use soroban_sdk::{Address, Env};

use crate::entry::Entry;
use crate::errors::{refuse, Error};
use crate::events;
use crate::ids::Place;
use crate::record::{Record, POWER_UNIT_W};
use crate::storage;
use crate::time;
use crate::types::Mode;

/// A record taken out of its entry, to be changed and put back.
pub struct Opened {
    meter_id: u64,
    owner: Address,
    pub record: Record,
}

/// Takes a record out of its entry, or fails with [`Error::UnknownMeter`].
pub fn open(env: &Env, meter_id: u64) -> Opened {
    let Entry { record, owner } = Entry::read(env, meter_id);
    Opened {
        meter_id,
        owner,
        record,
    }
}

/// Puts a record back, and announces the meter when it became active or inactive by the change.
pub fn save(env: &Env, opened: &mut Opened) {
    let announced = opened.record.announce(env.ledger().timestamp());
    let entry = Entry {
        record: opened.record,
        owner: opened.owner.clone(),
    };
    entry.set(env, opened.meter_id);
    if let Some(active) = announced {
        events::state(env, opened.meter_id, active);
    }
}

/// Creates the entry of a new meter in the site's next slot.
pub fn register(env: &Env, meter_id: u64, owner: Address, max_power_w: u32, mode: u32) {
    let place = Place::of(meter_id);
    let mut site = storage::site(env, place.site);
    if place.slot < site.next_slot {
        refuse(env, Error::AlreadyRegistered);
    }
    if place.slot > site.next_slot || place.slot == u32::MAX {
        refuse(env, Error::SlotOutOfOrder);
    }
    let record = fresh_record(env, max_power_w, mode);
    Entry { record, owner }.put(env, meter_id);
    site.next_slot = place.slot + 1;
    storage::put_site(env, place.site, &site);
}

fn fresh_record(env: &Env, max_power_w: u32, mode: u32) -> Record {
    let mode = Mode::from_u32(mode).unwrap_or_else(|| refuse(env, Error::InvalidMode));
    let units = u16::try_from(max_power_w.div_ceil(POWER_UNIT_W)).unwrap_or(0);
    if units == 0 {
        refuse(env, Error::InvalidMaxPower);
    }
    let now = env.ledger().timestamp();
    let since =
        u32::try_from(time::floor(now)).unwrap_or_else(|_| refuse(env, Error::InvalidPeriod));
    let mut record = Record::new(mode, units, since);
    record.announce(now);
    record
}
