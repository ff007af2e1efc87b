//! JSON-RPC 2.0 in stellar-rpc's dialect: one request in, one response out.
//!
//! Field names, error codes and error texts follow stellar-rpc, so that SDKs
//! can't tell the difference. Nothing is decided here: [`crate::ledger`] does.

mod dev;
mod entries;
mod events;
mod friendbot;
mod network;
mod params;
mod send;
mod simulate;
mod simulated;
mod transactions;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{json, Value};

use crate::ledger::history::History;
use crate::ledger::Ledger;
use crate::snapshot_file;
pub use friendbot::fund;

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const INTERNAL_ERROR: i64 = -32603;

/// A request that was not carried out.
#[derive(Debug, PartialEq)]
pub struct RpcError {
    pub code: i64,
    pub message: String,
}

impl RpcError {
    fn new(code: i64, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    fn params(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }

    fn request(message: impl Into<String>) -> Self {
        Self::new(INVALID_REQUEST, message)
    }
}

type Answer = Result<Value, RpcError>;

/// A ledger shared between requests and the timer that closes it.
#[derive(Clone)]
pub struct Node {
    ledger: Arc<Mutex<Ledger>>,
    /// Whether each accepted transaction closes a ledger at once.
    close_on_send: bool,
    friendbot_url: Option<String>,
    snapshot: Option<PathBuf>,
}

impl Node {
    /// Shares `ledger`.
    pub fn new(ledger: Ledger, close_on_send: bool) -> Self {
        Self {
            ledger: Arc::new(Mutex::new(ledger)),
            close_on_send,
            friendbot_url: None,
            snapshot: None,
        }
    }

    /// Names the file that the ledger is kept in.
    pub fn with_snapshot(mut self, path: Option<PathBuf>) -> Self {
        self.snapshot = path;
        self
    }

    /// Writes the ledger to its file; without one there is nothing to do.
    pub fn save(&self) -> Result<(), String> {
        let Some(path) = &self.snapshot else {
            return Ok(());
        };
        let bytes = self.lock().snapshot();
        snapshot_file::replace(path, &bytes)
    }

    /// Names the address that friendbot answers at.
    pub fn with_friendbot_url(mut self, url: String) -> Self {
        self.friendbot_url = Some(url);
        self
    }

    /// Locks the ledger, also after a request panicked while it held it.
    ///
    /// That is sound because a ledger replaces its state in one go.
    pub fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers the body of one HTTP request.
pub fn respond(node: &Node, body: &[u8]) -> Value {
    let Ok(request) = serde_json::from_slice::<Value>(body) else {
        return failure(Value::Null, RpcError::new(PARSE_ERROR, "parse error"));
    };
    let id = request["id"].clone();
    let Some(method) = request["method"].as_str() else {
        let message = "send one JSON-RPC 2.0 request: an object with method, params and id";
        return failure(id, RpcError::request(message));
    };
    match dispatch(node, method, &request["params"]) {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => failure(id, error),
    }
}

/// Answers a request whose handling broke off.
pub fn internal_error() -> Value {
    let message = "localnet failed to answer this request; its standard error says why";
    failure(Value::Null, RpcError::new(INTERNAL_ERROR, message))
}

fn failure(id: Value, error: RpcError) -> Value {
    let error = json!({"code": error.code, "message": error.message});
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}

/// Carries out `method`.
pub fn dispatch(node: &Node, method: &str, params: &Value) -> Answer {
    params::require_base64(params)?;
    match method {
        "getHealth" => network::health(&node.lock()),
        "getNetwork" => network::network(node),
        "getVersionInfo" => network::version(),
        "getLatestLedger" => network::latest_ledger(&node.lock()),
        "getFeeStats" => network::fee_stats(&node.lock()),
        "getLedgerEntries" => entries::get(&node.lock(), params),
        "simulateTransaction" => simulate::simulate(node, params),
        "sendTransaction" => send::send(node, params),
        "getTransaction" => transactions::get_one(&node.lock(), params),
        "getTransactions" => transactions::get_many(&node.lock(), params),
        "getEvents" => events::get(&node.lock(), params),
        "dev_closeLedgers" => dev::close_ledgers(&mut node.lock(), params),
        "dev_advance" => dev::advance(&mut node.lock(), params),
        "dev_snapshot" => dev::snapshot(node),
        "dev_advanceLedgers" => dev::advance_ledgers(&mut node.lock(), params),
        _ => Err(RpcError::new(METHOD_NOT_FOUND, "method not found")),
    }
}

/// Adds which ledgers can be asked about, the way most answers say it.
fn add_range(answer: &mut Value, history: &History) {
    let (latest, oldest) = (history.latest(), history.oldest());
    answer["latestLedger"] = json!(latest.sequence);
    answer["latestLedgerCloseTime"] = json!(latest.closed_at.to_string());
    answer["oldestLedger"] = json!(oldest.sequence);
    answer["oldestLedgerCloseTime"] = json!(oldest.closed_at.to_string());
}
