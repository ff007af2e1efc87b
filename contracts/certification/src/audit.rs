//! The audit trail: who did what about a producer, when, and why. One entry per act, written once, never changed, never removed.

use soroban_sdk::unwrap::UnwrapOptimized;
use soroban_sdk::{panic_with_error, Address, Env, String, Vec};
use upkeep::life;

use crate::errors::Error;
use crate::events;
use crate::lists;
use crate::storage::{self, Key};
use crate::types::{Action, AuditEntry, Certificate};

/// Longest reason, in bytes.
pub const MAX_REASON_LEN: u32 = 200;

/// Writes an act down and announces it; the caller stores the certificate, which counts the acts.
pub fn record(
    e: &Env,
    certificate: &mut Certificate,
    action: Action,
    by: &Address,
    reason: String,
) {
    let index = certificate.acts;
    let producer = certificate.producer.clone();
    let entry = AuditEntry {
        action,
        at: e.ledger().timestamp(),
        by: by.clone(),
        reason: reason.clone(),
    };
    life::put(e, &Key::Audit(producer.clone(), index), &entry);
    certificate.acts = index + 1;
    events::Audited {
        producer,
        action,
        by: by.clone(),
        index,
        reason,
    }
    .publish(e);
}

/// An act that explains itself.
pub fn no_reason(e: &Env) -> String {
    String::from_str(e, "")
}

/// Refuses a reason that says nothing, or too much.
pub fn check_reason(e: &Env, reason: &String) {
    if !(1..=MAX_REASON_LEN).contains(&reason.len()) {
        panic_with_error!(e, Error::InvalidReason);
    }
}

/// Acts about a producer, the oldest first: at most `limit` from `offset` on.
pub fn entries(e: &Env, producer: &Address, offset: u32, limit: u32) -> Vec<AuditEntry> {
    let acts = storage::certificate(e, producer).acts;
    let mut entries = Vec::new(e);
    for index in lists::rows(e, offset, limit, acts) {
        let key = Key::Audit(producer.clone(), index);
        // The certificate counts them: each was written.
        entries.push_back(e.storage().persistent().get(&key).unwrap_optimized());
    }
    entries
}

/// Renews acts about a producer: at most `limit` from `offset` on.
pub fn extend(e: &Env, producer: &Address, offset: u32, limit: u32) {
    let acts = storage::certificate(e, producer).acts;
    for index in lists::rows(e, offset, limit, acts) {
        life::keep(e, &Key::Audit(producer.clone(), index));
    }
}
