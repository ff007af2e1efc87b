//! A ledger with a clock in our hand, and transactions to send to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use ed25519_dalek::{Signer, SigningKey};
use localnet::codec::{decode, encode};
use localnet::ledger::clock::{Clock, Scale};
use localnet::ledger::settings::STATE_BYTES;
use localnet::ledger::transaction::SignedTransaction;
use localnet::ledger::{Founding, Ledger};
use localnet::rpc::{dispatch, fund, Node, RpcError};
use serde_json::{json, Value};
use soroban_env_host::xdr::*;
use stellar_strkey::ed25519::PublicKey as Address;

pub const PASSPHRASE: &str = "Test Network of localnet";
/// Wall time at which every test begins, unix seconds.
pub const START_S: u64 = 1_800_000_000;

/// A network that only this test knows.
pub struct Net {
    pub node: Node,
    wall_s: Arc<AtomicU64>,
}

impl Net {
    /// Ledgers close when told to.
    pub fn manual() -> Self {
        Self::new(false, 120_960)
    }

    /// Each accepted transaction closes a ledger.
    pub fn closing() -> Self {
        Self::new(true, 120_960)
    }

    pub fn new(close_on_send: bool, retention: u32) -> Self {
        let (wall_s, clock) = clock();
        let ledger = Ledger::new(&founding(retention), clock);
        Self {
            node: Node::new(ledger, close_on_send),
            wall_s,
        }
    }

    /// Goes on from a snapshot; ledgers close when told to.
    pub fn resume(snapshot: &[u8], retention: u32) -> Result<Self, String> {
        let (wall_s, clock) = clock();
        let ledger = Ledger::resume(snapshot, &founding(retention), clock)?;
        Ok(Self {
            node: Node::new(ledger, false),
            wall_s,
        })
    }

    pub fn set_wall(&self, unix_s: u64) {
        self.wall_s.store(unix_s, Ordering::Relaxed);
    }

    pub fn call(&self, method: &str, params: Value) -> Value {
        dispatch(&self.node, method, &params).unwrap()
    }

    pub fn refusal(&self, method: &str, params: Value) -> RpcError {
        dispatch(&self.node, method, &params).unwrap_err()
    }

    pub fn close(&self) {
        self.call("dev_closeLedgers", json!({"n": 1}));
    }

    pub fn latest(&self) -> u32 {
        self.call("getLatestLedger", json!({}))["sequence"]
            .as_u64()
            .unwrap() as u32
    }

    /// Creates an account with 10 000 XLM.
    pub fn account(&self, seed: u8) -> SigningKey {
        let key = key(seed);
        fund(
            &self.node,
            &Address(key.verifying_key().to_bytes()).to_string(),
        )
        .unwrap();
        key
    }

    pub fn entry(&self, key: &LedgerKey) -> Option<Value> {
        let answer = self.call("getLedgerEntries", json!({"keys": [to_base64(key)]}));
        answer["entries"].get(0).cloned()
    }

    pub fn account_entry(&self, key: &SigningKey) -> AccountEntry {
        let key = LedgerKey::Account(LedgerKeyAccount {
            account_id: account_id(key),
        });
        match from_base64(&self.entry(&key).unwrap()["xdr"]) {
            LedgerEntryData::Account(account) => account,
            other => panic!("{other:?}"),
        }
    }

    /// Returns a transaction with the next sequence number of `key` and a fee of 100.
    pub fn transaction(&self, key: &SigningKey, operations: Vec<OperationBody>) -> Transaction {
        let operations: Vec<Operation> = operations
            .into_iter()
            .map(|body| Operation {
                source_account: None,
                body,
            })
            .collect();
        Transaction {
            source_account: muxed(key),
            fee: 100 * operations.len() as u32,
            seq_num: SequenceNumber(self.account_entry(key).seq_num.0 + 1),
            cond: Preconditions::None,
            memo: Memo::None,
            operations: operations.try_into().unwrap(),
            ext: TransactionExt::V0,
        }
    }

    pub fn simulate(&self, transaction: &Transaction) -> Value {
        let envelope = to_base64(&sign(transaction.clone(), &[]));
        self.call("simulateTransaction", json!({"transaction": envelope}))
    }

    /// Simulates a contract transaction and puts in what came out of it.
    pub fn prepare(&self, key: &SigningKey, body: OperationBody) -> Transaction {
        let mut transaction = self.transaction(key, vec![body]);
        let simulated = self.simulate(&transaction);
        assert!(simulated.get("error").is_none(), "{}", simulated["error"]);
        let data: SorobanTransactionData = from_base64(&simulated["transactionData"]);
        transaction.fee += data.resource_fee as u32;
        transaction.ext = TransactionExt::V1(data);
        let mut operations = transaction.operations.to_vec();
        if let OperationBody::InvokeHostFunction(invoke) = &mut operations[0].body {
            let auth = simulated["results"][0]["auth"].as_array().unwrap();
            let auth: Vec<SorobanAuthorizationEntry> = auth.iter().map(from_base64).collect();
            invoke.auth = auth.try_into().unwrap();
        }
        transaction.operations = operations.try_into().unwrap();
        transaction
    }

    pub fn send(&self, transaction: Transaction, keys: &[&SigningKey]) -> Value {
        self.send_envelope(&sign(transaction, keys))
    }

    pub fn send_envelope(&self, envelope: &TransactionEnvelope) -> Value {
        self.call(
            "sendTransaction",
            json!({"transaction": to_base64(envelope)}),
        )
    }

    /// Sends a transaction that has to be refused; returns why.
    pub fn refused(&self, transaction: Transaction, keys: &[&SigningKey]) -> TransactionResult {
        let answer = self.send(transaction, keys);
        assert_eq!(answer["status"], "ERROR");
        from_base64(&answer["errorResultXdr"])
    }

    /// Sends a transaction that has to enter a ledger; returns what `getTransaction` says.
    pub fn apply(&self, transaction: Transaction, key: &SigningKey) -> Value {
        self.apply_envelope(&sign(transaction, &[key]))
    }

    /// The same for an envelope that is signed already.
    pub fn apply_envelope(&self, envelope: &TransactionEnvelope) -> Value {
        let answer = self.send_envelope(envelope);
        assert_eq!(answer["status"], "PENDING", "{answer}");
        self.close();
        let answer = self.call("getTransaction", json!({"hash": answer["hash"]}));
        assert_ne!(answer["status"], "NOT_FOUND");
        answer
    }

    /// Carries out a contract operation; returns its value.
    pub fn run(&self, key: &SigningKey, body: OperationBody) -> ScVal {
        let answer = self.apply(self.prepare(key, body), key);
        assert_eq!(answer["status"], "SUCCESS", "{}", answer["resultXdr"]);
        soroban_meta(&answer).return_value.unwrap_or(ScVal::Void)
    }
}

fn clock() -> (Arc<AtomicU64>, Clock) {
    let wall_s = Arc::new(AtomicU64::new(START_S));
    let source = wall_s.clone();
    let wall = Box::new(move || source.load(Ordering::Relaxed) as f64);
    (wall_s, Clock::new(wall, Scale::WALL))
}

fn founding(retention_ledgers: u32) -> Founding {
    Founding {
        passphrase: PASSPHRASE.to_owned(),
        retention_ledgers,
        state_bytes: STATE_BYTES,
    }
}

/// The key that [`Net::account`] made an account for.
pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// Changes what a contract transaction declares.
pub fn with_data(
    mut transaction: Transaction,
    change: impl FnOnce(&mut SorobanTransactionData),
) -> Transaction {
    change(data_of(&mut transaction));
    transaction
}

/// Returns what a contract transaction declares.
pub fn data_of(transaction: &mut Transaction) -> &mut SorobanTransactionData {
    match &mut transaction.ext {
        TransactionExt::V1(data) => data,
        TransactionExt::V0 => panic!("a contract transaction"),
    }
}

pub fn sign(transaction: Transaction, keys: &[&SigningKey]) -> TransactionEnvelope {
    signed(keys, |signatures| {
        TransactionEnvelope::Tx(TransactionV1Envelope {
            tx: transaction.clone(),
            signatures,
        })
    })
}

/// Wraps a signed transaction so that `payer` offers `fee` for it; signed by `keys`.
pub fn bump(
    inner: &TransactionEnvelope,
    payer: &SigningKey,
    fee: i64,
    keys: &[&SigningKey],
) -> TransactionEnvelope {
    let TransactionEnvelope::Tx(inner) = inner else {
        panic!("a V1 envelope");
    };
    signed(keys, |signatures| {
        TransactionEnvelope::TxFeeBump(FeeBumpTransactionEnvelope {
            tx: FeeBumpTransaction {
                fee_source: muxed(payer),
                fee,
                inner_tx: FeeBumpTransactionInnerTx::Tx(inner.clone()),
                ext: FeeBumpTransactionExt::V0,
            },
            signatures,
        })
    })
}

pub fn hash_of(envelope: &TransactionEnvelope) -> [u8; 32] {
    let network_id = localnet::codec::sha256(PASSPHRASE.as_bytes());
    SignedTransaction::new(envelope.clone(), network_id)
        .unwrap()
        .hash
}

fn signed(
    keys: &[&SigningKey],
    envelope: impl Fn(VecM<DecoratedSignature, 20>) -> TransactionEnvelope,
) -> TransactionEnvelope {
    let hash = hash_of(&envelope(VecM::default()));
    let signatures: Vec<_> = keys.iter().map(|key| signature(key, &hash)).collect();
    envelope(signatures.try_into().unwrap())
}

fn signature(key: &SigningKey, hash: &[u8; 32]) -> DecoratedSignature {
    let public = key.verifying_key().to_bytes();
    DecoratedSignature {
        hint: SignatureHint(public[28..].try_into().unwrap()),
        signature: Signature(key.sign(hash).to_bytes().to_vec().try_into().unwrap()),
    }
}

pub fn account_id(key: &SigningKey) -> AccountId {
    AccountId(PublicKey::PublicKeyTypeEd25519(Uint256(
        key.verifying_key().to_bytes(),
    )))
}

pub fn muxed(key: &SigningKey) -> MuxedAccount {
    MuxedAccount::Ed25519(Uint256(key.verifying_key().to_bytes()))
}

pub fn payment(to: &SigningKey, stroops: i64) -> OperationBody {
    OperationBody::Payment(PaymentOp {
        destination: muxed(to),
        asset: Asset::Native,
        amount: stroops,
    })
}

pub fn to_base64(value: &impl WriteXdr) -> String {
    STANDARD.encode(encode(value))
}

pub fn from_base64<T: ReadXdr>(value: &Value) -> T {
    let text = value.as_str().unwrap_or_else(|| panic!("no XDR: {value}"));
    decode(&STANDARD.decode(text).unwrap()).unwrap()
}

pub fn result(answer: &Value) -> TransactionResult {
    from_base64(&answer["resultXdr"])
}

pub fn meta(answer: &Value) -> TransactionMetaV4 {
    match from_base64(&answer["resultMetaXdr"]) {
        TransactionMeta::V4(meta) => meta,
        other => panic!("{other:?}"),
    }
}

pub fn soroban_meta(answer: &Value) -> SorobanTransactionMetaV2 {
    meta(answer).soroban_meta.unwrap()
}
