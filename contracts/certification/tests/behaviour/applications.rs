//! Applications: what may be applied for, what a decision does, and that every one is written down.

use certification::errors::Error;
use certification::types::{Action, Application, Certificate, Source, Status};
use soroban_sdk::xdr::ScVal;
use soroban_sdk::{IntoVal, Symbol, Val};

use crate::office::{assert_refused, verdict, Office, CAPACITY_W, DAY, FEE, HOUR, START};
use crate::wire::{address, audited, event, events, i128};

crate::laws!(
    somebody_who_never_applied_stands_nowhere,
    an_application_waits_for_a_decision,
    an_application_is_announced_and_written_down,
    a_capacity_outside_the_limits_is_refused,
    an_unknown_source_is_refused,
    one_application_is_open_at_a_time,
    a_grant_says_who_granted_what_and_when,
    a_rejected_producer_may_apply_again,
    a_withdrawn_application_leaves_nothing_but_its_trace,
    what_was_not_applied_for_can_not_be_decided,
    a_certified_producer_sells_on_until_a_new_plant_is_certified,
    a_rejected_change_leaves_the_certification,
    a_reason_is_short_and_says_something,
    limits_are_announced_and_checked,
);

fn somebody_who_never_applied_stands_nowhere(office: Office) {
    let nothing = Certificate {
        acts: 0,
        capacity_w: 0,
        certified_at: 0,
        certifier: None,
        producer: office.producer.clone(),
        source: 0,
        status: Status::None,
    };
    assert_eq!(office.certificate(), nothing);
    assert!(!office.contract.is_certified(&office.producer));
    assert_eq!(office.audit(), []);
}

fn an_application_waits_for_a_decision(office: Office) {
    office.wait(HOUR);
    office.apply(&office.producer);
    assert_eq!(office.status(), Status::Applied);
    let application = Application {
        applied_at: START + HOUR,
        capacity_w: CAPACITY_W,
        fee: FEE,
        place: 0,
        producer: office.producer.clone(),
        source: Source::Solar,
    };
    assert_eq!(office.application(), Some(application));
    assert!(!office.contract.is_certified(&office.producer));
}

fn an_application_is_announced_and_written_down(office: Office) {
    office.apply(&office.producer);
    let (producer, certifier) = (&office.producer, &office.certifier);
    let applied = event(
        "applied",
        &[address(producer)],
        &[
            ("capacity_w", ScVal::U32(CAPACITY_W)),
            ("fee", i128(FEE)),
            ("source", ScVal::U32(1)),
        ],
    );
    let line = audited(producer, 0, Action::Applied, producer, "");
    assert_eq!(events(&office), [applied, line]);
    office.wait(DAY);
    office.certify(producer);
    let line = audited(producer, 1, Action::Certified, certifier, "");
    assert_eq!(events(&office), [line]);
    let trail = office.audit();
    assert_eq!(office.actions(), [Action::Applied, Action::Certified]);
    assert_eq!((trail[0].at, trail[1].at), (START, START + DAY));
    assert_eq!((&trail[0].by, &trail[1].by), (producer, certifier));
}

fn a_capacity_outside_the_limits_is_refused(office: Office) {
    office.contract.set_capacity_limits(&100, &5_000);
    let apply = |capacity_w: u32| {
        verdict(office.contract.try_apply_for_certification(
            &office.producer,
            &capacity_w,
            &Source::Solar,
            &FEE,
        ))
    };
    for capacity_w in [0, 99, 5_001, u32::MAX] {
        assert_refused(apply(capacity_w), Error::CapacityOutOfLimits);
    }
    assert_eq!(apply(100), Ok(()));
    office.contract.withdraw_application(&office.producer);
    assert_eq!(apply(5_000), Ok(()));
}

fn an_unknown_source_is_refused(office: Office) {
    let env = &office.env;
    for source in [0_u32, 6, u32::MAX] {
        let answer = env.try_invoke_contract::<Val, soroban_sdk::Error>(
            &office.contract.address,
            &Symbol::new(env, "apply_for_certification"),
            (&office.producer, CAPACITY_W, source, FEE).into_val(env),
        );
        assert!(answer.is_err(), "source {source}");
    }
    assert_eq!(office.status(), Status::None);
}

fn one_application_is_open_at_a_time(office: Office) {
    office.apply(&office.producer);
    let again = office.contract.try_apply_for_certification(
        &office.producer,
        &CAPACITY_W,
        &Source::Wind,
        &FEE,
    );
    assert_refused(verdict(again), Error::ApplicationOpen);
    assert_eq!(office.till(), FEE, "and is paid for once");
}

fn a_grant_says_who_granted_what_and_when(office: Office) {
    office.apply(&office.producer);
    office.wait(DAY);
    office.certify(&office.producer);
    let expected = Certificate {
        acts: 2,
        capacity_w: CAPACITY_W,
        certified_at: START + DAY,
        certifier: Some(office.certifier.clone()),
        producer: office.producer.clone(),
        source: Source::Solar as u32,
        status: Status::Certified,
    };
    assert_eq!(office.certificate(), expected);
    assert_eq!(office.application(), None);
    assert!(office.contract.is_certified(&office.producer));
}

fn a_rejected_producer_may_apply_again(office: Office) {
    office.apply(&office.producer);
    let why = office.text("no export meter yet");
    office
        .contract
        .reject_application(&office.certifier, &office.producer, &why);
    let line = audited(
        &office.producer,
        1,
        Action::Rejected,
        &office.certifier,
        "no export meter yet",
    );
    assert_eq!(events(&office), [line]);
    assert_eq!(office.status(), Status::Rejected);
    assert!(!office.contract.is_certified(&office.producer));
    let office = office.certified();
    assert_eq!(office.status(), Status::Certified);
    use Action::{Applied, Certified, Rejected};
    assert_eq!(office.actions(), [Applied, Rejected, Applied, Certified]);
}

fn a_withdrawn_application_leaves_nothing_but_its_trace(office: Office) {
    office.apply(&office.producer);
    office.contract.withdraw_application(&office.producer);
    let line = audited(&office.producer, 1, Action::Withdrawn, &office.producer, "");
    assert_eq!(events(&office), [line]);
    assert_eq!(office.status(), Status::None);
    assert_eq!(office.application(), None);
    assert_eq!(office.actions(), [Action::Applied, Action::Withdrawn]);
    assert_eq!(office.till(), 0);
}

fn what_was_not_applied_for_can_not_be_decided(office: Office) {
    let (contract, certifier, producer) = (&office.contract, &office.certifier, &office.producer);
    let why = office.text("because");
    let refuse_all = || {
        let certified = contract.try_certify_producer(certifier, producer);
        assert_refused(verdict(certified), Error::NoApplication);
        let rejected = contract.try_reject_application(certifier, producer, &why);
        assert_refused(verdict(rejected), Error::NoApplication);
        let withdrawn = contract.try_withdraw_application(producer);
        assert_refused(verdict(withdrawn), Error::NoApplication);
    };
    refuse_all();
    office.apply(producer);
    office.certify(producer);
    refuse_all();
}

fn a_certified_producer_sells_on_until_a_new_plant_is_certified(office: Office) {
    let office = office.certified();
    office.wait(HOUR);
    assert_eq!(office.report(3_000), 3_000);
    office
        .contract
        .apply_for_certification(&office.producer, &8_000, &Source::Hydro, &FEE);
    let certificate = office.certificate();
    assert_eq!(certificate.status, Status::Certified);
    assert_eq!(certificate.capacity_w, CAPACITY_W);
    office.certify(&office.producer);
    let certificate = office.certificate();
    assert_eq!(certificate.capacity_w, 8_000);
    assert_eq!(certificate.source, Source::Hydro as u32);
    office.wait(HOUR);
    assert_eq!(office.report(11_000), 11_000, "and the register goes on");
}

fn a_rejected_change_leaves_the_certification(office: Office) {
    let office = office.certified();
    let granted = office.granted();
    for _ in 0..2 {
        office
            .contract
            .apply_for_certification(&office.producer, &8_000, &Source::Hydro, &FEE);
        if office.actions().len() == 3 {
            office.contract.withdraw_application(&office.producer);
        } else {
            let why = office.text("nothing has changed on site");
            office
                .contract
                .reject_application(&office.certifier, &office.producer, &why);
        }
        assert_eq!(office.status(), Status::Certified);
        assert_eq!(office.granted(), granted);
    }
}

fn a_reason_is_short_and_says_something(office: Office) {
    office.apply(&office.producer);
    let (contract, certifier, producer) = (&office.contract, &office.certifier, &office.producer);
    for spoilt in ["", &"x".repeat(201), &"x".repeat(5_000)] {
        let why = office.text(spoilt);
        let rejected = contract.try_reject_application(certifier, producer, &why);
        assert_refused(verdict(rejected), Error::InvalidReason);
        let revoked = contract.try_revoke_certification(certifier, producer, &why);
        assert_refused(verdict(revoked), Error::InvalidReason);
        let reinstated = contract.try_reinstate_certification(certifier, producer, &why);
        assert_refused(verdict(reinstated), Error::InvalidReason);
    }
    let longest = office.text(&"x".repeat(200));
    contract.reject_application(certifier, producer, &longest);
    assert_eq!(office.audit()[1].reason, longest);
}

fn limits_are_announced_and_checked(office: Office) {
    let contract = &office.contract;
    for (min_w, max_w) in [(0, 5), (0, 0), (6, 5)] {
        let set = contract.try_set_capacity_limits(&min_w, &max_w);
        assert_refused(verdict(set), Error::InvalidCapacityLimits);
    }
    contract.set_capacity_limits(&7, &u32::MAX);
    let said = event(
        "capacity_limits",
        &[],
        &[("max_w", ScVal::U32(u32::MAX)), ("min_w", ScVal::U32(7))],
    );
    assert_eq!(events(&office), [said]);
    let limits = contract.get_capacity_limits();
    assert_eq!((limits.min_w, limits.max_w), (7, u32::MAX));
}
