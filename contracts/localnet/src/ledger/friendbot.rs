//! Friendbot: a new account with test lumens, by a genuine transaction.
//!
//! It creates accounts only; it never tops one up.

use ed25519_dalek::Signer;
use soroban_env_host::xdr::{
    AccountId, CreateAccountOp, DecoratedSignature, Memo, MuxedAccount, Operation, OperationBody,
    Preconditions, SequenceNumber, Signature, SignatureHint, Transaction, TransactionEnvelope,
    TransactionExt, TransactionV1Envelope, Uint256,
};

use super::network::account_id;
use super::settings::BASE_FEE;
use super::transaction::SignedTransaction;
use super::{Ledger, Submission};

/// What a new account starts with: 10 000 XLM, in stroops.
const STARTING_BALANCE: i64 = 100_000_000_000;

/// What came of asking friendbot.
pub enum Funding {
    /// The account was created by the transaction with this hash.
    Created([u8; 32]),
    /// There is such an account already.
    Exists,
    /// Friendbot's own transaction was not taken.
    Failed,
}

impl Ledger {
    /// Creates account `id` and closes the ledger it is created in.
    pub fn fund(&mut self, id: &AccountId) -> Funding {
        if self.state.account(id).is_some() {
            return Funding::Exists;
        }
        let transaction = self.funding_transaction(id);
        let hash = transaction.hash;
        if self.submit(transaction) != Submission::Pending {
            return Funding::Failed;
        }
        self.close();
        match self.history.transaction(&hash) {
            Some((_, record)) if record.success => Funding::Created(hash),
            _ => Funding::Failed,
        }
    }

    fn funding_transaction(&self, id: &AccountId) -> SignedTransaction {
        let key = self.network.friendbot_key();
        let friendbot = account_id(&key);
        let last = self
            .state
            .account(&friendbot)
            .map_or(0, |own| own.seq_num.0);
        let public = key.verifying_key().to_bytes();
        let tx = Transaction {
            source_account: MuxedAccount::Ed25519(Uint256(public)),
            fee: BASE_FEE,
            seq_num: SequenceNumber(last + 1),
            cond: Preconditions::None,
            memo: Memo::None,
            operations: vec![Operation {
                source_account: None,
                body: OperationBody::CreateAccount(CreateAccountOp {
                    destination: id.clone(),
                    starting_balance: STARTING_BALANCE,
                }),
            }]
            .try_into()
            .expect("one operation fits"),
            ext: TransactionExt::V0,
        };
        let sign = |signatures: Vec<DecoratedSignature>, tx: Transaction| {
            let envelope = TransactionEnvelope::Tx(TransactionV1Envelope {
                tx,
                signatures: signatures.try_into().expect("one signature fits"),
            });
            SignedTransaction::new(envelope, self.network.id).expect("a V1 envelope")
        };
        let hash = sign(vec![], tx.clone()).hash;
        let signature = key.sign(&hash).to_bytes();
        let decorated = DecoratedSignature {
            hint: SignatureHint([public[28], public[29], public[30], public[31]]),
            signature: Signature(signature.to_vec().try_into().expect("64 bytes fit")),
        };
        sign(vec![decorated], tx)
    }
}
