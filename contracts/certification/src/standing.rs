//! Certifications that are revoked, and reinstated. Both need a reason, and both are written down for ever.

use soroban_sdk::{panic_with_error, Address, Env, String};

use crate::application::check_other;
use crate::audit;
use crate::errors::Error;
use crate::production;
use crate::storage;
use crate::types::{Action, Certificate, Status};

/// Tells whether a producer may sell now.
pub fn is_certified(e: &Env, producer: &Address) -> bool {
    storage::certificate(e, producer).status == Status::Certified
}

/// The certificate of a producer who is certified now, or [`Error::NotCertified`].
pub fn certified(e: &Env, producer: &Address) -> Certificate {
    let certificate = storage::certificate(e, producer);
    if certificate.status != Status::Certified {
        panic_with_error!(e, Error::NotCertified);
    }
    certificate
}

/// Stops a producer from selling at once; a certifier may revoke their own certification too.
pub fn revoke(e: &Env, certifier: &Address, producer: &Address, reason: String) {
    audit::check_reason(e, &reason);
    let mut certificate = certified(e, producer);
    certificate.status = Status::Revoked;
    audit::record(e, &mut certificate, Action::Revoked, certifier, reason);
    storage::put_certificate(e, &certificate);
}

/// Gives a revoked certification back as it was.
pub fn reinstate(e: &Env, certifier: &Address, producer: &Address, reason: String) {
    check_other(e, certifier, producer);
    audit::check_reason(e, &reason);
    let mut certificate = storage::certificate(e, producer);
    if certificate.status != Status::Revoked {
        panic_with_error!(e, Error::NotRevoked);
    }
    certificate.status = Status::Certified;
    production::resume(e, producer);
    audit::record(e, &mut certificate, Action::Reinstated, certifier, reason);
    storage::put_certificate(e, &certificate);
}
