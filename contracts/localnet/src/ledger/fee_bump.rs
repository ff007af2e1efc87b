//! Whether a fee bump may enter a ledger: the payer's side only, not the transaction inside.
//!
//! The checks and their order follow stellar-core's `FeeBumpTransactionFrame` (CAP-15).
//! Since protocol 23 the transaction inside may declare a resource fee beyond its own
//! fee, even one that no 32 bits hold (CAP-66): the bump's fee has to cover it.

use soroban_env_host::xdr::{
    FeeBumpTransactionEnvelope, TransactionResult, TransactionResultExt,
    TransactionResultResult as Refusal,
};

use super::fees::{charged_fee, declared_resource_fee, inclusion_bid, inclusion_fee};
use super::resources::MAX_RESOURCE_FEE;
use super::settings::BASE_FEE;
use super::signatures::{SignatureChecker, Threshold};
use super::transaction::SignedTransaction;
use super::validity::{available_balance, NextLedger};

/// Checks the fee, its source and the source's signatures.
pub fn check(
    bump: &FeeBumpTransactionEnvelope,
    transaction: &SignedTransaction,
    next: &NextLedger,
) -> Result<(), Box<TransactionResult>> {
    let resource_fee = declared_resource_fee(transaction);
    if bump.tx.fee < 0 || !(0..=MAX_RESOURCE_FEE).contains(&resource_fee) {
        return Err(refused(0, Refusal::TxMalformed));
    }
    check_bid(transaction)?;
    check_payer(bump, transaction, next)
        .map_err(|refusal| refused(charged_fee(transaction), refusal))
}

/// The bump has to offer more per operation than the transaction inside did.
fn check_bid(transaction: &SignedTransaction) -> Result<(), Box<TransactionResult>> {
    let bid = inclusion_bid(transaction);
    if bid < inclusion_fee(transaction) {
        let charged = charged_fee(transaction);
        return Err(refused(charged, Refusal::TxInsufficientFee));
    }
    let minimum = i128::from(inclusion_fee(transaction));
    let inner_minimum = minimum - i128::from(BASE_FEE);
    // Below 0 when the inner fee doesn't even cover resources: nothing to outbid then.
    let inner_bid = i64::from(transaction.tx().fee) - declared_resource_fee(transaction);
    let matching = i128::from(inner_bid) * minimum;
    if i128::from(bid) * inner_minimum < matching {
        let needed = (matching + inner_minimum - 1) / inner_minimum;
        let needed = i64::try_from(needed).unwrap_or(i64::MAX);
        return Err(refused(needed, Refusal::TxInsufficientFee));
    }
    Ok(())
}

fn check_payer(
    bump: &FeeBumpTransactionEnvelope,
    transaction: &SignedTransaction,
    next: &NextLedger,
) -> Result<(), Refusal> {
    let payer = next
        .state
        .account(&transaction.fee_source())
        .ok_or(Refusal::TxNoAccount)?;
    let mut signatures = SignatureChecker::new(&transaction.hash, bump.signatures.as_slice());
    if !signatures.meets(payer, Threshold::Low) {
        return Err(Refusal::TxBadAuth);
    }
    if available_balance(payer) < bump.tx.fee {
        return Err(Refusal::TxInsufficientBalance);
    }
    if signatures.all_used() {
        Ok(())
    } else {
        Err(Refusal::TxBadAuthExtra)
    }
}

/// A refusal of the bump itself says nothing about the transaction inside.
pub fn refused(fee_charged: i64, result: Refusal) -> Box<TransactionResult> {
    Box::new(TransactionResult {
        fee_charged,
        result,
        ext: TransactionResultExt::V0,
    })
}
