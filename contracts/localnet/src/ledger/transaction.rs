//! A transaction as received: its envelope, its hash, and the parts everyone asks for.
//!
//! Nothing here judges it; see [`super::validity`].

use soroban_env_host::xdr::{
    AccountId, DecoratedSignature, FeeBumpTransactionEnvelope, FeeBumpTransactionInnerTx, Hash,
    MuxedAccount, Operation, OperationBody, PublicKey, SorobanTransactionData, Transaction,
    TransactionEnvelope, TransactionExt, TransactionSignaturePayload,
    TransactionSignaturePayloadTaggedTransaction as Tagged, TransactionV1Envelope,
};

use crate::codec::{encode, sha256};

/// A signed transaction with what is derived from its bytes.
///
/// It may be wrapped in a fee bump, by which another account (or the same) pays for
/// it. Everything here but the fee, its source and [`SignedTransaction::hash`] is
/// then said of the transaction inside.
pub struct SignedTransaction {
    envelope: Envelope,
    /// Hash of what was sent: the fee bump's if it is one.
    pub hash: [u8; 32],
    /// Hash of the transaction inside a fee bump; else the same as `hash`.
    pub inner_hash: [u8; 32],
    /// Size without the fee bump, which is what resources are paid for by.
    pub size_bytes: u32,
}

enum Envelope {
    Plain(TransactionV1Envelope),
    Bumped(FeeBumpTransactionEnvelope),
}

impl Envelope {
    fn inner(&self) -> &TransactionV1Envelope {
        match self {
            Self::Plain(envelope) => envelope,
            Self::Bumped(bump) => {
                let FeeBumpTransactionInnerTx::Tx(inner) = &bump.tx.inner_tx;
                inner
            }
        }
    }
}

impl SignedTransaction {
    /// Takes an envelope apart; `None` if it is a V0 one.
    pub fn new(envelope: TransactionEnvelope, network_id: [u8; 32]) -> Option<Self> {
        let envelope = match envelope {
            TransactionEnvelope::Tx(envelope) => Envelope::Plain(envelope),
            TransactionEnvelope::TxFeeBump(bump) => Envelope::Bumped(bump),
            TransactionEnvelope::TxV0(_) => return None,
        };
        let hash_of = |tagged_transaction| {
            sha256(&encode(&TransactionSignaturePayload {
                network_id: Hash(network_id),
                tagged_transaction,
            }))
        };
        let inner = envelope.inner();
        let inner_hash = hash_of(Tagged::Tx(inner.tx.clone()));
        Some(Self {
            hash: match &envelope {
                Envelope::Plain(_) => inner_hash,
                Envelope::Bumped(bump) => hash_of(Tagged::TxFeeBump(bump.tx.clone())),
            },
            inner_hash,
            size_bytes: encode(&TransactionEnvelope::Tx(inner.clone())).len() as u32,
            envelope,
        })
    }

    /// Returns the fee bump around the transaction, if there is one.
    pub fn fee_bump(&self) -> Option<&FeeBumpTransactionEnvelope> {
        match &self.envelope {
            Envelope::Plain(_) => None,
            Envelope::Bumped(bump) => Some(bump),
        }
    }

    /// Returns what was signed.
    pub fn tx(&self) -> &Transaction {
        &self.envelope.inner().tx
    }

    /// Returns everything with all signatures, as it was received.
    pub fn envelope(&self) -> TransactionEnvelope {
        match &self.envelope {
            Envelope::Plain(envelope) => TransactionEnvelope::Tx(envelope.clone()),
            Envelope::Bumped(bump) => TransactionEnvelope::TxFeeBump(bump.clone()),
        }
    }

    /// Returns the operations in the order they are carried out.
    pub fn operations(&self) -> &[Operation] {
        self.tx().operations.as_slice()
    }

    /// Returns the signatures, each with the last four bytes of its key.
    pub fn signatures(&self) -> &[DecoratedSignature] {
        self.envelope.inner().signatures.as_slice()
    }

    /// Returns the account whose sequence number is used.
    pub fn source(&self) -> AccountId {
        account_of(&self.tx().source_account)
    }

    /// Returns the account that pays.
    pub fn fee_source(&self) -> AccountId {
        self.fee_bump()
            .map_or_else(|| self.source(), |bump| account_of(&bump.tx.fee_source))
    }

    /// Returns the most that may be charged, in stroops.
    pub fn full_fee(&self) -> i64 {
        self.fee_bump()
            .map_or_else(|| i64::from(self.tx().fee), |bump| bump.tx.fee)
    }

    /// Returns the account that `operation` acts for.
    pub fn source_of(&self, operation: &Operation) -> AccountId {
        operation
            .source_account
            .as_ref()
            .map_or_else(|| self.source(), account_of)
    }

    /// Returns the declared footprint, resources and fee of a contract transaction.
    pub fn soroban(&self) -> Option<&SorobanTransactionData> {
        match &self.tx().ext {
            TransactionExt::V1(data) => Some(data),
            TransactionExt::V0 => None,
        }
    }

    /// Tells whether any operation runs in or on the contract host.
    pub fn has_soroban_operation(&self) -> bool {
        self.operations().iter().any(|operation| {
            matches!(
                operation.body,
                OperationBody::InvokeHostFunction(_)
                    | OperationBody::ExtendFootprintTtl(_)
                    | OperationBody::RestoreFootprint(_)
            )
        })
    }
}

/// Returns the account behind an address that may carry a routing id.
pub fn account_of(muxed: &MuxedAccount) -> AccountId {
    AccountId(PublicKey::PublicKeyTypeEd25519(match muxed {
        MuxedAccount::Ed25519(key) => key.clone(),
        MuxedAccount::MuxedEd25519(muxed) => muxed.ed25519.clone(),
    }))
}
