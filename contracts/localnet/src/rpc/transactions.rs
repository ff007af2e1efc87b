//! `getTransaction` and `getTransactions`: what became of transactions.

use std::ops::Bound;

use serde_json::{json, Value};
use soroban_env_host::xdr::TransactionMeta;

use super::params::{bytes_to_base64, ledger_number, limit, text, to_base64};
use super::{add_range, Answer, RpcError};
use crate::codec::decode;
use crate::ledger::events::Place;
use crate::ledger::history::TransactionRecord;
use crate::ledger::Ledger;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;

/// `getTransaction`: looks up one transaction by its hash.
pub fn get_one(ledger: &Ledger, params: &Value) -> Answer {
    let hash = text(params, "hash")?.unwrap_or_default();
    if hash.len() != 64 {
        let length = hash.len();
        return Err(RpcError::params(format!(
            "unexpected hash length ({length})"
        )));
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(hash, &mut bytes)
        .map_err(|error| RpcError::params(format!("incorrect hash: {error}")))?;
    let mut answer = match ledger.history().transaction(&bytes) {
        Some((place, record)) => {
            let mut answer = describe(place, record);
            // A fee bump is found by its inner hash too, and answers to the one asked for.
            answer["txHash"] = json!(hash);
            answer["createdAt"] = json!(record.closed_at.to_string());
            answer
        }
        None => json!({"status": "NOT_FOUND", "txHash": hash}),
    };
    add_range(&mut answer, ledger.history());
    Ok(answer)
}

/// `getTransactions`: lists transactions from a ledger or a cursor on.
pub fn get_many(ledger: &Ledger, params: &Value) -> Answer {
    let limit = limit(params, DEFAULT_LIMIT, MAX_LIMIT)?;
    let history = ledger.history();
    let mut transactions = Vec::new();
    let mut cursor = Place {
        ledger: history.latest().sequence + 1,
        order: 0,
    }
    .toid(0)
        - 1;
    for (place, record) in history.transactions(start(ledger, params)?).take(limit) {
        let mut answer = describe(*place, record);
        answer["createdAt"] = json!(record.closed_at);
        transactions.push(answer);
        if transactions.len() == limit {
            cursor = place.toid(1);
        }
    }
    Ok(json!({
        "transactions": transactions,
        "latestLedger": history.latest().sequence,
        "latestLedgerCloseTimestamp": history.latest().closed_at,
        "oldestLedger": history.oldest().sequence,
        "oldestLedgerCloseTimestamp": history.oldest().closed_at,
        "cursor": cursor.to_string(),
    }))
}

/// Returns where to start: after the cursor, or with a ledger that is still kept.
fn start(ledger: &Ledger, params: &Value) -> Result<Bound<Place>, RpcError> {
    let (oldest, latest) = (ledger.history().oldest(), ledger.history().latest());
    let start = ledger_number(params, "startLedger")?;
    match (text(&params["pagination"], "cursor")?, start) {
        (Some(cursor), Some(start)) => Err(RpcError::request(format!(
            "startLedger ({start}) and cursor ({cursor}) cannot both be set"
        ))),
        (Some(cursor), None) => cursor
            .parse()
            .map(|toid| Bound::Excluded(Place::from_toid(toid)))
            .map_err(|_| RpcError::params("cursor must be a number from an earlier answer")),
        (None, start) => {
            let first = start.unwrap_or(0);
            if (oldest.sequence..=latest.sequence).contains(&first) {
                return Ok(Bound::Included(Place {
                    ledger: first,
                    order: 0,
                }));
            }
            let (oldest, latest) = (oldest.sequence, latest.sequence);
            Err(RpcError::request(format!(
                "start ledger ({first}) must be between the oldest ledger: {oldest} \
                 and the latest ledger: {latest} for this rpc instance"
            )))
        }
    }
}

fn describe(place: Place, record: &TransactionRecord) -> Value {
    let (contract_events, diagnostics) = emitted(&record.meta);
    json!({
        "status": if record.success { "SUCCESS" } else { "FAILED" },
        "txHash": hex::encode(record.hash),
        "applicationOrder": place.order,
        "feeBump": record.inner_hash.is_some(),
        "envelopeXdr": bytes_to_base64(&record.envelope),
        "resultXdr": bytes_to_base64(&record.result),
        "resultMetaXdr": bytes_to_base64(&record.meta),
        "diagnosticEventsXdr": diagnostics,
        "events": {"transactionEventsXdr": [], "contractEventsXdr": contract_events},
        "ledger": place.ledger,
    })
}

/// Takes contract events (per operation) and diagnostic events out of metadata.
fn emitted(meta: &[u8]) -> (Vec<Vec<String>>, Vec<String>) {
    let Ok(TransactionMeta::V4(meta)) = decode(meta) else {
        return Default::default();
    };
    let contract_events = meta
        .operations
        .iter()
        .map(|operation| operation.events.iter().map(to_base64).collect())
        .collect();
    let diagnostics = meta.diagnostic_events.iter().map(to_base64).collect();
    (contract_events, diagnostics)
}
