//! Parameters taken out of a request, each with a sentence for when it is wrong.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use serde_json::Value;
use soroban_env_host::xdr::{ReadXdr, TransactionEnvelope, WriteXdr};

use super::RpcError;
use crate::codec::{decode, encode};
use crate::ledger::transaction::SignedTransaction;
use crate::ledger::Ledger;

/// Refuses the formats that are not offered.
pub fn require_base64(params: &Value) -> Result<(), RpcError> {
    match params["xdrFormat"].as_str() {
        None | Some("" | "base64") => Ok(()),
        Some(_) => Err(RpcError::params(
            "localnet answers in base64 only: leave xdrFormat out or set it to \"base64\"",
        )),
    }
}

/// Returns an optional whole number.
pub fn number(params: &Value, name: &str) -> Result<Option<u64>, RpcError> {
    match &params[name] {
        Value::Null => Ok(None),
        value => value
            .as_u64()
            .map(Some)
            .ok_or_else(|| RpcError::params(format!("{name} must be a whole number, 0 or more"))),
    }
}

/// Returns an optional ledger number; 0 counts as absent, as in stellar-rpc.
pub fn ledger_number(params: &Value, name: &str) -> Result<Option<u32>, RpcError> {
    let Some(number) = number(params, name)?.filter(|number| *number != 0) else {
        return Ok(None);
    };
    u32::try_from(number)
        .map(Some)
        .map_err(|_| RpcError::params(format!("{name} must be a ledger number below 2^32")))
}

/// Returns an optional text; an empty one counts as absent.
pub fn text<'a>(params: &'a Value, name: &str) -> Result<Option<&'a str>, RpcError> {
    match &params[name] {
        Value::Null => Ok(None),
        value => value
            .as_str()
            .map(|text| Some(text).filter(|text| !text.is_empty()))
            .ok_or_else(|| RpcError::params(format!("{name} must be a string"))),
    }
}

/// Returns an optional list; absent is empty.
pub fn list<'a>(params: &'a Value, name: &str) -> Result<&'a [Value], RpcError> {
    match &params[name] {
        Value::Null => Ok(&[]),
        value => value
            .as_array()
            .map(Vec::as_slice)
            .ok_or_else(|| RpcError::params(format!("{name} must be a list"))),
    }
}

/// Returns how many rows to answer with.
pub fn limit(params: &Value, default: usize, maximum: usize) -> Result<usize, RpcError> {
    match number(&params["pagination"], "limit")? {
        None | Some(0) => Ok(default),
        Some(limit) if limit <= maximum as u64 => Ok(limit as usize),
        Some(_) => Err(RpcError::params(format!("limit must not exceed {maximum}"))),
    }
}

/// Decodes base64 XDR.
pub fn from_base64<T: ReadXdr>(text: &str) -> Option<T> {
    decode(&STANDARD.decode(text).ok()?).ok()
}

/// Encodes as base64 XDR.
pub fn to_base64(value: &impl WriteXdr) -> String {
    STANDARD.encode(encode(value))
}

/// Encodes bytes that are XDR already.
pub fn bytes_to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Returns the transaction of a request.
pub fn transaction(params: &Value, ledger: &Ledger) -> Result<SignedTransaction, RpcError> {
    let envelope: TransactionEnvelope = text(params, "transaction")?
        .and_then(from_base64)
        .ok_or_else(|| RpcError::params("invalid_xdr"))?;
    SignedTransaction::new(envelope, ledger.network().id).ok_or_else(|| {
        RpcError::params("localnet takes V1 transactions and fee bumps, but no V0 envelopes")
    })
}
