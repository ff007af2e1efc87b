//! Transactions that wait for a ledger: at most one of each source account.
//!
//! The queue neither checks nor applies them.

use soroban_env_host::xdr::AccountId;

use super::settings::{
    LEDGER_MAX_INSTRUCTIONS, LEDGER_MAX_TRANSACTION_BYTES, LEDGER_MAX_WRITE_BYTES,
};
use super::transaction::SignedTransaction;

/// The transactions, in order of arrival.
#[derive(Default)]
pub struct Queue {
    waiting: Vec<SignedTransaction>,
}

impl Queue {
    /// Returns the transaction of account `source` that waits.
    pub fn waiting_for(&self, source: &AccountId) -> Option<&SignedTransaction> {
        self.waiting.iter().find(|other| other.source() == *source)
    }

    /// Adds a transaction whose source account has none here.
    pub fn push(&mut self, transaction: SignedTransaction) {
        self.waiting.push(transaction);
    }

    /// Takes transactions off the front, as far as the limits of one ledger reach.
    pub fn take_fitting(&mut self) -> Vec<SignedTransaction> {
        let (mut instructions, mut written, mut size) = (0, 0, 0);
        let fitting = self.waiting.iter().take_while(|transaction| {
            if let Some(data) = transaction.soroban() {
                instructions += i64::from(data.resources.instructions);
                written += data.resources.write_bytes;
                size += transaction.size_bytes;
            }
            instructions <= LEDGER_MAX_INSTRUCTIONS
                && written <= LEDGER_MAX_WRITE_BYTES
                && size <= LEDGER_MAX_TRANSACTION_BYTES
        });
        let count = fitting.count();
        self.waiting.drain(..count).collect()
    }
}
