//! Transaction metadata, version 4: what changed, what was said, what it cost.
//!
//! Only contract events are listed; the events that the network derives from
//! classic payments and fees (CAP-67) are not.

use soroban_env_host::xdr::{
    ContractEvent, DiagnosticEvent, ExtensionPoint, LedgerEntryChanges, OperationMetaV2, ScVal,
    SorobanTransactionMetaExt, SorobanTransactionMetaExtV1, SorobanTransactionMetaV2,
    TransactionMeta, TransactionMetaV4,
};

/// What one operation leaves in the metadata.
pub struct OperationRecord {
    pub changes: LedgerEntryChanges,
    pub events: Vec<ContractEvent>,
    pub return_value: Option<ScVal>,
}

/// The resource fee that was kept, in stroops.
pub struct SorobanFees {
    pub non_refundable: i64,
    pub refundable: i64,
    /// The part of `refundable` that is rent.
    pub rent: i64,
}

impl SorobanFees {
    /// Returns the whole resource fee that was kept, in stroops.
    pub fn total(&self) -> i64 {
        self.non_refundable + self.refundable
    }
}

/// Builds the metadata; `fees` is `None` for a classic transaction.
pub fn transaction_meta(
    charge: LedgerEntryChanges,
    operations: Vec<OperationRecord>,
    refund: LedgerEntryChanges,
    fees: Option<SorobanFees>,
    diagnostics: Vec<DiagnosticEvent>,
) -> TransactionMeta {
    let return_value = operations.iter().find_map(|one| one.return_value.clone());
    let operations: Vec<OperationMetaV2> = operations.into_iter().map(operation_meta).collect();
    TransactionMeta::V4(TransactionMetaV4 {
        ext: ExtensionPoint::V0,
        tx_changes_before: charge,
        operations: operations.try_into().expect("at most 100 operations"),
        tx_changes_after: refund,
        soroban_meta: fees.map(|fees| SorobanTransactionMetaV2 {
            ext: SorobanTransactionMetaExt::V1(SorobanTransactionMetaExtV1 {
                ext: ExtensionPoint::V0,
                total_non_refundable_resource_fee_charged: fees.non_refundable,
                total_refundable_resource_fee_charged: fees.refundable,
                rent_fee_charged: fees.rent,
            }),
            return_value,
        }),
        events: Default::default(),
        diagnostic_events: diagnostics.try_into().expect("fewer than u32::MAX events"),
    })
}

fn operation_meta(operation: OperationRecord) -> OperationMetaV2 {
    OperationMetaV2 {
        ext: ExtensionPoint::V0,
        changes: operation.changes,
        events: operation
            .events
            .try_into()
            .expect("fewer than u32::MAX events"),
    }
}
