//! Meters of the earlier layout, an entry each. Whoever meets one treats it as migrated: reading decodes it, writing
//! moves it into its page, so that nothing said about it meanwhile is lost.

use soroban_sdk::{contracttype, Address, Env};

use crate::events;
use crate::ids::Place;
use crate::page::Page;
use crate::record::Record;
use crate::storage::{self, Key};

/// A meter in the earlier layout; fields and units as in [`Record`], but for the power, which is in W.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyMeter {
    /// Last announced state.
    pub active: bool,
    pub balance: i64,
    pub deactivated: bool,
    pub last_read_at: u64,
    pub market_credit_wh: u32,
    pub max_power_w: u32,
    pub mode: u32,
    pub owner: Address,
    pub paid_from: u64,
    pub paid_until: u64,
    pub plan: u32,
    pub remainder: u32,
    pub total_wh: u64,
}

/// The meter in the earlier layout, if there is one that isn't migrated yet: the record that says the same, and its owner.
///
/// Every number fits: the earlier code kept them within the same bounds.
pub fn find(env: &Env, place: Place) -> Option<(Record, Address)> {
    let mut fields = storage::get_struct(env, &Key::LegacyMeter(place.meter_id()))?;
    let active = fields.take();
    let balance = fields.take_i64();
    let deactivated = fields.take();
    let last_read_at = fields.take_u64() as u32;
    let market_credit_wh = fields.take_u32();
    let max_power_w = fields.take_u32();
    let mode = fields.take_u32();
    let owner = fields.take();
    let record = Record {
        paid_from: fields.take_u64() as u32,
        paid_until: fields.take_u64() as u32,
        plan: fields.take_u32() as u8,
        remainder: fields.take_u32() as u16,
        total_wh: fields.take_u64(),
        balance,
        last_read_at,
        market_credit_wh,
        ..Record::of(mode, max_power_w, deactivated, active)
    };
    Some((record, owner))
}

/// Tells whether a meter is in the earlier layout and not migrated yet.
pub fn exists(env: &Env, meter_id: u64) -> bool {
    storage::has(env, &Key::LegacyMeter(meter_id))
}

/// The record at `place` in its `page`, if there is a meter; one of the earlier layout moves into the page, which the
/// caller writes.
pub fn record_in(env: &Env, page: &mut Page, place: Place) -> Option<Record> {
    let index = place.index();
    page.record(index).or_else(|| {
        adopt(env, page, place);
        page.record(index)
    })
}

fn adopt(env: &Env, page: &mut Page, place: Place) {
    let Some((record, owner)) = find(env, place) else {
        return;
    };
    let meter_id = place.meter_id();
    page.put(place.index(), &record);
    storage::remove(env, &Key::LegacyMeter(meter_id));
    let mut site = storage::site(env, place.site);
    storage::put_owner(env, meter_id, &owner, &site.operator);
    if site.next_slot <= place.slot {
        site.next_slot = place.slot.saturating_add(1);
        storage::put_site(env, place.site, &site);
    }
    events::Migrated {
        meter_id,
        version: record.version.into(),
    }
    .publish(env);
}
