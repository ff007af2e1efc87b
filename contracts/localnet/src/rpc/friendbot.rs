//! Friendbot's answers, as its HTTP endpoint on the test network gives them.

use serde_json::{json, Value};
use soroban_env_host::xdr::{AccountId, PublicKey, Uint256};
use stellar_strkey::ed25519;

use super::params::bytes_to_base64;
use super::Node;
use crate::ledger::Funding;

/// Creates and funds account `address` ("G..."); `Err` is the body of an HTTP 400.
pub fn fund(node: &Node, address: &str) -> Result<Value, Value> {
    let key = ed25519::PublicKey::from_string(address)
        .map_err(|_| problem("addr must be an account address that starts with G"))?;
    let id = AccountId(PublicKey::PublicKeyTypeEd25519(Uint256(key.0)));
    let mut ledger = node.lock();
    let hash = match ledger.fund(&id) {
        Funding::Created(hash) => hash,
        // Clients look for one or the other of these two phrases.
        Funding::Exists => {
            return Err(problem(
                "account already funded to starting balance (createAccountAlreadyExist)",
            ))
        }
        Funding::Failed => return Err(problem("friendbot's transaction failed")),
    };
    let record = ledger
        .history()
        .transaction(&hash)
        .map(|(_, record)| record);
    let encode = |bytes: Option<&Vec<u8>>| bytes.map(|bytes| bytes_to_base64(bytes));
    Ok(json!({
        "successful": true,
        "hash": hex::encode(hash),
        "envelope_xdr": encode(record.map(|one| &one.envelope)),
        "result_xdr": encode(record.map(|one| &one.result)),
        "result_meta_xdr": encode(record.map(|one| &one.meta)),
    }))
}

fn problem(detail: &str) -> Value {
    json!({"title": "Bad Request", "status": 400, "detail": detail})
}
