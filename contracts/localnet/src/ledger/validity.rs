//! Whether a transaction may enter a ledger, and if not, with which code it is refused.
//!
//! The checks and their order follow stellar-core's `checkValid`. Nothing is
//! charged and nothing changes here.

use soroban_env_host::xdr::{
    AccountEntry, LedgerBounds, OperationResult, Preconditions, PreconditionsV2, TimeBounds,
    TransactionResult, TransactionResultResult as Refusal,
};

use super::fee_bump;
use super::fees::{charged_fee, declared_resource_fee, inclusion_bid, inclusion_fee};
use super::operations::{self, classic::new_account};
use super::resources::{self, MAX_RESOURCE_FEE};
use super::results::result_of;
use super::settings::{BASE_RESERVE, MAX_OPERATIONS};
use super::signatures::{SignatureChecker, Threshold};
use super::state::State;
use super::transaction::SignedTransaction;
use super::Network;

/// The ledger that a transaction would enter.
pub struct NextLedger<'a> {
    pub state: &'a State,
    pub network: &'a Network,
    /// Its sequence number.
    pub sequence: u32,
    /// Its close time, unix seconds.
    pub closes_at: u64,
}

/// Checks a transaction; refuses with the result that a client is shown.
pub fn check(
    transaction: &SignedTransaction,
    next: &NextLedger,
) -> Result<(), Box<TransactionResult>> {
    match transaction.fee_bump() {
        Some(bump) => fee_bump::check(bump, transaction, next)?,
        None if !(0..=MAX_RESOURCE_FEE).contains(&declared_resource_fee(transaction)) => {
            return Err(fee_bump::refused(0, Refusal::TxMalformed))
        }
        None => {}
    }
    refusal(transaction, next)
        .map_err(|result| Box::new(result_of(transaction, charged_fee(transaction), result)))
}

fn refusal(transaction: &SignedTransaction, next: &NextLedger) -> Result<(), Refusal> {
    check_structure(transaction)?;
    check_resources(transaction, next)?;
    check_preconditions(transaction, next)?;
    let pays = transaction.fee_bump().is_none();
    if pays && inclusion_bid(transaction) < inclusion_fee(transaction) {
        return Err(Refusal::TxInsufficientFee);
    }
    let account = next
        .state
        .account(&transaction.source())
        .ok_or(Refusal::TxNoAccount)?;
    check_sequence(transaction, account, next)?;
    let mut signatures = SignatureChecker::new(&transaction.inner_hash, transaction.signatures());
    if !signatures.meets(account, Threshold::Low) {
        return Err(Refusal::TxBadAuth);
    }
    if pays && available_balance(account) < transaction.full_fee() {
        return Err(Refusal::TxInsufficientBalance);
    }
    check_operations(transaction, next, &mut signatures)?;
    if signatures.all_used() {
        Ok(())
    } else {
        Err(Refusal::TxBadAuthExtra)
    }
}

fn check_structure(transaction: &SignedTransaction) -> Result<(), Refusal> {
    let count = transaction.operations().len();
    if count == 0 {
        return Err(Refusal::TxMissingOperation);
    }
    let soroban = transaction.has_soroban_operation();
    let malformed = count > MAX_OPERATIONS as usize
        || soroban != transaction.soroban().is_some()
        || soroban && count != 1;
    if malformed {
        Err(Refusal::TxMalformed)
    } else {
        Ok(())
    }
}

fn check_resources(transaction: &SignedTransaction, next: &NextLedger) -> Result<(), Refusal> {
    match transaction.soroban() {
        Some(data) => resources::check(transaction, data, &next.network.config)
            .map_err(|_| Refusal::TxSorobanInvalid),
        None => Ok(()),
    }
}

fn check_preconditions(transaction: &SignedTransaction, next: &NextLedger) -> Result<(), Refusal> {
    match &transaction.tx().cond {
        Preconditions::None => Ok(()),
        Preconditions::Time(bounds) => check_time(bounds, next),
        Preconditions::V2(conditions) => {
            if has_unsupported_condition(conditions) {
                return Err(Refusal::TxNotSupported);
            }
            if let Some(bounds) = &conditions.ledger_bounds {
                check_ledger(bounds, next)?;
            }
            match &conditions.time_bounds {
                Some(bounds) => check_time(bounds, next),
                None => Ok(()),
            }
        }
    }
}

/// Ages of sequence numbers and extra signers would need records not kept here.
fn has_unsupported_condition(conditions: &PreconditionsV2) -> bool {
    conditions.min_seq_age.0 != 0
        || conditions.min_seq_ledger_gap != 0
        || !conditions.extra_signers.is_empty()
}

fn check_time(bounds: &TimeBounds, next: &NextLedger) -> Result<(), Refusal> {
    if bounds.min_time.0 > next.closes_at {
        return Err(Refusal::TxTooEarly);
    }
    if bounds.max_time.0 != 0 && bounds.max_time.0 < next.closes_at {
        return Err(Refusal::TxTooLate);
    }
    Ok(())
}

fn check_ledger(bounds: &LedgerBounds, next: &NextLedger) -> Result<(), Refusal> {
    if bounds.min_ledger > next.sequence {
        return Err(Refusal::TxTooEarly);
    }
    if bounds.max_ledger != 0 && bounds.max_ledger <= next.sequence {
        return Err(Refusal::TxTooLate);
    }
    Ok(())
}

fn check_sequence(
    transaction: &SignedTransaction,
    account: &AccountEntry,
    next: &NextLedger,
) -> Result<(), Refusal> {
    let minimum = match &transaction.tx().cond {
        Preconditions::V2(conditions) => conditions.min_seq_num.as_ref().map(|seq| seq.0),
        _ => None,
    };
    let (used, last) = (transaction.tx().seq_num.0, account.seq_num.0);
    // The number that an account created in the next ledger would start from.
    let reserved = used == i64::from(next.sequence) << 32;
    let accepted = !reserved
        && match minimum {
            Some(minimum) => minimum <= last && last < used,
            None => last.checked_add(1) == Some(used),
        };
    if accepted {
        Ok(())
    } else {
        Err(Refusal::TxBadSeq)
    }
}

fn check_operations(
    transaction: &SignedTransaction,
    next: &NextLedger,
    signatures: &mut SignatureChecker,
) -> Result<(), Refusal> {
    let mut results = Vec::new();
    let mut refused = false;
    for operation in transaction.operations() {
        let id = transaction.source_of(operation);
        // An account that an earlier operation is to create signs with its own key.
        let created = new_account(id.clone(), 0, 0);
        let source = next.state.account(&id).unwrap_or(&created);
        let result = match signatures.meets(source, operations::threshold(operation)) {
            false => Err(OperationResult::OpBadAuth),
            true => operations::check(transaction, operation, &id),
        };
        refused |= result.is_err();
        results.push(result.unwrap_or_else(|result| result));
    }
    if refused {
        Err(Refusal::TxFailed(
            results.try_into().expect("at most 100 operations"),
        ))
    } else {
        Ok(())
    }
}

/// Returns what an account can spend above its reserve, in stroops.
pub fn available_balance(account: &AccountEntry) -> i64 {
    account.balance - minimum_balance(account)
}

/// Tells whether an account has what it must keep.
pub fn has_reserve(account: &AccountEntry) -> bool {
    available_balance(account) >= 0
}

fn minimum_balance(account: &AccountEntry) -> i64 {
    (2 + i64::from(account.num_sub_entries)) * i64::from(BASE_RESERVE)
}
