//! A transaction as received: its envelope, its hash, and the parts everyone asks for.
//!
//! Nothing here judges it; see [`super::validity`].

use soroban_env_host::xdr::{
    AccountId, DecoratedSignature, Hash, MuxedAccount, Operation, OperationBody, PublicKey,
    SorobanTransactionData, Transaction, TransactionEnvelope, TransactionExt,
    TransactionSignaturePayload, TransactionSignaturePayloadTaggedTransaction,
    TransactionV1Envelope,
};

use crate::codec::{encode, sha256};

/// A signed transaction with what is derived from its bytes.
pub struct SignedTransaction {
    envelope: TransactionV1Envelope,
    pub hash: [u8; 32],
    pub size_bytes: u32,
}

impl SignedTransaction {
    /// Takes an envelope apart; `None` if it is neither a fee bump nor a V0 one.
    pub fn new(envelope: TransactionEnvelope, network_id: [u8; 32]) -> Option<Self> {
        let size_bytes = encode(&envelope).len() as u32;
        let TransactionEnvelope::Tx(envelope) = envelope else {
            return None;
        };
        let payload = TransactionSignaturePayload {
            network_id: Hash(network_id),
            tagged_transaction: TransactionSignaturePayloadTaggedTransaction::Tx(
                envelope.tx.clone(),
            ),
        };
        Some(Self {
            hash: sha256(&encode(&payload)),
            size_bytes,
            envelope,
        })
    }

    /// Returns what was signed.
    pub fn tx(&self) -> &Transaction {
        &self.envelope.tx
    }

    /// Returns the transaction with its signatures, as it was received.
    pub fn envelope(&self) -> TransactionEnvelope {
        TransactionEnvelope::Tx(self.envelope.clone())
    }

    /// Returns the operations in the order they are carried out.
    pub fn operations(&self) -> &[Operation] {
        self.envelope.tx.operations.as_slice()
    }

    /// Returns the signatures, each with the last four bytes of its key.
    pub fn signatures(&self) -> &[DecoratedSignature] {
        self.envelope.signatures.as_slice()
    }

    /// Returns the account that pays and whose sequence number is used.
    pub fn source(&self) -> AccountId {
        account_of(&self.envelope.tx.source_account)
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
        match &self.envelope.tx.ext {
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
