//! What a simulation found, as `simulateTransaction` answers it.

use std::fmt::Display;

use serde_json::{json, Value};
use soroban_env_host::xdr::SorobanTransactionData;
use soroban_simulation::simulation::{InvokeHostFunctionSimulationResult, LedgerEntryDiff};

use super::params::to_base64;

/// What a simulation found: an answer, or a sentence on why it failed.
pub type Finding = Result<Value, Failure>;

pub struct Failure {
    pub reason: String,
    pub events: Vec<String>,
}

impl<T: Into<String>> From<T> for Failure {
    fn from(reason: T) -> Self {
        Self {
            reason: reason.into(),
            events: Vec::new(),
        }
    }
}

/// Puts an error with all its causes into one line.
pub fn sentence(error: impl Display) -> String {
    format!("{error:#}")
}

/// Describes what a call would do, need and cost.
pub fn describe(simulated: InvokeHostFunctionSimulationResult) -> Finding {
    let events: Vec<String> = simulated.diagnostic_events.iter().map(to_base64).collect();
    let value = match simulated.invoke_result {
        Ok(value) => value,
        Err(error) => {
            let reason = format!("host invocation failed\n\nCaused by:\n    {error:?}");
            return Err(Failure { reason, events });
        }
    };
    let Some(data) = &simulated.transaction_data else {
        return Err("simulation gave no transaction data".into());
    };
    let mut answer = describe_data(data);
    let auth: Vec<String> = simulated.auth.iter().map(to_base64).collect();
    answer["events"] = json!(events);
    answer["results"] = json!([{"auth": auth, "xdr": to_base64(&value)}]);
    answer["stateChanges"] = simulated
        .modified_entries
        .iter()
        .filter_map(change)
        .collect();
    Ok(answer)
}

/// Describes what a transaction has to declare.
pub fn describe_data(data: &SorobanTransactionData) -> Value {
    json!({
        "transactionData": to_base64(data),
        "minResourceFee": data.resource_fee.to_string(),
    })
}

fn change(diff: &LedgerEntryDiff) -> Option<Value> {
    let (before, after) = (diff.state_before.as_ref(), diff.state_after.as_ref());
    let kind = match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => "created",
        (Some(_), None) => "deleted",
        (Some(_), Some(_)) => "updated",
    };
    let key = after.or(before)?.to_key();
    Some(json!({
        "type": kind,
        "key": to_base64(&key),
        "before": before.map(to_base64),
        "after": after.map(to_base64),
    }))
}
