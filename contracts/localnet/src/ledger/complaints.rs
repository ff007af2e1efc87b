//! Why the network refuses a contract transaction, in the words of stellar-core's diagnostics.
//!
//! A result code says that something was too much; a complaint says what, how much
//! of it there was and how much there may be. It never decides anything.

use soroban_env_host::xdr::{
    ContractEvent, ContractEventBody, ContractEventType, ContractEventV0, DiagnosticEvent,
    ExtensionPoint, ScError, ScErrorCode, ScString, ScSymbol, ScVal,
};

/// One complaint with the numbers it is about: what was found, then what is allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Complaint {
    error: ScError,
    message: &'static str,
    numbers: Vec<u64>,
}

impl Complaint {
    /// More instructions, memory, output or transaction than there may be.
    pub fn over_budget(message: &'static str, found: u64, allowed: u64) -> Self {
        Self {
            error: ScError::Budget(ScErrorCode::ExceededLimit),
            message,
            numbers: vec![found, allowed],
        }
    }

    /// More entries or bytes of the ledger, or other fees, than there may be.
    pub fn over_storage(message: &'static str, found: u64, allowed: u64) -> Self {
        Self {
            error: ScError::Storage(ScErrorCode::ExceededLimit),
            message,
            numbers: vec![found, allowed],
        }
    }

    /// A footprint that makes no sense.
    pub fn invalid(message: &'static str) -> Self {
        Self {
            error: ScError::Storage(ScErrorCode::InvalidInput),
            message,
            numbers: Vec::new(),
        }
    }

    /// An entry that has to be restored first.
    pub fn archived(message: &'static str) -> Self {
        Self {
            error: ScError::Value(ScErrorCode::InvalidInput),
            message,
            numbers: Vec::new(),
        }
    }

    /// Returns the sentence without the numbers.
    pub fn message(&self) -> &'static str {
        self.message
    }

    /// Returns it as the event that clients are shown.
    pub fn event(&self) -> DiagnosticEvent {
        let text = ScVal::String(ScString(self.message.try_into().expect("a sentence fits")));
        let numbers = self.numbers.iter().map(|number| ScVal::U64(*number));
        let data = if self.numbers.is_empty() {
            text
        } else {
            let values: Vec<ScVal> = std::iter::once(text).chain(numbers).collect();
            ScVal::Vec(Some(values.try_into().expect("three values fit")))
        };
        let topics = vec![
            ScVal::Symbol(ScSymbol("error".try_into().expect("a short symbol"))),
            ScVal::Error(self.error.clone()),
        ];
        DiagnosticEvent {
            in_successful_contract_call: false,
            event: ContractEvent {
                ext: ExtensionPoint::V0,
                contract_id: None,
                type_: ContractEventType::Diagnostic,
                body: ContractEventBody::V0(ContractEventV0 {
                    topics: topics.try_into().expect("two topics fit"),
                    data,
                }),
            },
        }
    }
}
