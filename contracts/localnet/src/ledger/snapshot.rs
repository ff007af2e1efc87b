//! The whole ledger as text, and back: what `--snapshot` keeps between two runs.
//!
//! The first line names the format and the hash of the rest, so that a file which is
//! torn or of something else is never taken for a ledger. The rest is JSON with XDR in
//! base64; what follows from other parts (hashes, events, compiled code) is left out and
//! found again. Nothing here touches a file.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use serde_json::{json, Value};
use soroban_env_host::xdr::{
    ContractEvent, LedgerEntry, LedgerHeader, ReadXdr, TransactionEnvelope, TransactionMeta,
    TransactionResult, TransactionResultResult as Outcome,
};

use super::clock::Clock;
use super::code::CompiledCode;
use super::events::Place;
use super::history::{Closed, History, TransactionRecord};
use super::network::Network;
use super::queue::Queue;
use super::state::State;
use super::transaction::SignedTransaction;
use super::{Founding, Ledger};
use crate::codec::{decode, encode, sha256};

const FORMAT: &str = "localnet-snapshot";
const VERSION: &str = "1";

impl Ledger {
    /// Goes on where a snapshot was taken; an error is the end of a sentence that begins
    /// with the snapshot's name.
    pub fn resume(bytes: &[u8], founding: &Founding, clock: Clock) -> Result<Self, String> {
        let kept = read(bytes, |passphrase| sha256(passphrase.as_bytes()))?;
        if kept.passphrase != founding.passphrase {
            let (theirs, ours) = (kept.passphrase, &founding.passphrase);
            return Err(format!(
                "is of the network {theirs:?}, not {ours:?}; give its name as --passphrase"
            ));
        }
        let network = Network::of(&founding.passphrase, &kept.state)
            .ok_or("is of a network without settings")?;
        let network = Arc::new(network);
        let code = CompiledCode::new(network.clone());
        code.add_from(&kept.state, kept.state.entries().map(|(key, _)| key));
        let mut ledger = Self {
            code,
            hash: sha256(&encode(&kept.header)),
            history: History::resume(founding.retention_ledgers, kept.ledgers, kept.transactions),
            queue: Queue::default(),
            network,
            clock,
            state: kept.state,
            header: kept.header,
        };
        ledger.clock.advance(kept.advanced_s);
        kept.waiting
            .into_iter()
            .for_each(|one| ledger.queue.put(one));
        Ok(ledger)
    }

    /// Writes down all there is, for [`Ledger::resume`].
    pub fn snapshot(&self) -> Vec<u8> {
        let about = about(
            &self.network.passphrase,
            self.clock.advanced_s(),
            &self.header,
            self.history.ledgers(),
            self.queue.waiting().map(SignedTransaction::envelope),
        );
        let transactions = self.history.transactions(Bound::Unbounded);
        write(&about, &self.state, transactions)
    }
}

/// What there is to keep of a ledger.
struct Snapshot {
    passphrase: String,
    /// How far ledger time was moved ahead of its clock.
    advanced_s: u64,
    header: LedgerHeader,
    state: State,
    /// The ledgers that can be asked about, oldest first; at least one.
    ledgers: Vec<Closed>,
    /// Their transactions, oldest first, each with its events per operation.
    transactions: Vec<(Place, TransactionRecord, Vec<Vec<ContractEvent>>)>,
    waiting: Vec<SignedTransaction>,
}

/// Writes a snapshot's text; `transactions` are those of the ledgers, oldest first.
fn write<'a>(
    about: &Value,
    state: &State,
    transactions: impl Iterator<Item = (&'a Place, &'a TransactionRecord)>,
) -> Vec<u8> {
    let mut body = about.clone();
    // In the order of their keys, so that equal states have equal files.
    let entries: BTreeMap<_, _> = state.entries().collect();
    body["entries"] = entries
        .values()
        .map(|held| json!([text(&encode(held.entry.as_ref())), held.live_until]))
        .collect();
    body["transactions"] = transactions.map(transaction).collect();
    let body = body.to_string();
    let hash = hex::encode(sha256(body.as_bytes()));
    format!("{FORMAT} {VERSION} {hash}\n{body}\n").into_bytes()
}

/// Lists what else there is to know of a ledger, to be handed to [`write`].
fn about(
    passphrase: &str,
    advanced_s: u64,
    header: &LedgerHeader,
    ledgers: impl Iterator<Item = Closed>,
    waiting: impl Iterator<Item = TransactionEnvelope>,
) -> Value {
    let ledgers = ledgers.map(|one| json!([one.sequence, one.closed_at]));
    json!({
        "passphrase": passphrase,
        "advanced_s": advanced_s,
        "header": text(&encode(header)),
        "ledgers": ledgers.collect::<Vec<Value>>(),
        "waiting": waiting.map(|one| text(&encode(&one))).collect::<Vec<String>>(),
    })
}

fn transaction((place, record): (&Place, &TransactionRecord)) -> Value {
    json!({
        "ledger": place.ledger,
        "order": place.order,
        "closed_at": record.closed_at,
        "envelope": text(&record.envelope),
        "result": text(&record.result),
        "meta": text(&record.meta),
    })
}

fn text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads a snapshot's text; an error is the end of a sentence that begins with the file's name.
fn read(bytes: &[u8], network_id: impl Fn(&str) -> [u8; 32]) -> Result<Snapshot, String> {
    let body = checked_body(bytes)?;
    let body: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let passphrase = body["passphrase"].as_str().ok_or_else(unreadable)?;
    let id = network_id(passphrase);
    read_body(&body, passphrase, id).ok_or_else(unreadable)
}

/// Holds the first line against the rest, and returns the rest.
fn checked_body(bytes: &[u8]) -> Result<&[u8], String> {
    let foreign = || "is not a snapshot of localnet".to_owned();
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (line, body) = bytes.split_at(end.ok_or_else(foreign)?);
    let line = std::str::from_utf8(line).map_err(|_| foreign())?;
    let words: Vec<&str> = line.split(' ').collect();
    let &[FORMAT, version, hash] = words.as_slice() else {
        return Err(foreign());
    };
    if version != VERSION {
        return Err(format!(
            "is a snapshot of version {version}, and this localnet reads version {VERSION} only"
        ));
    }
    let body = body[1..].strip_suffix(b"\n").unwrap_or(&body[1..]);
    if hex::encode(sha256(body)) != hash {
        return Err("is torn: its content is not what its first line says".to_owned());
    }
    Ok(body)
}

fn unreadable() -> String {
    "is a snapshot that this localnet can't read".to_owned()
}

fn read_body(body: &Value, passphrase: &str, network_id: [u8; 32]) -> Option<Snapshot> {
    let ledgers: Option<Vec<Closed>> = list(body, "ledgers")?.map(closed).collect();
    let transactions: Option<_> = list(body, "transactions")?
        .map(|one| read_transaction(one, network_id))
        .collect();
    let waiting: Option<_> = list(body, "waiting")?
        .map(|one| SignedTransaction::new(xdr(one)?, network_id))
        .collect();
    let mut state = State::default();
    for pair in list(body, "entries")? {
        let entry: LedgerEntry = xdr(&pair[0])?;
        state.put(entry, pair[1].as_u64().map(|last| last as u32));
    }
    Some(Snapshot {
        passphrase: passphrase.to_owned(),
        advanced_s: body["advanced_s"].as_u64()?,
        header: xdr(&body["header"])?,
        state,
        ledgers: ledgers.filter(|ledgers| !ledgers.is_empty())?,
        transactions: transactions?,
        waiting: waiting?,
    })
}

fn list<'a>(body: &'a Value, name: &str) -> Option<impl Iterator<Item = &'a Value>> {
    Some(body[name].as_array()?.iter())
}

fn closed(pair: &Value) -> Option<Closed> {
    Some(Closed {
        sequence: u32::try_from(pair[0].as_u64()?).ok()?,
        closed_at: pair[1].as_u64()?,
    })
}

fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(value.as_str()?).ok()
}

fn xdr<T: ReadXdr>(value: &Value) -> Option<T> {
    decode(&bytes_of(value)?).ok()
}

fn read_transaction(
    one: &Value,
    network_id: [u8; 32],
) -> Option<(Place, TransactionRecord, Vec<Vec<ContractEvent>>)> {
    let place = Place {
        ledger: u32::try_from(one["ledger"].as_u64()?).ok()?,
        order: u32::try_from(one["order"].as_u64()?).ok()?,
    };
    let signed = SignedTransaction::new(xdr(&one["envelope"])?, network_id)?;
    let result: TransactionResult = xdr(&one["result"])?;
    let TransactionMeta::V4(meta) = xdr(&one["meta"])? else {
        return None;
    };
    let record = TransactionRecord {
        hash: signed.hash,
        inner_hash: signed.fee_bump().map(|_| signed.inner_hash),
        success: matches!(
            result.result,
            Outcome::TxSuccess(_) | Outcome::TxFeeBumpInnerSuccess(_)
        ),
        soroban: signed.soroban().is_some(),
        closed_at: one["closed_at"].as_u64()?,
        envelope: bytes_of(&one["envelope"])?,
        result: bytes_of(&one["result"])?,
        meta: bytes_of(&one["meta"])?,
    };
    let events = meta.operations.iter().map(|one| one.events.to_vec());
    Some((place, record, events.collect()))
}
