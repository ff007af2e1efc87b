//! Revoked and reinstated: selling stops at once, and nothing of what was done is ever forgotten.

use certification::errors::Error;
use certification::types::{Action, Source, Status};

use crate::office::{assert_refused, verdict, Office, DAY, FEE, HOUR};
use crate::wire::{audited, events};

crate::laws!(
    revocation_stops_selling_at_once_and_keeps_the_audit_trail,
    a_reinstated_producer_has_the_old_grant,
    only_the_certified_are_revoked_and_only_the_revoked_reinstated,
    a_revoked_producer_may_apply_for_another_plant,
    a_newcomer_can_not_slip_in_by_reinstatement,
);

fn revocation_stops_selling_at_once_and_keeps_the_audit_trail(office: Office) {
    let office = office.certified();
    office.wait(HOUR);
    office.revoke("the meter was bypassed");
    let (producer, certifier) = (&office.producer, &office.certifier);
    let line = audited(
        producer,
        2,
        Action::Revoked,
        certifier,
        "the meter was bypassed",
    );
    assert_eq!(events(&office), [line]);
    assert!(!office.contract.is_certified(producer));
    assert_eq!(office.status(), Status::Revoked);
    let before = office.audit();
    office.wait(100 * DAY);
    office.reinstate("a new meter was sealed");
    let after = office.audit();
    assert_eq!(after[..3], before[..]);
    assert_eq!(after[3].reason, office.text("a new meter was sealed"));
    use Action::{Applied, Certified, Reinstated, Revoked};
    assert_eq!(office.actions(), [Applied, Certified, Revoked, Reinstated]);
}

fn a_reinstated_producer_has_the_old_grant(office: Office) {
    let office = office.certified();
    let granted = office.granted();
    office.revoke("by mistake");
    assert_eq!(
        office.granted(),
        granted,
        "it is still known what was revoked"
    );
    office.reinstate("it was a mistake");
    let line = audited(
        &office.producer,
        3,
        Action::Reinstated,
        &office.certifier,
        "it was a mistake",
    );
    assert_eq!(events(&office), [line]);
    assert_eq!(office.granted(), granted);
    assert!(office.contract.is_certified(&office.producer));
}

fn only_the_certified_are_revoked_and_only_the_revoked_reinstated(office: Office) {
    let (contract, certifier, producer) = (&office.contract, &office.certifier, &office.producer);
    let why = office.text("because");
    let revoke = || verdict(contract.try_revoke_certification(certifier, producer, &why));
    let reinstate = || verdict(contract.try_reinstate_certification(certifier, producer, &why));
    assert_refused(revoke(), Error::NotCertified);
    assert_refused(reinstate(), Error::NotRevoked);
    office.apply(producer);
    assert_refused(revoke(), Error::NotCertified);
    assert_refused(reinstate(), Error::NotRevoked);
    office.certify(producer);
    assert_refused(reinstate(), Error::NotRevoked);
    assert_eq!(revoke(), Ok(()));
    assert_refused(revoke(), Error::NotCertified);
}

fn a_revoked_producer_may_apply_for_another_plant(office: Office) {
    let office = office.certified();
    office.revoke("the panels were sold");
    office
        .contract
        .apply_for_certification(&office.producer, &900, &Source::Wind, &FEE);
    assert_eq!(office.status(), Status::Revoked, "applying is not enough");
    assert!(!office.contract.is_certified(&office.producer));
    office.contract.withdraw_application(&office.producer);
    assert_eq!(office.status(), Status::Revoked);
    office
        .contract
        .apply_for_certification(&office.producer, &900, &Source::Wind, &FEE);
    office.certify(&office.producer);
    assert_eq!(office.status(), Status::Certified);
    assert_eq!(office.certificate().capacity_w, 900);
}

fn a_newcomer_can_not_slip_in_by_reinstatement(office: Office) {
    office.apply(&office.producer);
    let why = office.text("no");
    office
        .contract
        .reject_application(&office.certifier, &office.producer, &why);
    let slipped =
        office
            .contract
            .try_reinstate_certification(&office.certifier, &office.producer, &why);
    assert_refused(verdict(slipped), Error::NotRevoked);
}
