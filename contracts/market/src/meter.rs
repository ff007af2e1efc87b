//! What the market asks of the contract `meter`: how much bought energy waits at a meter, and to change that.

use soroban_sdk::{contractclient, panic_with_error, Env, Map, Symbol, TryFromVal, Val};

use crate::errors::Error;
use crate::storage::{self, Key};

/// The calls that are made; the contract has more.
#[contractclient(name = "MeterClient")]
pub trait Meter {
    /// A record by the names of its fields: one of them is needed here, whatever others there are.
    fn get_meter(e: Env, meter_id: u64) -> Map<Symbol, Val>;
    /// Adds bought energy to a prepaid meter; returns what it has then, Wh.
    fn add_market_credit(e: Env, meter_id: u64, wh: u32) -> u32;
    /// Takes bought energy from a meter; returns what it has then, Wh.
    fn take_market_credit(e: Env, meter_id: u64, wh: u32) -> u32;
}

/// Site of a meter: the high half of its id.
pub const fn site_of(meter_id: u64) -> u32 {
    (meter_id >> 32) as u32
}

/// Bought energy that the meter hasn't used, Wh.
pub fn credit_wh(e: &Env, meter_id: u64) -> u32 {
    let record = client(e).get_meter(&meter_id);
    let credit = record.get(Symbol::new(e, "market_credit_wh"));
    credit
        .and_then(|value| u32::try_from_val(e, &value).ok())
        .unwrap_or_else(|| panic_with_error!(e, Error::UnknownRecord))
}

/// Adds bought energy to a meter.
pub fn add_credit(e: &Env, meter_id: u64, wh: u32) {
    client(e).add_market_credit(&meter_id, &wh);
}

/// Takes energy that is refunded from a meter.
pub fn take_credit(e: &Env, meter_id: u64, wh: u32) {
    client(e).take_market_credit(&meter_id, &wh);
}

fn client(e: &Env) -> MeterClient<'_> {
    MeterClient::new(e, &storage::contract(e, &Key::Meter))
}
