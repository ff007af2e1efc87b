//! `sendTransaction`: a transaction is taken in, or refused with its reason.

use serde_json::{json, Value};

use super::params::{to_base64, transaction};
use super::{Answer, Node};
use crate::ledger::Submission;

/// Takes a transaction in, and closes a ledger with it if so configured.
pub fn send(node: &Node, params: &Value) -> Answer {
    let mut ledger = node.lock();
    let transaction = transaction(params, &ledger)?;
    let latest = ledger.history().latest();
    let mut answer = json!({
        "hash": hex::encode(transaction.hash),
        "latestLedger": latest.sequence,
        "latestLedgerCloseTime": latest.closed_at.to_string(),
    });
    let complaint = ledger.complaint(&transaction);
    let status = match ledger.submit(transaction) {
        Submission::Pending => {
            if node.close_on_send {
                ledger.close();
            }
            "PENDING"
        }
        Submission::Duplicate => "DUPLICATE",
        Submission::TryAgainLater => "TRY_AGAIN_LATER",
        Submission::Refused(result) => {
            answer["errorResultXdr"] = json!(to_base64(result.as_ref()));
            if let Some(complaint) = complaint {
                answer["diagnosticEventsXdr"] = json!([to_base64(&complaint.event())]);
            }
            "ERROR"
        }
    };
    answer["status"] = json!(status);
    Ok(answer)
}
