//! The result of a transaction as clients are shown it, also of one inside a fee bump.

use soroban_env_host::xdr::{
    Hash, InnerTransactionResult, InnerTransactionResultExt, InnerTransactionResultPair,
    TransactionResult, TransactionResultExt, TransactionResultResult as Outcome,
};

use super::transaction::SignedTransaction;
use crate::codec::{decode, encode};

/// Puts together what became of a transaction and what it cost; a fee bump wraps it.
pub fn result_of(
    transaction: &SignedTransaction,
    fee_charged: i64,
    outcome: Outcome,
) -> TransactionResult {
    TransactionResult {
        fee_charged,
        result: match transaction.fee_bump() {
            Some(_) => bumped(transaction, outcome),
            None => outcome,
        },
        ext: TransactionResultExt::V0,
    }
}

/// Wraps the outcome of the transaction inside, which has paid nothing itself.
fn bumped(transaction: &SignedTransaction, outcome: Outcome) -> Outcome {
    let success = matches!(outcome, Outcome::TxSuccess(_));
    let pair = InnerTransactionResultPair {
        transaction_hash: Hash(transaction.inner_hash),
        result: InnerTransactionResult {
            fee_charged: 0,
            // The two unions are encoded alike; the inner one only lacks what says "fee bump".
            result: decode(&encode(&outcome)).expect("no fee bump is inside another"),
            ext: InnerTransactionResultExt::V0,
        },
    };
    match success {
        true => Outcome::TxFeeBumpInnerSuccess(pair),
        false => Outcome::TxFeeBumpInnerFailed(pair),
    }
}
