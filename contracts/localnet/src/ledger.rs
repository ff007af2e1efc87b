//! The ledger: its latest state, what waits to enter it, and what it remembers.
//!
//! Every change goes through [`Ledger::close`], which builds the next ledger
//! beside the current one and only then puts it in its place. So a panic while
//! a transaction is applied costs that transaction and nothing else.

mod apply;
pub mod assets;
pub mod clock;
mod code;
pub mod complaints;
mod draft;
pub mod events;
mod fee_bump;
pub mod fees;
mod friendbot;
pub mod history;
mod meta;
mod network;
mod operations;
mod queue;
pub mod resources;
mod results;
pub mod settings;
mod signatures;
mod snapshot;
pub mod state;
pub mod transaction;
mod validity;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use soroban_env_host::xdr::{
    Hash, LedgerHeader, LedgerHeaderExt, StellarValue, TimePoint, TransactionResult,
    TransactionResultResult as Refusal,
};

use crate::codec::{encode, sha256};
use apply::{apply, Applied, Context};
use clock::Clock;
use code::CompiledCode;
use complaints::Complaint;
use fee_bump::refused;
use fees::charged_fee;
pub use friendbot::Funding;
use history::{Closed, History, TransactionRecord};
pub use network::Network;
use network::{genesis, TOTAL_COINS};
use queue::{Queue, Room};
use settings::{BASE_FEE, BASE_RESERVE, PROTOCOL};
use state::State;
use transaction::SignedTransaction;
use validity::available_balance;

/// Ledgers between two sweeps of expired temporary entries.
const EVICTION_PERIOD: u32 = 1_024;
/// Seconds between two ledgers of the network, as assumed by times to live.
const LEDGER_PERIOD_S: u64 = 5;

/// What became of a transaction that was sent.
#[derive(Debug, PartialEq)]
pub enum Submission {
    /// It waits for the next ledger.
    Pending,
    /// The very same transaction waits already.
    Duplicate,
    /// Another transaction of its source account waits.
    TryAgainLater,
    /// It cannot enter a ledger.
    Refused(Box<TransactionResult>),
}

/// A development ledger.
pub struct Ledger {
    network: Arc<Network>,
    clock: Clock,
    state: State,
    header: LedgerHeader,
    hash: [u8; 32],
    queue: Queue,
    history: History,
    code: CompiledCode,
}

/// What a new network is founded on.
#[derive(Clone, Debug, PartialEq)]
pub struct Founding {
    pub passphrase: String,
    /// Ledgers that can be asked about, at least 1.
    pub retention_ledgers: u32,
    /// Size of all contract state of the network, which rent grows with.
    pub state_bytes: u64,
}

impl Ledger {
    /// Creates the first ledger of a network.
    pub fn new(founding: &Founding, clock: Clock) -> Self {
        let (network, state) = genesis(&founding.passphrase, founding.state_bytes);
        let network = Arc::new(network);
        let closed = Closed {
            sequence: 1,
            closed_at: clock.now_s(),
        };
        let header = header(closed, [0; 32]);
        Self {
            code: CompiledCode::new(network.clone()),
            hash: sha256(&encode(&header)),
            history: History::new(founding.retention_ledgers, closed),
            queue: Queue::default(),
            network,
            clock,
            state,
            header,
        }
    }

    /// Returns identity and settings of the network.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Returns the latest state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns what can still be asked about.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Returns the latest ledger's header.
    pub fn header(&self) -> &LedgerHeader {
        &self.header
    }

    /// Returns the hash of the latest ledger's header.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Returns number and close time (unix seconds) that a ledger closed now would have.
    pub fn next(&self) -> Closed {
        let latest = self.history.latest();
        Closed {
            sequence: latest.sequence + 1,
            closed_at: self.clock.now_s().max(latest.closed_at),
        }
    }

    /// Takes in a transaction, or says why not.
    pub fn submit(&mut self, transaction: SignedTransaction) -> Submission {
        match self.queue.room_for(&transaction) {
            Room::Free => {}
            Room::Duplicate => return Submission::Duplicate,
            Room::Taken => return Submission::TryAgainLater,
            Room::TooCheap(fee) => {
                return Submission::Refused(refused(fee, Refusal::TxInsufficientFee))
            }
        }
        let checked = self
            .check(&transaction, &self.state, self.next())
            .and_then(|()| self.check_debts(&transaction));
        match checked {
            Err(result) => Submission::Refused(result),
            Ok(()) => {
                self.queue.put(transaction);
                Submission::Pending
            }
        }
    }

    /// Says what of its declared resources the network would refuse a transaction for.
    pub fn complaint(&self, transaction: &SignedTransaction) -> Option<Complaint> {
        let data = transaction.soroban()?;
        resources::check(transaction, data, &self.network.config).err()
    }

    /// Whoever pays for several that wait has to be able to pay for all of them.
    fn check_debts(&self, transaction: &SignedTransaction) -> Result<(), Box<TransactionResult>> {
        let payer = transaction.fee_source();
        let owed = self.queue.owed_by(&payer, transaction);
        let balance = self.state.account(&payer).map_or(0, available_balance);
        if balance.saturating_sub(transaction.full_fee()) < owed {
            let charged = charged_fee(transaction);
            return Err(refused(charged, Refusal::TxInsufficientBalance));
        }
        Ok(())
    }

    fn check(
        &self,
        transaction: &SignedTransaction,
        state: &State,
        ledger: Closed,
    ) -> Result<(), Box<TransactionResult>> {
        let next = validity::NextLedger {
            state,
            network: &self.network,
            sequence: ledger.sequence,
            closes_at: ledger.closed_at,
        };
        validity::check(transaction, &next)
    }

    /// Closes one ledger at the clock's time with the transactions that wait.
    pub fn close(&mut self) {
        self.close_as(self.next());
    }

    /// Moves ledger time forward by `seconds` and closes one ledger.
    pub fn advance(&mut self, seconds: u64) {
        self.clock.advance(seconds);
        self.close();
    }

    /// Closes one ledger that is `count` ledgers and 5 seconds for each further on.
    ///
    /// Times to live see `count` ledgers go by; none between is kept or can be asked about.
    pub fn advance_ledgers(&mut self, count: u32) {
        self.clock.advance(LEDGER_PERIOD_S * u64::from(count));
        let next = self.next();
        self.close_as(Closed {
            sequence: next.sequence + (count - 1),
            ..next
        });
    }

    fn close_as(&mut self, ledger: Closed) {
        let mut state = self.state.clone();
        let mut entered = Vec::new();
        for transaction in self.queue.take_fitting() {
            // Time has moved on since it was sent. What became invalid is dropped
            // without a trace, as it is when validators leave it out.
            if self.check(&transaction, &state, ledger).is_err() {
                continue;
            }
            let Some(applied) = self.apply(&transaction, &state, ledger) else {
                continue;
            };
            let record = record(&transaction, &applied, ledger);
            state = applied.state;
            entered.push((record, applied.events));
        }
        if ledger.sequence / EVICTION_PERIOD != self.header.ledger_seq / EVICTION_PERIOD {
            state.evict(ledger.sequence);
        }
        self.state = state;
        self.header = header(ledger, self.hash);
        self.hash = sha256(&encode(&self.header));
        self.history.close(ledger, entered);
    }

    /// Applies a transaction to a copy of `state`; `None` if that panicked.
    fn apply(
        &self,
        transaction: &SignedTransaction,
        state: &State,
        ledger: Closed,
    ) -> Option<Applied> {
        let context = Context {
            network: &self.network,
            modules: self.code.modules(),
            sequence: ledger.sequence,
            closed_at: ledger.closed_at,
        };
        // Nothing of ours is left half-changed by a panic in there.
        let applied = catch_unwind(AssertUnwindSafe(|| {
            let applied = apply(transaction, state.clone(), &context);
            if let Some(data) = transaction.soroban() {
                let written = data.resources.footprint.read_write.iter();
                self.code.add_from(&applied.state, written);
            }
            applied
        }));
        if applied.is_err() {
            let hash = hex::encode(transaction.hash);
            eprintln!("localnet: applying transaction {hash} panicked; it was dropped");
        }
        applied.ok()
    }
}

fn record(transaction: &SignedTransaction, applied: &Applied, ledger: Closed) -> TransactionRecord {
    TransactionRecord {
        hash: transaction.hash,
        inner_hash: transaction.fee_bump().map(|_| transaction.inner_hash),
        success: applied.is_success(),
        soroban: transaction.soroban().is_some(),
        closed_at: ledger.closed_at,
        envelope: encode(&transaction.envelope()),
        result: encode(&applied.result),
        meta: encode(&applied.meta),
    }
}

fn header(ledger: Closed, previous: [u8; 32]) -> LedgerHeader {
    LedgerHeader {
        ledger_version: PROTOCOL,
        previous_ledger_hash: Hash(previous),
        scp_value: StellarValue {
            close_time: TimePoint(ledger.closed_at),
            ..StellarValue::default()
        },
        ledger_seq: ledger.sequence,
        total_coins: TOTAL_COINS,
        base_fee: BASE_FEE,
        base_reserve: BASE_RESERVE,
        max_tx_set_size: 1_000,
        ext: LedgerHeaderExt::V0,
        ..LedgerHeader::default()
    }
}
