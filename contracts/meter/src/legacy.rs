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

impl LegacyMeter {
    /// The record that says the same. Every number fits: the earlier code kept them within the same bounds.
    pub fn record(&self) -> Record {
        Record {
            total_wh: self.total_wh,
            balance: self.balance,
            paid_from: self.paid_from as u32,
            paid_until: self.paid_until as u32,
            last_read_at: self.last_read_at as u32,
            market_credit_wh: self.market_credit_wh,
            remainder: self.remainder as u16,
            plan: self.plan as u8,
            ..Record::of(self.mode, self.max_power_w, self.deactivated, self.active)
        }
    }
}

/// The meter in the earlier layout, if there is one that isn't migrated yet.
pub fn find(env: &Env, place: Place) -> Option<LegacyMeter> {
    let mut fields = storage::get_struct(env, &Key::LegacyMeter(place.meter_id()))?;
    Some(LegacyMeter {
        active: fields.take(),
        balance: fields.take_i64(),
        deactivated: fields.take(),
        last_read_at: fields.take_u64(),
        market_credit_wh: fields.take_u32(),
        max_power_w: fields.take_u32(),
        mode: fields.take_u32(),
        owner: fields.take(),
        paid_from: fields.take_u64(),
        paid_until: fields.take_u64(),
        plan: fields.take_u32(),
        remainder: fields.take_u32(),
        total_wh: fields.take_u64(),
    })
}

/// The record at `place` in its `page`, if there is a meter; one of the earlier layout moves into the page, which the
/// caller writes.
pub fn record_in(env: &Env, page: &mut Page, place: Place) -> Option<Record> {
    page.record(place.index())
        .or_else(|| adopt(env, page, place))
}

fn adopt(env: &Env, page: &mut Page, place: Place) -> Option<Record> {
    let meter = find(env, place)?;
    let meter_id = place.meter_id();
    let record = meter.record();
    page.put(place.index(), &record);
    storage::remove(env, &Key::LegacyMeter(meter_id));
    let mut site = storage::site(env, place.site);
    if meter.owner != site.operator {
        storage::put(env, &Key::Owner(meter_id), &meter.owner);
    }
    if site.next_slot <= place.slot {
        site.next_slot = place.slot.saturating_add(1);
        storage::put(env, &Key::Site(place.site), &site);
    }
    events::Migrated {
        meter_id,
        version: record.version.into(),
    }
    .publish(env);
    Some(record)
}
