//! `CreateAccount` and `Payment`: lumens and issued assets from one account to another.
//!
//! Codes and their order follow stellar-core's `PathPaymentStrictReceiveOpFrame`,
//! which a payment is the shortest case of: first the receiver, then the sender.

use soroban_env_host::xdr::{
    AccountEntry, AccountEntryExt, AccountId, CreateAccountOp, CreateAccountResult,
    LedgerEntryData, OperationResultTr as Inner, PaymentOp, PaymentResult, SequenceNumber,
    Thresholds,
};

use super::trust::{change_balance, Line, AUTHORIZED};
use super::Success;
use crate::ledger::assets;
use crate::ledger::draft::Draft;
use crate::ledger::settings::BASE_RESERVE;
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

/// Pays an asset from `source` to another account.
pub fn pay(payment: &PaymentOp, source: &AccountId, draft: &mut Draft) -> Result<Success, Inner> {
    let receiver = account_of(&payment.destination);
    receive(payment, &receiver, draft)
        .and_then(|()| send(payment, source, draft))
        .map_err(Inner::Payment)?;
    Ok(Success::plain(Inner::Payment(PaymentResult::Success)))
}

fn receive(
    payment: &PaymentOp,
    receiver: &AccountId,
    draft: &mut Draft,
) -> Result<(), PaymentResult> {
    // What goes back to its issuer goes out of existence, even if there is no such account.
    let returns = assets::issuer(&payment.asset) == Some(receiver);
    if !returns && draft.state().account(receiver).is_none() {
        return Err(PaymentResult::NoDestination);
    }
    let received = match Line::of(receiver, &payment.asset, draft.state()) {
        Line::Lumens => deposit(receiver, payment.amount, draft),
        Line::Issuer => true,
        Line::None => return Err(PaymentResult::NoTrust),
        Line::Trusted(line) if line.flags & AUTHORIZED == 0 => {
            return Err(PaymentResult::NotAuthorized)
        }
        Line::Trusted(line) => change_balance(line, payment.amount, draft),
    };
    received.then_some(()).ok_or(PaymentResult::LineFull)
}

fn send(payment: &PaymentOp, sender: &AccountId, draft: &mut Draft) -> Result<(), PaymentResult> {
    let sent = match Line::of(sender, &payment.asset, draft.state()) {
        Line::Lumens => withdraw(sender, payment.amount, draft),
        Line::Issuer => true,
        Line::None => return Err(PaymentResult::SrcNoTrust),
        Line::Trusted(line) if line.flags & AUTHORIZED == 0 => {
            return Err(PaymentResult::SrcNotAuthorized)
        }
        Line::Trusted(line) => change_balance(line, -payment.amount, draft),
    };
    sent.then_some(()).ok_or(PaymentResult::Underfunded)
}

/// Tells whether a payment makes sense, whoever sends it.
pub fn is_well_formed_payment(payment: &PaymentOp) -> bool {
    payment.amount > 0 && assets::is_valid(&payment.asset)
}

/// Tells whether the creation of an account makes sense for account `source`.
pub fn is_well_formed_creation(create: &CreateAccountOp, source: &AccountId) -> bool {
    create.starting_balance >= 0 && create.destination != *source
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
