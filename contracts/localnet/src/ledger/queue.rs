//! Transactions that wait for a ledger: at most one of each source account.
//!
//! One that waits gives way only to a fee bump of the same sequence number that
//! offers ten times as much per operation. The queue neither checks nor applies any.

use soroban_env_host::xdr::AccountId;

use super::fees::{disk_read_entries, inclusion_bid, paid_operations};
use super::settings::{
    LEDGER_MAX_DISK_READ_BYTES, LEDGER_MAX_DISK_READ_ENTRIES, LEDGER_MAX_INSTRUCTIONS,
    LEDGER_MAX_TRANSACTION_BYTES, LEDGER_MAX_WRITE_BYTES, LEDGER_MAX_WRITE_ENTRIES,
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

    /// Lists what waits, in order of arrival.
    pub fn waiting(&self) -> impl Iterator<Item = &SignedTransaction> {
        self.waiting.iter()
    }

    /// Takes transactions off the front, as far as the limits of one ledger reach.
    pub fn take_fitting(&mut self) -> Vec<SignedTransaction> {
        let mut load = Load::default();
        let fitting = self.waiting.iter().take_while(|transaction| {
            load.add(transaction);
            load.fits()
        });
        let count = fitting.count();
        self.waiting.drain(..count).collect()
    }
}

/// What the contract transactions of one ledger declare together.
#[derive(Default)]
struct Load {
    instructions: i64,
    disk_read_entries: u32,
    disk_read_bytes: u32,
    write_entries: u32,
    write_bytes: u32,
    size_bytes: u32,
}

impl Load {
    fn add(&mut self, transaction: &SignedTransaction) {
        let Some(data) = transaction.soroban() else {
            return;
        };
        self.instructions += i64::from(data.resources.instructions);
        self.disk_read_entries += disk_read_entries(transaction, data);
        self.disk_read_bytes += data.resources.disk_read_bytes;
        self.write_entries += data.resources.footprint.read_write.len() as u32;
        self.write_bytes += data.resources.write_bytes;
        self.size_bytes += transaction.size_bytes;
    }

    fn fits(&self) -> bool {
        self.instructions <= LEDGER_MAX_INSTRUCTIONS
            && self.disk_read_entries <= LEDGER_MAX_DISK_READ_ENTRIES
            && self.disk_read_bytes <= LEDGER_MAX_DISK_READ_BYTES
            && self.write_entries <= LEDGER_MAX_WRITE_ENTRIES
            && self.write_bytes <= LEDGER_MAX_WRITE_BYTES
            && self.size_bytes <= LEDGER_MAX_TRANSACTION_BYTES
    }
}

/// Returns the least inclusion fee by which `new` replaces `old`, in stroops.
fn price_of_replacing(old: &SignedTransaction, new: &SignedTransaction) -> i64 {
    let old_operations = i128::from(paid_operations(old));
    let price = REPLACEMENT_FACTOR * i128::from(inclusion_bid(old));
    let price = price * i128::from(paid_operations(new)) + old_operations - 1;
    i64::try_from(price / old_operations).unwrap_or(i64::MAX)
}
