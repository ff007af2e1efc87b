//! The network's limits on what a contract transaction may declare.
//!
//! Simulation does not check them: a transaction may simulate well and be
//! refused here, as on the network.

use std::collections::BTreeSet;

use soroban_env_host::xdr::{HostFunction, LedgerKey, OperationBody, SorobanTransactionData};
use soroban_simulation::NetworkConfig;

use super::fees::{archived_indices, disk_read_entries, resource_fee};
use super::settings::{
    MAX_CODE_BYTES, MAX_KEY_BYTES, TX_MAX_DISK_READ_BYTES, TX_MAX_DISK_READ_ENTRIES,
    TX_MAX_FOOTPRINT_ENTRIES, TX_MAX_INSTRUCTIONS, TX_MAX_SIZE_BYTES, TX_MAX_WRITE_BYTES,
    TX_MAX_WRITE_ENTRIES,
};
use super::state::is_temporary;
use super::transaction::SignedTransaction;
use crate::codec::encode;

/// Largest resource fee that can be declared, in stroops.
pub const MAX_RESOURCE_FEE: i64 = 1 << 50;

/// Tells whether the declared resources are within every limit and paid for.
pub fn are_acceptable(
    transaction: &SignedTransaction,
    data: &SorobanTransactionData,
    config: &NetworkConfig,
) -> bool {
    fits_limits(transaction, data)
        && footprint_is_sound(data)
        && archived_indices_are_sound(data)
        && code_fits(transaction)
        && fee_covers(transaction, data, config)
}

fn fits_limits(transaction: &SignedTransaction, data: &SorobanTransactionData) -> bool {
    let resources = &data.resources;
    let writes = resources.footprint.read_write.len();
    let entries = resources.footprint.read_only.len() + writes;
    resources.instructions <= TX_MAX_INSTRUCTIONS
        && resources.disk_read_bytes <= TX_MAX_DISK_READ_BYTES
        && resources.write_bytes <= TX_MAX_WRITE_BYTES
        && entries <= TX_MAX_FOOTPRINT_ENTRIES as usize
        && writes <= TX_MAX_WRITE_ENTRIES as usize
        && disk_read_entries(transaction, data) <= TX_MAX_DISK_READ_ENTRIES
        && transaction.size_bytes <= TX_MAX_SIZE_BYTES
}

fn footprint_is_sound(data: &SorobanTransactionData) -> bool {
    let footprint = &data.resources.footprint;
    let mut seen = BTreeSet::new();
    footprint
        .read_only
        .iter()
        .chain(footprint.read_write.iter())
        .all(|key| is_allowed(key) && seen.insert(key))
}

fn is_allowed(key: &LedgerKey) -> bool {
    let usable = matches!(
        key,
        LedgerKey::Account(_)
            | LedgerKey::Trustline(_)
            | LedgerKey::ContractData(_)
            | LedgerKey::ContractCode(_)
    );
    usable && encode(key).len() <= MAX_KEY_BYTES as usize
}

fn archived_indices_are_sound(data: &SorobanTransactionData) -> bool {
    let indices = archived_indices(data);
    let keys = &data.resources.footprint.read_write;
    let ascending = indices.windows(2).all(|pair| pair[0] < pair[1]);
    let persistent = |index: &u32| match keys.get(*index as usize) {
        Some(LedgerKey::ContractCode(_)) => true,
        Some(key @ LedgerKey::ContractData(_)) => !is_temporary(key),
        _ => false,
    };
    ascending && indices.iter().all(persistent)
}

fn code_fits(transaction: &SignedTransaction) -> bool {
    transaction.operations().iter().all(|operation| {
        let OperationBody::InvokeHostFunction(invoke) = &operation.body else {
            return true;
        };
        match &invoke.host_function {
            HostFunction::UploadContractWasm(code) => code.len() <= MAX_CODE_BYTES as usize,
            _ => true,
        }
    })
}

fn fee_covers(
    transaction: &SignedTransaction,
    data: &SorobanTransactionData,
    config: &NetworkConfig,
) -> bool {
    let needed = resource_fee(transaction, data, 0, config).non_refundable;
    // Inside a fee bump the transaction's own fee is not looked at (CAP-66).
    let paid = transaction.fee_bump().is_some() || transaction.full_fee() >= data.resource_fee;
    paid && (needed..=MAX_RESOURCE_FEE).contains(&data.resource_fee)
}
