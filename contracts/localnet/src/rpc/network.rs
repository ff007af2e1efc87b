//! What the network is and how it is doing.

use std::ops::Bound;

use serde_json::{json, Value};
use soroban_env_host::xdr::{
    Hash, LedgerCloseMeta, LedgerCloseMetaV2, LedgerHeaderHistoryEntry, LedgerHeaderHistoryEntryExt,
};

use super::params::to_base64;
use super::{Answer, Node};
use crate::ledger::events::Place;
use crate::ledger::settings::{BASE_FEE, PROTOCOL};
use crate::ledger::Ledger;

/// Ledgers that fee statistics look back on, as in stellar-rpc.
const SOROBAN_FEE_LEDGERS: u32 = 50;
const CLASSIC_FEE_LEDGERS: u32 = 10;

/// `getHealth`: this ledger is always healthy.
pub fn health(ledger: &Ledger) -> Answer {
    let history = ledger.history();
    Ok(json!({
        "status": "healthy",
        "latestLedger": history.latest().sequence,
        "oldestLedger": history.oldest().sequence,
        "ledgerRetentionWindow": history.retention(),
    }))
}

/// `getNetwork`: the passphrase that transactions are signed for, and where friendbot is.
pub fn network(node: &Node) -> Answer {
    let mut answer = json!({
        "passphrase": node.lock().network().passphrase,
        "protocolVersion": PROTOCOL,
    });
    if let Some(url) = &node.friendbot_url {
        answer["friendbotUrl"] = json!(url);
    }
    Ok(answer)
}

/// `getVersionInfo`: says plainly that there is no stellar-core behind it.
pub fn version() -> Answer {
    Ok(json!({
        "version": concat!("localnet-", env!("CARGO_PKG_VERSION")),
        "commitHash": "",
        "buildTimestamp": "",
        "captiveCoreVersion": "none (soroban-env-host 28.0.2)",
        "protocolVersion": PROTOCOL,
    }))
}

/// `getLatestLedger`: number, close time and header of the latest ledger.
pub fn latest_ledger(ledger: &Ledger) -> Answer {
    let latest = ledger.history().latest();
    let meta = LedgerCloseMeta::V2(LedgerCloseMetaV2 {
        ledger_header: LedgerHeaderHistoryEntry {
            hash: Hash(ledger.hash()),
            header: ledger.header().clone(),
            ext: LedgerHeaderHistoryEntryExt::V0,
        },
        ..LedgerCloseMetaV2::default()
    });
    Ok(json!({
        "id": hex::encode(ledger.hash()),
        "protocolVersion": PROTOCOL,
        "sequence": latest.sequence,
        "closeTime": latest.closed_at.to_string(),
        "headerXdr": to_base64(ledger.header()),
        "metadataXdr": to_base64(&meta),
    }))
}

/// `getFeeStats`: what inclusion has cost lately.
pub fn fee_stats(ledger: &Ledger) -> Answer {
    Ok(json!({
        "sorobanInclusionFee": distribution(ledger, true, SOROBAN_FEE_LEDGERS),
        "inclusionFee": distribution(ledger, false, CLASSIC_FEE_LEDGERS),
        "latestLedger": ledger.history().latest().sequence,
    }))
}

/// Everyone pays the base fee, so every percentile is the base fee.
fn distribution(ledger: &Ledger, soroban: bool, ledgers: u32) -> Value {
    let latest = ledger.history().latest().sequence;
    let before = Place {
        ledger: latest.saturating_sub(ledgers),
        order: u32::MAX,
    };
    let count = ledger
        .history()
        .transactions(Bound::Excluded(before))
        .filter(|(_, transaction)| transaction.soroban == soroban)
        .count();
    let mut stats = json!({"transactionCount": count.to_string(), "ledgerCount": ledgers});
    for name in [
        "max", "min", "mode", "p10", "p20", "p30", "p40", "p50", "p60", "p70", "p80", "p90", "p95",
        "p99",
    ] {
        stats[name] = json!(BASE_FEE.to_string());
    }
    stats
}
