//! What clients can still ask about: recent ledgers, transactions and events.
//!
//! Everything older than the retention window is forgotten, as stellar-rpc
//! forgets it. Transactions are kept as XDR, which is the smallest form.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;

use soroban_env_host::xdr::ContractEvent;

use super::events::{EventId, EventRecord, Place};

/// A transaction that entered a ledger.
pub struct TransactionRecord {
    pub hash: [u8; 32],
    /// Hash of the transaction inside, if it is a fee bump; it is found by either.
    pub inner_hash: Option<[u8; 32]>,
    pub success: bool,
    pub soroban: bool,
    /// Close time of its ledger, unix seconds.
    pub closed_at: u64,
    pub envelope: Vec<u8>,
    pub result: Vec<u8>,
    pub meta: Vec<u8>,
}

impl TransactionRecord {
    /// Lists the hashes it is found by.
    fn hashes(&self) -> impl Iterator<Item = [u8; 32]> {
        [Some(self.hash), self.inner_hash].into_iter().flatten()
    }
}

/// A transaction with its events, listed per operation.
pub type Entered = (TransactionRecord, Vec<Vec<ContractEvent>>);

/// A ledger's number and close time (unix seconds).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Closed {
    pub sequence: u32,
    pub closed_at: u64,
}

/// The retention window and what lies in it.
pub struct History {
    retention: u32,
    latest: Closed,
    ledgers: VecDeque<Closed>,
    transactions: BTreeMap<Place, TransactionRecord>,
    places: HashMap<[u8; 32], Place>,
    events: BTreeMap<EventId, EventRecord>,
}

impl History {
    /// Starts with `genesis`, keeping at most `retention` ledgers.
    pub fn new(retention: u32, genesis: Closed) -> Self {
        Self {
            retention,
            latest: genesis,
            ledgers: VecDeque::from([genesis]),
            transactions: BTreeMap::new(),
            places: HashMap::new(),
            events: BTreeMap::new(),
        }
    }

    /// Goes on from `ledgers` (at least one, oldest first), keeping at most `retention` of them.
    pub fn resume(
        retention: u32,
        ledgers: Vec<Closed>,
        transactions: Vec<(Place, TransactionRecord, Vec<Vec<ContractEvent>>)>,
    ) -> Self {
        let latest = *ledgers.last().expect("a snapshot has its latest ledger");
        let mut history = Self::new(retention, latest);
        history.ledgers = ledgers.into();
        for (place, transaction, events) in transactions {
            history.record(place, transaction, events);
        }
        history.forget();
        history
    }

    /// Lists the ledgers that can be asked about, oldest first.
    pub fn ledgers(&self) -> impl Iterator<Item = Closed> + '_ {
        self.ledgers.iter().copied()
    }

    /// Returns how many ledgers are kept at most.
    pub fn retention(&self) -> u32 {
        self.retention
    }

    /// Returns the latest ledger.
    pub fn latest(&self) -> Closed {
        self.latest
    }

    /// Returns the oldest ledger that can be asked about.
    pub fn oldest(&self) -> Closed {
        *self.ledgers.front().expect("the latest ledger is kept")
    }

    /// Adds a ledger with the transactions that entered it, in their order, and forgets
    /// what leaves the window.
    pub fn close(&mut self, ledger: Closed, entered: Vec<Entered>) {
        for (order, (transaction, events)) in (1..).zip(entered) {
            let place = Place {
                ledger: ledger.sequence,
                order,
            };
            self.record(place, transaction, events);
        }
        self.latest = ledger;
        self.ledgers.push_back(ledger);
        self.forget();
    }

    /// Forgets what has left the window.
    fn forget(&mut self) {
        let oldest = self.latest.sequence.saturating_sub(self.retention - 1);
        while self.ledgers[0].sequence < oldest {
            self.ledgers.pop_front();
        }
        while let Some(first) = self.transactions.first_entry() {
            if first.key().ledger >= oldest {
                break;
            }
            let forgotten = first.remove();
            for hash in forgotten.hashes() {
                self.places.remove(&hash);
            }
        }
        while let Some(first) = self.events.first_entry() {
            if first.key().place().ledger >= oldest {
                break;
            }
            first.remove();
        }
    }

    fn record(
        &mut self,
        place: Place,
        transaction: TransactionRecord,
        events: Vec<Vec<ContractEvent>>,
    ) {
        for (operation, events) in events.into_iter().enumerate() {
            for (index, event) in events.into_iter().enumerate() {
                let id = EventId::new(place, operation as u32, index as u32);
                let record = EventRecord {
                    event,
                    transaction: transaction.hash,
                    closed_at: transaction.closed_at,
                };
                self.events.insert(id, record);
            }
        }
        for hash in transaction.hashes() {
            self.places.insert(hash, place);
        }
        self.transactions.insert(place, transaction);
    }

    /// Finds a transaction by its hash, or by that of the one inside.
    pub fn transaction(&self, hash: &[u8; 32]) -> Option<(Place, &TransactionRecord)> {
        let place = self.places.get(hash)?;
        Some((*place, self.transactions.get(place)?))
    }

    /// Lists transactions from a place on, oldest first.
    pub fn transactions(
        &self,
        from: Bound<Place>,
    ) -> impl Iterator<Item = (&Place, &TransactionRecord)> {
        self.transactions.range((from, Bound::Unbounded))
    }

    /// Lists events between two ids, oldest first.
    pub fn events(
        &self,
        from: Bound<EventId>,
        to: EventId,
    ) -> impl Iterator<Item = (&EventId, &EventRecord)> {
        let empty = match from {
            Bound::Included(from) | Bound::Excluded(from) => from >= to,
            Bound::Unbounded => false,
        };
        // BTreeMap panics on a range that ends before it starts.
        let from = if empty { Bound::Included(to) } else { from };
        self.events.range((from, Bound::Excluded(to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction(byte: u8) -> TransactionRecord {
        TransactionRecord {
            hash: [byte; 32],
            inner_hash: Some([byte + 100; 32]),
            success: true,
            soroban: false,
            closed_at: 0,
            envelope: vec![],
            result: vec![],
            meta: vec![],
        }
    }

    fn closed(sequence: u32) -> Closed {
        Closed {
            sequence,
            closed_at: u64::from(sequence),
        }
    }

    #[test]
    fn what_leaves_the_window_is_forgotten() {
        let mut history = History::new(3, closed(1));
        history.close(closed(2), vec![(transaction(2), vec![])]);
        history.close(closed(3), vec![]);
        history.close(closed(4), vec![]);
        assert_eq!(history.oldest(), closed(2));
        assert!(history.transaction(&[2; 32]).is_some());
        assert!(history.transaction(&[102; 32]).is_some());
        history.close(closed(5), vec![]);
        assert_eq!(history.oldest(), closed(3));
        assert!(history.transaction(&[2; 32]).is_none());
        assert!(history.transaction(&[102; 32]).is_none());
    }

    #[test]
    fn a_jump_over_the_whole_window_leaves_the_latest_ledger() {
        let mut history = History::new(3, closed(1));
        history.close(closed(1_000_000), vec![]);
        assert_eq!(history.oldest(), closed(1_000_000));
        assert_eq!(history.latest(), closed(1_000_000));
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_empty() {
        let history = History::new(3, closed(1));
        let from = Bound::Excluded(EventId::last_of(9));
        assert_eq!(history.events(from, EventId::first_of(9)).count(), 0);
    }
}
