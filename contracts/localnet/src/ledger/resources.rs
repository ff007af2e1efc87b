//! The network's limits on what a contract transaction may declare.
//!
//! Simulation does not check them: a transaction may simulate well and be
//! refused here, as on the network. Checks, their order and their words follow
//! stellar-core's `TransactionFrame::checkSorobanResources` and
//! `commonValidPreSeqNum`; all of them end in `txSOROBAN_INVALID`.

use std::collections::BTreeSet;

use soroban_env_host::xdr::{LedgerKey, SorobanTransactionData, TrustLineAsset};
use soroban_simulation::NetworkConfig;

use super::assets;
use super::complaints::Complaint;
use super::fees::{archived_indices, disk_read_entries, resource_fee};
use super::settings::{
    MAX_KEY_BYTES, TX_MAX_DISK_READ_BYTES, TX_MAX_DISK_READ_ENTRIES, TX_MAX_FOOTPRINT_ENTRIES,
    TX_MAX_INSTRUCTIONS, TX_MAX_SIZE_BYTES, TX_MAX_WRITE_BYTES, TX_MAX_WRITE_ENTRIES,
};
use super::state::{is_soroban, is_temporary};
use super::transaction::SignedTransaction;
use crate::codec::encode;

/// Largest resource fee that can be declared, in stroops.
pub const MAX_RESOURCE_FEE: i64 = 1 << 50;

/// Checks that the declared resources are within every limit and paid for.
pub fn check(
    transaction: &SignedTransaction,
    data: &SorobanTransactionData,
    config: &NetworkConfig,
) -> Result<(), Complaint> {
    check_declared(transaction, data)?;
    check_keys(data)?;
    at_most(
        Complaint::over_budget,
        "total transaction size exceeds network config limit",
        u64::from(transaction.size_bytes),
        TX_MAX_SIZE_BYTES,
    )?;
    check_archived_indices(data)?;
    check_fee(transaction, data, config)?;
    check_unique(data)
}

/// Tells whether simulated resources could be declared at all, apart from what they cost.
pub fn fit_network(data: &SorobanTransactionData) -> bool {
    let footprint = &data.resources.footprint;
    let writes = footprint.read_write.len();
    let reads = archived_indices(data).len() + classic_keys(data);
    data.resources.instructions <= TX_MAX_INSTRUCTIONS
        && data.resources.disk_read_bytes <= TX_MAX_DISK_READ_BYTES
        && data.resources.write_bytes <= TX_MAX_WRITE_BYTES
        && reads <= TX_MAX_DISK_READ_ENTRIES as usize
        && writes <= TX_MAX_WRITE_ENTRIES as usize
        && footprint.read_only.len() + writes <= TX_MAX_FOOTPRINT_ENTRIES as usize
}

fn classic_keys(data: &SorobanTransactionData) -> usize {
    keys(data).filter(|key| !is_soroban(key)).count()
}

fn keys(data: &SorobanTransactionData) -> impl Iterator<Item = &LedgerKey> {
    let footprint = &data.resources.footprint;
    footprint
        .read_only
        .iter()
        .chain(footprint.read_write.iter())
}

fn at_most(
    complaint: fn(&'static str, u64, u64) -> Complaint,
    message: &'static str,
    found: u64,
    allowed: u32,
) -> Result<(), Complaint> {
    let allowed = u64::from(allowed);
    match found <= allowed {
        true => Ok(()),
        false => Err(complaint(message, found, allowed)),
    }
}

fn check_declared(
    transaction: &SignedTransaction,
    data: &SorobanTransactionData,
) -> Result<(), Complaint> {
    let resources = &data.resources;
    at_most(
        Complaint::over_budget,
        "transaction instructions resources exceed network config limit",
        u64::from(resources.instructions),
        TX_MAX_INSTRUCTIONS,
    )?;
    let writes = resources.footprint.read_write.len() as u64;
    for (message, found, allowed) in [
        (
            "transaction byte-read resources exceed network config limit",
            u64::from(resources.disk_read_bytes),
            TX_MAX_DISK_READ_BYTES,
        ),
        (
            "transaction byte-write resources exceed network config limit",
            u64::from(resources.write_bytes),
            TX_MAX_WRITE_BYTES,
        ),
        (
            "the number of entries in transaction footprint exceeds the network config limit",
            keys(data).count() as u64,
            TX_MAX_FOOTPRINT_ENTRIES,
        ),
        (
            "transaction entry-disk-read resources exceed network config limit",
            u64::from(disk_read_entries(transaction, data)),
            TX_MAX_DISK_READ_ENTRIES,
        ),
        (
            "transaction entry-write resources exceed network config limit",
            writes,
            TX_MAX_WRITE_ENTRIES,
        ),
    ] {
        at_most(Complaint::over_storage, message, found, allowed)?;
    }
    Ok(())
}

fn check_keys(data: &SorobanTransactionData) -> Result<(), Complaint> {
    for key in keys(data) {
        match key {
            LedgerKey::Account(_) | LedgerKey::ContractData(_) | LedgerKey::ContractCode(_) => {}
            LedgerKey::Trustline(line) if can_be_trusted(&line.asset, &line.account_id) => {}
            LedgerKey::Trustline(_) => {
                let message = "transaction footprint contains invalid trustline asset";
                return Err(Complaint::invalid(message));
            }
            _ => {
                let message = "transaction footprint contains unsupported ledger key type";
                return Err(Complaint::invalid(message));
            }
        }
        at_most(
            Complaint::over_storage,
            "transaction footprint key exceeds network config limit",
            encode(key).len() as u64,
            MAX_KEY_BYTES,
        )?;
    }
    Ok(())
}

fn can_be_trusted(asset: &TrustLineAsset, holder: &soroban_env_host::xdr::AccountId) -> bool {
    assets::of_line(asset).is_some_and(|asset| {
        assets::is_valid(&asset) && assets::issuer(&asset).is_some_and(|issuer| issuer != holder)
    })
}

fn check_archived_indices(data: &SorobanTransactionData) -> Result<(), Complaint> {
    let indices = archived_indices(data);
    let keys = &data.resources.footprint.read_write;
    if indices.windows(2).any(|pair| pair[0] >= pair[1]) {
        let message = "archivedSorobanEntries must be sorted in ascending order";
        return Err(Complaint::invalid(message));
    }
    for index in indices {
        let message = match keys.get(*index as usize) {
            None => "archivedSorobanEntries index is out of bounds",
            Some(key) if is_soroban(key) && !is_temporary(key) => continue,
            Some(_) => "archivedSorobanEntries index points to a non-persistent entry",
        };
        return Err(Complaint::invalid(message));
    }
    Ok(())
}

fn check_fee(
    transaction: &SignedTransaction,
    data: &SorobanTransactionData,
    config: &NetworkConfig,
) -> Result<(), Complaint> {
    let (declared, full) = (data.resource_fee, transaction.full_fee());
    // Inside a fee bump the transaction's own fee is not looked at (CAP-66).
    if transaction.fee_bump().is_none() && declared > full {
        let message =
            "transaction `sorobanData.resourceFee` is higher than the full transaction fee";
        return Err(Complaint::over_storage(
            message,
            declared as u64,
            full as u64,
        ));
    }
    let needed = resource_fee(transaction, data, 0, config).non_refundable;
    if declared < needed {
        let message =
            "transaction `sorobanData.resourceFee` is lower than the actual Soroban resource fee";
        return Err(Complaint::over_storage(
            message,
            declared as u64,
            needed as u64,
        ));
    }
    Ok(())
}

fn check_unique(data: &SorobanTransactionData) -> Result<(), Complaint> {
    let mut seen = BTreeSet::new();
    if keys(data).all(|key| seen.insert(key)) {
        return Ok(());
    }
    Err(Complaint::invalid(
        "Found duplicate key in the Soroban footprint; every key across read-only and \
         read-write footprints has to be unique.",
    ))
}
