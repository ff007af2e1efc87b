//! `ExtendFootprintTtl` and `RestoreFootprint`: entries live longer, or again, for rent.

use soroban_env_host::budget::Budget;
use soroban_env_host::e2e_invoke::entry_size_for_rent;
use soroban_env_host::fees::{compute_rent_fee, LedgerEntryRentChange};
use soroban_env_host::xdr::{
    ExtendFootprintTtlOp, ExtendFootprintTtlResult as Extended, LedgerKey,
    OperationResultTr as Inner, RestoreFootprintResult as Restored, SorobanTransactionData,
};

use super::Success;
use crate::codec::encode;
use crate::ledger::apply::Context;
use crate::ledger::draft::Draft;
use crate::ledger::fees::resource_fee;
use crate::ledger::state::{is_temporary, Held};
use crate::ledger::transaction::SignedTransaction;

/// Extends the live entries of the read-only footprint.
pub fn extend(
    operation: &ExtendFootprintTtlOp,
    transaction: &SignedTransaction,
    data: &SorobanTransactionData,
    context: &Context,
    draft: &mut Draft,
) -> Result<Success, Inner> {
    let until = context.sequence.saturating_add(operation.extend_to);
    let mut rents = Vec::new();
    for key in data.resources.footprint.read_only.iter() {
        let Some(held) = draft.state().get(key).cloned() else {
            continue;
        };
        let Some(old) = held.live_until else { continue };
        if !held.is_live(context.sequence) || old >= until {
            continue;
        }
        rents.push(rent(key, &held, Some(old), until));
        draft.set_live_until(key, until);
    }
    let fee = rent_fee(&rents, transaction, data, context).ok_or(Inner::ExtendFootprintTtl(
        Extended::InsufficientRefundableFee,
    ))?;
    Ok(paid(Inner::ExtendFootprintTtl(Extended::Success), fee))
}

/// Restores the archived entries of the read-write footprint for the shortest time.
pub fn restore(
    transaction: &SignedTransaction,
    data: &SorobanTransactionData,
    context: &Context,
    draft: &mut Draft,
) -> Result<Success, Inner> {
    let until = context.restored_until();
    let mut rents = Vec::new();
    let mut bytes = 0;
    for key in data.resources.footprint.read_write.iter() {
        let Some(held) = draft.state().get(key).cloned() else {
            continue;
        };
        if held.is_live(context.sequence) {
            continue;
        }
        bytes += encode(held.entry.as_ref()).len();
        rents.push(rent(key, &held, None, until));
        draft.mark_restored(key, until);
        draft.put(held.entry.data.clone(), Some(until));
    }
    let allowed = data
        .resources
        .disk_read_bytes
        .min(data.resources.write_bytes);
    if bytes > allowed as usize {
        return Err(Inner::RestoreFootprint(Restored::ResourceLimitExceeded));
    }
    let fee = rent_fee(&rents, transaction, data, context)
        .ok_or(Inner::RestoreFootprint(Restored::InsufficientRefundableFee))?;
    Ok(paid(Inner::RestoreFootprint(Restored::Success), fee))
}

/// Describes the rent of one entry; `live_until` is `None` for one that is restored.
fn rent(
    key: &LedgerKey,
    held: &Held,
    live_until: Option<u32>,
    until: u32,
) -> LedgerEntryRentChange {
    let encoded = encode(held.entry.as_ref()).len() as u32;
    let size = entry_size_for_rent(&Budget::default(), &held.entry, encoded).unwrap_or(encoded);
    LedgerEntryRentChange {
        is_persistent: !is_temporary(key),
        is_code_entry: matches!(key, LedgerKey::ContractCode(_)),
        old_size_bytes: live_until.map_or(0, |_| size),
        new_size_bytes: size,
        old_live_until_ledger: live_until.unwrap_or(0),
        new_live_until_ledger: until,
    }
}

/// Returns the rent in stroops, or `None` if the declared fee does not cover it.
fn rent_fee(
    rents: &[LedgerEntryRentChange],
    transaction: &SignedTransaction,
    data: &SorobanTransactionData,
    context: &Context,
) -> Option<i64> {
    let config = &context.network.config;
    let fee = compute_rent_fee(rents, &config.rent_fee_configuration, context.sequence);
    let kept = resource_fee(transaction, data, 0, config).non_refundable;
    (fee <= data.resource_fee - kept).then_some(fee)
}

fn paid(result: Inner, fee: i64) -> Success {
    Success {
        refundable_fee: fee,
        rent_fee: fee,
        ..Success::plain(result)
    }
}
