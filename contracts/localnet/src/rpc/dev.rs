//! Methods that stellar-rpc does not have: they drive the ledger and its clock.

use serde_json::{json, Value};

use super::params::number;
use super::{Answer, Node, RpcError, INTERNAL_ERROR};
use crate::ledger::Ledger;

/// Ledgers closed by one request; each takes a moment with the ledger locked.
const MAX_CLOSES: u64 = 100_000;
/// Highest ledger number: ids of transactions have 31 bits for it.
const MAX_SEQUENCE: u64 = i32::MAX as u64;
/// Seconds advanced by one request: 100 years.
const MAX_ADVANCE_S: u64 = 3_155_760_000;

/// `{"n": 1}`: closes `n` ledgers, one after the other.
pub fn close_ledgers(ledger: &mut Ledger, params: &Value) -> Answer {
    for _ in 0..between(params, "n", 1, MAX_CLOSES)? {
        ledger.close();
    }
    Ok(latest(ledger))
}

/// `{"seconds": 3600}`: moves ledger time forward and closes one ledger.
pub fn advance(ledger: &mut Ledger, params: &Value) -> Answer {
    ledger.advance(between(params, "seconds", 0, MAX_ADVANCE_S)?);
    Ok(latest(ledger))
}

/// `{"n": 17280}`: closes one ledger that is `n` further on, and 5 s later for each.
pub fn advance_ledgers(ledger: &mut Ledger, params: &Value) -> Answer {
    let left = MAX_SEQUENCE - u64::from(ledger.history().latest().sequence);
    ledger.advance_ledgers(between(params, "n", 1, left)? as u32);
    Ok(latest(ledger))
}

/// `{}`: writes the ledger to the file that `--snapshot` names.
pub fn snapshot(node: &Node) -> Answer {
    let Some(path) = &node.snapshot else {
        let message = "start localnet with --snapshot FILE to have a file to write to";
        return Err(RpcError::request(message));
    };
    node.save()
        .map_err(|sentence| RpcError::new(INTERNAL_ERROR, sentence))?;
    let mut answer = latest(&node.lock());
    answer["snapshot"] = json!(path.display().to_string());
    Ok(answer)
}

fn between(params: &Value, name: &str, minimum: u64, maximum: u64) -> Result<u64, RpcError> {
    number(params, name)?
        .filter(|number| (minimum..=maximum).contains(number))
        .ok_or_else(|| {
            RpcError::params(format!("{name} must be given, from {minimum} to {maximum}"))
        })
}

fn latest(ledger: &Ledger) -> Value {
    let latest = ledger.history().latest();
    json!({
        "sequence": latest.sequence,
        "closeTime": latest.closed_at.to_string(),
    })
}
