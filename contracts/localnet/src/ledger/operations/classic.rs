//! `CreateAccount` and the payment of lumens.

use soroban_env_host::xdr::{
    AccountEntry, AccountEntryExt, AccountId, CreateAccountOp, CreateAccountResult,
    LedgerEntryData, OperationResultTr as Inner, PaymentOp, PaymentResult, SequenceNumber,
    Thresholds,
};

use super::Success;
use crate::ledger::settings::BASE_RESERVE;
use crate::ledger::state::Draft;
use crate::ledger::transaction::account_of;
use crate::ledger::validity::available_balance;

/// Returns a new account whose sequence numbers start in ledger `sequence`.
pub fn new_account(id: AccountId, balance: i64, sequence: u32) -> AccountEntry {
    AccountEntry {
        account_id: id,
        balance,
        seq_num: SequenceNumber(i64::from(sequence) << 32),
        num_sub_entries: 0,
        inflation_dest: None,
        flags: 0,
        home_domain: Default::default(),
        thresholds: Thresholds([1, 0, 0, 0]),
        signers: Default::default(),
        ext: AccountEntryExt::V0,
    }
}

/// Creates an account in ledger `sequence` from the balance of `source`.
pub fn create_account(
    create: &CreateAccountOp,
    source: &AccountId,
    sequence: u32,
    draft: &mut Draft,
) -> Result<Success, Inner> {
    let fail = |result| Err(Inner::CreateAccount(result));
    if draft.state().account(&create.destination).is_some() {
        return fail(CreateAccountResult::AlreadyExist);
    }
    if create.starting_balance < 2 * i64::from(BASE_RESERVE) {
        return fail(CreateAccountResult::LowReserve);
    }
    if !withdraw(source, create.starting_balance, draft) {
        return fail(CreateAccountResult::Underfunded);
    }
    let account = new_account(
        create.destination.clone(),
        create.starting_balance,
        sequence,
    );
    draft.put(LedgerEntryData::Account(account), None);
    Ok(Success::plain(Inner::CreateAccount(
        CreateAccountResult::Success,
    )))
}

/// Pays lumens from `source` to an account that exists.
pub fn pay(payment: &PaymentOp, source: &AccountId, draft: &mut Draft) -> Result<Success, Inner> {
    let fail = |result| Err(Inner::Payment(result));
    let destination = account_of(&payment.destination);
    if draft.state().account(&destination).is_none() {
        return fail(PaymentResult::NoDestination);
    }
    if !withdraw(source, payment.amount, draft) {
        return fail(PaymentResult::Underfunded);
    }
    if !deposit(&destination, payment.amount, draft) {
        return fail(PaymentResult::LineFull);
    }
    Ok(Success::plain(Inner::Payment(PaymentResult::Success)))
}

/// Takes `amount` stroops from an account, down to its reserve at most.
fn withdraw(id: &AccountId, amount: i64, draft: &mut Draft) -> bool {
    let Some(account) = draft.state().account(id) else {
        return false;
    };
    if available_balance(account) < amount {
        return false;
    }
    let mut account = account.clone();
    account.balance -= amount;
    draft.put(LedgerEntryData::Account(account), None);
    true
}

/// Adds `amount` stroops to an account, unless it would hold more than an `i64` does.
pub fn deposit(id: &AccountId, amount: i64, draft: &mut Draft) -> bool {
    let Some(account) = draft.state().account(id) else {
        return false;
    };
    let Some(balance) = account.balance.checked_add(amount) else {
        return false;
    };
    let mut account = account.clone();
    account.balance = balance;
    draft.put(LedgerEntryData::Account(account), None);
    true
}
