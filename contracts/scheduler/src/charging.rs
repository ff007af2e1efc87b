//! Opening a schedule: the oracle tells usage and price of an hour, once, and the amount is fixed from then on,
//! whatever the oracle forgets later.

use soroban_sdk::{contractclient, contracttype, Env};

use crate::errors::Error;
use crate::events::Scheduled;
use crate::hours;
use crate::schedule::State;
use crate::settling::{announce_cancelled, announce_uncollected, id_of};
use crate::storage::{self, Key};

/// What the oracle knows of a meter's hour.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    pub usage_wh: u64,
    /// Stroops per kWh.
    pub price: i64,
    pub tier: u32,
    pub timestamp: u64,
    pub projected_daily_cost: i64,
}

/// The part of the oracle that is called here.
#[contractclient(name = "OracleClient")]
pub trait Oracle {
    /// The meter's hour in which `timestamp` (unix s) lies.
    fn get_historical_data(env: Env, meter_id: u64, timestamp: u64) -> Data;

    /// Tells whether the meter contract knows the meter as streaming.
    fn is_streaming(env: Env, meter_id: u64) -> bool;
}

/// Opens the schedule of a meter's hour (unix s) and returns its id; an hour that is scheduled already stays as it is.
///
/// # Errors
/// Why the hour can't be scheduled; nothing has changed then.
pub fn schedule(e: &Env, meter_id: u64, hour: u64) -> Result<u64, Error> {
    let number = hours::number(hour).ok_or(Error::InvalidHour)?;
    let known = storage::line(e, meter_id);
    if let Some(line) = &known {
        if line.book.is_scheduled(number)? {
            return Ok(id_of(line, number));
        }
    }
    let data = usage(e, meter_id, hour)?;
    let mut line = known.unwrap_or_else(|| storage::new_line(e, meter_id));
    let (rolled, now) = (line.book.rolled, e.ledger().timestamp());
    let schedule = line.book.open(number, data.usage_wh, data.price, now)?;
    let id = id_of(&line, number);
    Scheduled {
        meter_id,
        id,
        hour,
        due: schedule.due.into(),
        usage_wh: data.usage_wh,
        price: data.price,
        rolled: rolled - line.book.rolled,
        amount: schedule.amount,
    }
    .publish(e);
    if schedule.state == State::Cancelled {
        announce_cancelled(e, &line, &schedule);
        announce_uncollected(e, &line, schedule.amount);
    }
    storage::put_line(e, &line);
    Ok(id)
}

fn usage(e: &Env, meter_id: u64, hour: u64) -> Result<Data, Error> {
    match oracle(e).try_get_historical_data(&meter_id, &hour) {
        Ok(Ok(data)) => Ok(data),
        _ => Err(Error::NoUsage),
    }
}

/// The contract that knows usage, price and which meters stream.
pub fn oracle(e: &Env) -> OracleClient<'_> {
    OracleClient::new(e, &storage::address(e, &Key::Oracle))
}
