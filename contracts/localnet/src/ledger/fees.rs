//! What a transaction pays, in stroops.
//!
//! The resource fee has a part that is kept whatever happens (computed from the
//! declared resources) and a refundable part (events and rent, known only after
//! the run). The inclusion fee is always the base fee: there is never a queue.
//! A fee bump counts as one operation more.

use soroban_env_host::fees::{compute_transaction_resource_fee, TransactionResources};
use soroban_env_host::xdr::{OperationBody, SorobanTransactionData, SorobanTransactionDataExt};
use soroban_simulation::NetworkConfig;

use super::settings::BASE_FEE;
use super::state::is_soroban;
use super::transaction::SignedTransaction;

/// Fees of a contract transaction before rent, in stroops.
pub struct ResourceFee {
    pub non_refundable: i64,
    pub events: i64,
}

/// Returns the operations that are paid for, at least one.
pub fn paid_operations(transaction: &SignedTransaction) -> i64 {
    let bump = i64::from(transaction.fee_bump().is_some());
    transaction.operations().len().max(1) as i64 + bump
}

/// Returns the inclusion fee at the base rate.
pub fn inclusion_fee(transaction: &SignedTransaction) -> i64 {
    i64::from(BASE_FEE) * paid_operations(transaction)
}

/// Returns what is offered on top of the declared resource fee; below 0 if that is not covered.
pub fn inclusion_bid(transaction: &SignedTransaction) -> i64 {
    transaction
        .full_fee()
        .saturating_sub(declared_resource_fee(transaction))
}

/// Returns the declared resource fee; 0 for a classic transaction.
pub fn declared_resource_fee(transaction: &SignedTransaction) -> i64 {
    transaction.soroban().map_or(0, |data| data.resource_fee)
}

/// Returns what is taken before the run; a refund may follow.
pub fn charged_fee(transaction: &SignedTransaction) -> i64 {
    declared_resource_fee(transaction).saturating_add(inclusion_fee(transaction))
}

/// Computes the resource fee from declared resources and emitted events.
pub fn resource_fee(
    transaction: &SignedTransaction,
    data: &SorobanTransactionData,
    events_bytes: u32,
    config: &NetworkConfig,
) -> ResourceFee {
    let resources = TransactionResources {
        instructions: data.resources.instructions,
        disk_read_entries: disk_read_entries(transaction, data),
        write_entries: data.resources.footprint.read_write.len() as u32,
        disk_read_bytes: data.resources.disk_read_bytes,
        write_bytes: data.resources.write_bytes,
        contract_events_size_bytes: events_bytes,
        transaction_size_bytes: transaction.size_bytes,
    };
    let (non_refundable, events) =
        compute_transaction_resource_fee(&resources, &config.fee_configuration);
    ResourceFee {
        non_refundable,
        events,
    }
}

/// Counts the entries read from disk: classic ones, and those to be restored.
pub fn disk_read_entries(transaction: &SignedTransaction, data: &SorobanTransactionData) -> u32 {
    let footprint = &data.resources.footprint;
    let restores = transaction
        .operations()
        .iter()
        .any(|operation| matches!(operation.body, OperationBody::RestoreFootprint(_)));
    if restores {
        return footprint.read_write.len() as u32;
    }
    let classic = footprint
        .read_only
        .iter()
        .chain(footprint.read_write.iter())
        .filter(|key| !is_soroban(key))
        .count();
    (classic + archived_indices(data).len()) as u32
}

/// Returns the positions in the read-write footprint that are to be restored.
pub fn archived_indices(data: &SorobanTransactionData) -> &[u32] {
    match &data.ext {
        SorobanTransactionDataExt::V0 => &[],
        SorobanTransactionDataExt::V1(ext) => ext.archived_soroban_entries.as_slice(),
    }
}
