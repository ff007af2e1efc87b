//! The supported operations: which there are, when each is well-formed, and who carries it out.
//!
//! An operation that is not listed is refused with `opNOT_SUPPORTED`, before
//! anything is charged.

pub mod classic;
mod failure;
mod footprint;
pub mod invoke;
pub mod trust;
pub mod ttl;

use soroban_env_host::xdr::{
    AccountId, ChangeTrustResult, ContractEvent, ContractIdPreimage, CreateAccountResult,
    CreateContractArgs, ExtendFootprintTtlResult, Hash, HostFunction, InvokeHostFunctionOp,
    InvokeHostFunctionResult, Operation, OperationBody, OperationResult,
    OperationResultTr as Inner, PaymentResult, RestoreFootprintResult, ScVal, SetOptionsResult,
    SetTrustLineFlagsResult,
};

use super::assets;
use super::settings::{MAX_CODE_BYTES, MAX_ENTRY_TTL};
use super::signatures::Threshold;
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

/// Checks an operation of account `source` without applying it; `Ok` holds the result it
/// would have.
pub fn check(
    transaction: &SignedTransaction,
    operation: &Operation,
    source: &AccountId,
) -> Result<OperationResult, OperationResult> {
    let (well_formed, success, malformed) = match &operation.body {
        OperationBody::CreateAccount(create) => (
            classic::is_well_formed_creation(create, source),
            Inner::CreateAccount(CreateAccountResult::Success),
            Inner::CreateAccount(CreateAccountResult::Malformed),
        ),
        OperationBody::Payment(payment) => (
            classic::is_well_formed_payment(payment),
            Inner::Payment(PaymentResult::Success),
            Inner::Payment(PaymentResult::Malformed),
        ),
        OperationBody::ChangeTrust(change) => (
            trust::is_well_formed_change(change, source),
            Inner::ChangeTrust(ChangeTrustResult::Success),
            Inner::ChangeTrust(ChangeTrustResult::Malformed),
        ),
        OperationBody::SetTrustLineFlags(set) => (
            trust::are_well_formed_flags(set, source),
            Inner::SetTrustLineFlags(SetTrustLineFlagsResult::Success),
            Inner::SetTrustLineFlags(SetTrustLineFlagsResult::Malformed),
        ),
        OperationBody::SetOptions(options) => {
            trust::check_options(options)?;
            let success = Inner::SetOptions(SetOptionsResult::Success);
            (true, success.clone(), success)
        }
        OperationBody::InvokeHostFunction(invoke) => {
            // Refused without a code of its own: stellar-core leaves the first one there is.
            let unset = Inner::InvokeHostFunction(InvokeHostFunctionResult::Success(Hash([0; 32])));
            (is_runnable(invoke), unset.clone(), unset)
        }
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

/// Returns what the source of an operation has to have signed with.
pub fn threshold(operation: &Operation) -> Threshold {
    match operation.body {
        OperationBody::SetTrustLineFlags(_)
        | OperationBody::ExtendFootprintTtl(_)
        | OperationBody::RestoreFootprint(_) => Threshold::Low,
        _ => Threshold::Medium,
    }
}

fn is_runnable(invoke: &InvokeHostFunctionOp) -> bool {
    match &invoke.host_function {
        HostFunction::UploadContractWasm(code) => code.len() <= MAX_CODE_BYTES as usize,
        HostFunction::CreateContract(CreateContractArgs {
            contract_id_preimage: ContractIdPreimage::Asset(asset),
            ..
        }) => assets::is_valid(asset),
        _ => true,
    }
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
