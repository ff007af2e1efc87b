//! `getLedgerEntries`: the present state, by key.
//!
//! An archived entry is answered with its past `liveUntilLedgerSeq`; a
//! temporary entry whose time ended is not answered at all.

use serde_json::{json, Value};
use soroban_env_host::xdr::LedgerKey;

use super::params::{from_base64, list, to_base64};
use super::{Answer, RpcError};
use crate::ledger::state::{is_temporary, Held};
use crate::ledger::Ledger;

const MAX_KEYS: usize = 200;

/// Answers with those of the asked entries that exist, in the order asked.
pub fn get(ledger: &Ledger, params: &Value) -> Answer {
    let keys = list(params, "keys")?;
    if keys.len() > MAX_KEYS {
        let count = keys.len();
        return Err(RpcError::params(format!(
            "key count ({count}) exceeds maximum supported ({MAX_KEYS})"
        )));
    }
    let latest = ledger.history().latest().sequence;
    let mut entries = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let key = ledger_key(key, index)?;
        let Some(held) = ledger.state().get(&key) else {
            continue;
        };
        if held.is_live(latest) || !is_temporary(&key) {
            entries.push(entry(&key, held));
        }
    }
    Ok(json!({"entries": entries, "latestLedger": latest}))
}

fn ledger_key(value: &Value, index: usize) -> Result<LedgerKey, RpcError> {
    let text = value.as_str().unwrap_or_default();
    match from_base64(text) {
        Some(LedgerKey::Ttl(_)) => Err(RpcError::params(
            "ledger ttl entries cannot be queried directly",
        )),
        Some(key) => Ok(key),
        None => Err(RpcError::params(format!(
            "cannot unmarshal key value {text} at index {index}"
        ))),
    }
}

fn entry(key: &LedgerKey, held: &Held) -> Value {
    let mut answer = json!({
        "key": to_base64(key),
        "xdr": to_base64(&held.entry.data),
        "extXdr": to_base64(&held.entry.ext),
        "lastModifiedLedgerSeq": held.entry.last_modified_ledger_seq,
    });
    if let Some(last) = held.live_until {
        answer["liveUntilLedgerSeq"] = json!(last);
    }
    answer
}
