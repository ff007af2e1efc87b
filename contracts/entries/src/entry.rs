//! One meter as one ledger entry: [`LegacyMeter`], the fields of a record by their names, and the owner.

use soroban_sdk::{Address, Env};

use crate::errors::{refuse, Error};
use crate::ids::Place;
use crate::legacy::{self, LegacyMeter};
use crate::record::Record;
use crate::storage::{self, Key};

/// Bit of a record's flags: last announced as active.
const ACTIVE: u8 = 1 << 2;

/// A record with its owner, between reading its entry and writing it.
#[derive(Clone)]
pub struct Entry {
    pub record: Record,
    pub owner: Address,
}

impl Entry {
    /// Reads a meter's entry, if there is one.
    pub fn find(env: &Env, place: Place) -> Option<Self> {
        let (record, owner) = legacy::find(env, place)?;
        Some(Self { record, owner })
    }

    /// Reads a meter's entry, or fails with [`Error::UnknownMeter`].
    pub fn read(env: &Env, meter_id: u64) -> Self {
        Self::find(env, Place::of(meter_id)).unwrap_or_else(|| refuse(env, Error::UnknownMeter))
    }

    /// Writes the entry without renewing it.
    pub fn set(self, env: &Env, meter_id: u64) {
        storage::set(env, &Key::LegacyMeter(meter_id), &self.named());
    }

    /// Writes the entry and renews it.
    pub fn put(self, env: &Env, meter_id: u64) {
        storage::put(env, &Key::LegacyMeter(meter_id), &self.named());
    }

    fn named(self) -> LegacyMeter {
        let Self { record, owner } = self;
        LegacyMeter {
            active: record.flags & ACTIVE != 0,
            balance: record.balance,
            deactivated: record.is_deactivated(),
            last_read_at: record.last_read_at.into(),
            market_credit_wh: record.market_credit_wh,
            max_power_w: record.max_power_w(),
            mode: record.mode() as u32,
            owner,
            paid_from: record.paid_from.into(),
            paid_until: record.paid_until.into(),
            plan: record.plan.into(),
            remainder: record.remainder.into(),
            total_wh: record.total_wh,
        }
    }
}
