//! Why a contract call failed: its code, and what it was too much of.

use soroban_env_host::xdr::InvokeHostFunctionResult as Outcome;

use crate::ledger::complaints::Complaint;

/// A code with the complaint that explains it, if there is more to say.
pub struct Failure(pub Outcome, pub Option<Complaint>);

impl Failure {
    /// A call went beyond a limit.
    pub fn beyond(message: &'static str, found: u64, allowed: u64) -> Self {
        let complaint = Complaint::over_budget(message, found, allowed);
        Self(Outcome::ResourceLimitExceeded, Some(complaint))
    }
}

impl From<Outcome> for Failure {
    fn from(outcome: Outcome) -> Self {
        Self(outcome, None)
    }
}

/// Fails a call that found more of something than is allowed.
pub fn at_most(message: &'static str, found: u64, allowed: u64) -> Result<(), Failure> {
    match found <= allowed {
        true => Ok(()),
        false => Err(Failure::beyond(message, found, allowed)),
    }
}
