//! Applications: a newcomer asks to be certified, or a producer asks for another capacity or source. One is open at a time.
//!
//! A certified producer goes on selling under the old grant until the new application is decided, and under it if it is rejected.

use soroban_sdk::{panic_with_error, Address, Env, String};

use crate::audit;
use crate::errors::Error;
use crate::fees;
use crate::lists;
use crate::production;
use crate::storage;
use crate::terms;
use crate::types::{Action, Application, Certificate, Source, Status};

/// Opens an application and holds its fee.
pub fn open(e: &Env, producer: &Address, capacity_w: u32, source: Source, fee: i128) {
    let mut certificate = storage::certificate(e, producer);
    if storage::application(e, producer).is_some() {
        panic_with_error!(e, Error::ApplicationOpen);
    }
    terms::check_capacity(e, capacity_w);
    fees::hold(e, producer, fee);
    if certificate.acts == 0 {
        lists::enrol(e, producer);
    }
    let application = Application {
        applied_at: e.ledger().timestamp(),
        capacity_w,
        fee,
        place: lists::queue(e, producer),
        producer: producer.clone(),
        source,
    };
    storage::put_application(e, &application);
    if matches!(certificate.status, Status::None | Status::Rejected) {
        certificate.status = Status::Applied;
    }
    let reason = audit::no_reason(e);
    audit::record(e, &mut certificate, Action::Applied, producer, reason);
    storage::put_certificate(e, &certificate);
}

/// Takes an open application back and returns its fee.
pub fn withdraw(e: &Env, producer: &Address) {
    let (mut certificate, application) = take(e, producer);
    if certificate.status == Status::Applied {
        certificate.status = Status::None;
    }
    let reason = audit::no_reason(e);
    audit::record(e, &mut certificate, Action::Withdrawn, producer, reason);
    storage::put_certificate(e, &certificate);
    fees::give_back(e, producer, application.fee);
}

/// Grants what was applied for; the fee is earned.
pub fn certify(e: &Env, certifier: &Address, producer: &Address) {
    check_other(e, certifier, producer);
    let (mut certificate, application) = take(e, producer);
    let certified_at = e.ledger().timestamp();
    match certificate.status {
        Status::Certified => {}
        // What was exported in between doesn't count.
        Status::Revoked => production::resume(e, producer),
        Status::None | Status::Applied | Status::Rejected => {
            production::begin(e, producer, certified_at)
        }
    }
    certificate.status = Status::Certified;
    certificate.capacity_w = application.capacity_w;
    certificate.source = application.source as u32;
    certificate.certified_at = certified_at;
    certificate.certifier = Some(certifier.clone());
    let reason = audit::no_reason(e);
    audit::record(e, &mut certificate, Action::Certified, certifier, reason);
    storage::put_certificate(e, &certificate);
    fees::earn(e, application.fee);
}

/// Refuses what was applied for and returns the fee; an earlier certification stays as it is.
pub fn reject(e: &Env, certifier: &Address, producer: &Address, reason: String) {
    check_other(e, certifier, producer);
    audit::check_reason(e, &reason);
    let (mut certificate, application) = take(e, producer);
    if certificate.status == Status::Applied {
        certificate.status = Status::Rejected;
    }
    audit::record(e, &mut certificate, Action::Rejected, certifier, reason);
    storage::put_certificate(e, &certificate);
    fees::give_back(e, producer, application.fee);
}

/// Refuses a certifier who would decide about themselves.
pub fn check_other(e: &Env, certifier: &Address, producer: &Address) {
    if certifier == producer {
        panic_with_error!(e, Error::OwnCertification);
    }
}

/// Closes the open application; the caller says what becomes of the certificate and the fee.
fn take(e: &Env, producer: &Address) -> (Certificate, Application) {
    let Some(application) = storage::application(e, producer) else {
        panic_with_error!(e, Error::NoApplication);
    };
    storage::remove_application(e, producer);
    lists::leave(e, application.place);
    (storage::certificate(e, producer), application)
}
