//! The supported operations: which there are, when each is well-formed, and who carries it out.
//!
//! An operation that is not listed is refused with `opNOT_SUPPORTED`, before
//! anything is charged.

pub mod classic;
pub mod invoke;
pub mod ttl;

use soroban_env_host::xdr::{
    AccountEntry, Asset, ContractEvent, CreateAccountOp, CreateAccountResult,
    ExtendFootprintTtlResult, InvokeHostFunctionResult, Operation, OperationBody, OperationResult,
    OperationResultTr as Inner, PaymentOp, PaymentResult, RestoreFootprintResult, ScVal,
};

use super::settings::MAX_ENTRY_TTL;
use super::state::{is_soroban, is_temporary};
use super::transaction::SignedTransaction;

/// What an operation that succeeded leaves behind besides changed entries.
pub struct Success {
    pub result: Inner,
    pub events: Vec<ContractEvent>,
    pub return_value: Option<ScVal>,
    /// Refundable fee used up by events and rent, in stroops.
    pub refundable_fee: i64,
    /// The part of it that is rent, in stroops.
    pub rent_fee: i64,
}

impl Success {
    /// A success that only changed entries.
    pub fn plain(result: Inner) -> Self {
        Self {
            result,
            events: Vec::new(),
            return_value: None,
            refundable_fee: 0,
            rent_fee: 0,
        }
    }
}

/// Checks an operation without applying it; `Ok` holds the result it would have.
pub fn check(
    transaction: &SignedTransaction,
    operation: &Operation,
    source: &AccountEntry,
) -> Result<OperationResult, OperationResult> {
    let (well_formed, success, malformed) = match &operation.body {
        OperationBody::CreateAccount(create) => (
            is_well_formed_creation(create, source),
            Inner::CreateAccount(CreateAccountResult::Success),
            Inner::CreateAccount(CreateAccountResult::Malformed),
        ),
        OperationBody::Payment(payment) if payment.asset == Asset::Native => (
            is_well_formed_payment(payment),
            Inner::Payment(PaymentResult::Success),
            Inner::Payment(PaymentResult::Malformed),
        ),
        OperationBody::InvokeHostFunction(_) => (
            true,
            Inner::InvokeHostFunction(InvokeHostFunctionResult::Success(Default::default())),
            Inner::InvokeHostFunction(InvokeHostFunctionResult::Malformed),
        ),
        OperationBody::ExtendFootprintTtl(extend) => (
            is_extendable(transaction) && extend.extend_to < MAX_ENTRY_TTL,
            Inner::ExtendFootprintTtl(ExtendFootprintTtlResult::Success),
            Inner::ExtendFootprintTtl(ExtendFootprintTtlResult::Malformed),
        ),
        OperationBody::RestoreFootprint(_) => (
            is_restorable(transaction),
            Inner::RestoreFootprint(RestoreFootprintResult::Success),
            Inner::RestoreFootprint(RestoreFootprintResult::Malformed),
        ),
        _ => return Err(OperationResult::OpNotSupported),
    };
    if well_formed {
        Ok(OperationResult::OpInner(success))
    } else {
        Err(OperationResult::OpInner(malformed))
    }
}

fn is_well_formed_creation(create: &CreateAccountOp, source: &AccountEntry) -> bool {
    create.starting_balance >= 0 && create.destination != source.account_id
}

fn is_well_formed_payment(payment: &PaymentOp) -> bool {
    payment.amount > 0
}

fn is_extendable(transaction: &SignedTransaction) -> bool {
    transaction.soroban().is_some_and(|data| {
        let footprint = &data.resources.footprint;
        footprint.read_write.is_empty() && footprint.read_only.iter().all(is_soroban)
    })
}

fn is_restorable(transaction: &SignedTransaction) -> bool {
    transaction.soroban().is_some_and(|data| {
        let footprint = &data.resources.footprint;
        let persistent = |key| is_soroban(key) && !is_temporary(key);
        footprint.read_only.is_empty() && footprint.read_write.iter().all(persistent)
    })
}
