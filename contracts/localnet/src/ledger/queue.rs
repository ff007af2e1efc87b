//! Transactions that wait for a ledger: at most one of each source account.
//!
//! One that waits gives way only to a fee bump of the same sequence number that
//! offers ten times as much per operation. The queue neither checks nor applies any.

use soroban_env_host::xdr::AccountId;

use super::fees::{inclusion_bid, paid_operations};
use super::settings::{
    LEDGER_MAX_INSTRUCTIONS, LEDGER_MAX_TRANSACTION_BYTES, LEDGER_MAX_WRITE_BYTES,
};
use super::transaction::SignedTransaction;

/// How many times as much a fee bump has to offer to replace what waits.
const REPLACEMENT_FACTOR: i128 = 10;

/// What the queue says to a transaction.
#[derive(Debug, PartialEq)]
pub enum Room {
    /// There is a place for it, its own or that of the one it replaces.
    Free,
    /// It waits already, by itself or inside a fee bump.
    Duplicate,
    /// Another one of its source account waits.
    Taken,
    /// It may replace what waits, but for an inclusion fee of at least this many stroops.
    TooCheap(i64),
}

/// The transactions, in order of arrival.
#[derive(Default)]
pub struct Queue {
    waiting: Vec<SignedTransaction>,
}

impl Queue {
    /// Tells whether there is a place for `transaction`.
    pub fn room_for(&self, transaction: &SignedTransaction) -> Room {
        let Some(other) = self.waiting_for(&transaction.source()) else {
            return Room::Free;
        };
        if transaction.hash == other.hash || transaction.hash == other.inner_hash {
            return Room::Duplicate;
        }
        let bumps = transaction.fee_bump().is_some();
        if !bumps || transaction.tx().seq_num != other.tx().seq_num {
            return Room::Taken;
        }
        let price = price_of_replacing(other, transaction);
        if inclusion_bid(transaction) < price {
            Room::TooCheap(price)
        } else {
            Room::Free
        }
    }

    /// Returns what account `payer` has offered for all that waits but for what `transaction` replaces, in stroops.
    pub fn owed_by(&self, payer: &AccountId, transaction: &SignedTransaction) -> i64 {
        self.waiting
            .iter()
            .filter(|other| other.fee_source() == *payer && other.source() != transaction.source())
            .fold(0, |sum, other| sum.saturating_add(other.full_fee()))
    }

    /// Adds a transaction there is room for, in the place of the one it replaces.
    pub fn put(&mut self, transaction: SignedTransaction) {
        let source = transaction.source();
        let mut waiting = self.waiting.iter_mut();
        match waiting.find(|other| other.source() == source) {
            Some(other) => *other = transaction,
            None => self.waiting.push(transaction),
        }
    }

    fn waiting_for(&self, source: &AccountId) -> Option<&SignedTransaction> {
        self.waiting.iter().find(|other| other.source() == *source)
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

/// Returns the least inclusion fee by which `new` replaces `old`, in stroops.
fn price_of_replacing(old: &SignedTransaction, new: &SignedTransaction) -> i64 {
    let old_operations = i128::from(paid_operations(old));
    let price = REPLACEMENT_FACTOR * i128::from(inclusion_bid(old));
    let price = price * i128::from(paid_operations(new)) + old_operations - 1;
    i64::try_from(price / old_operations).unwrap_or(i64::MAX)
}
