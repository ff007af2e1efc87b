//! Exported energy: counted once, only while certified, and never more than the plant can have made.

use certification::errors::Error;
use certification::types::{Production, Source};
use proptest::prelude::*;
use soroban_sdk::xdr::ScVal;

use crate::office::{assert_refused, verdict, Office, CAPACITY_W, DAY, FEE, HOUR, START};
use crate::wire::{address, event, events};

crate::laws!(
    a_report_counts_what_the_register_moved_on,
    a_repeated_report_changes_nothing,
    a_register_never_goes_back,
    more_than_the_plant_can_make_is_refused,
    an_absurd_register_is_refused,
    only_the_certified_are_reported,
    what_is_exported_while_revoked_never_counts,
    an_unchanged_register_is_enough_to_go_on_after_a_revocation,
    a_new_certification_after_a_revocation_does_not_count_what_lies_between,
    history_tells_wh_by_the_day,
    history_of_somebody_unknown_is_empty,
    days_that_the_ring_has_gone_over_are_refused,
    too_many_days_or_none_are_refused,
);

/// Day number of the tests' first day.
const TODAY: u32 = (START / DAY) as u32;

fn history(office: &Office, from_day: u32, days: u32) -> std::vec::Vec<u32> {
    let contract = &office.contract;
    let history = contract.get_production_history(&office.producer, &from_day, &days);
    history.into_iter().collect()
}

fn a_report_counts_what_the_register_moved_on(office: Office) {
    let office = office.certified();
    office.wait(HOUR);
    assert_eq!(office.report(2_000), 2_000);
    let said = event(
        "produced",
        &[address(&office.producer)],
        &[
            ("counted_wh", ScVal::U64(2_000)),
            ("exported_wh", ScVal::U64(2_000)),
            ("total_wh", ScVal::U64(2_000)),
        ],
    );
    assert_eq!(events(&office), [said]);
    office.wait(HOUR);
    assert_eq!(office.report(4_500), 4_500);
    let expected = Production {
        exported_wh: 4_500,
        reported_at: START + 2 * HOUR,
        total_wh: 4_500,
    };
    assert_eq!(office.contract.get_production(&office.producer), expected);
    assert_eq!(office.contract.exported_wh(&office.producer), 4_500);
}

fn a_repeated_report_changes_nothing(office: Office) {
    let office = office.certified();
    office.wait(HOUR);
    office.report(2_000);
    let before = office.contract.get_production(&office.producer);
    office.wait(HOUR);
    assert_eq!(office.report(2_000), 2_000);
    assert_eq!(events(&office), []);
    assert_eq!(office.contract.get_production(&office.producer), before);
}

fn a_register_never_goes_back(office: Office) {
    let office = office.certified();
    office.wait(HOUR);
    office.report(2_000);
    for total_wh in [1_999, 0] {
        assert_refused(office.try_report(total_wh), Error::RegisterGoesBack);
    }
}

fn more_than_the_plant_can_make_is_refused(office: Office) {
    let office = office.certified();
    office.wait(HOUR);
    let most = u64::from(CAPACITY_W) + 1;
    assert_refused(office.try_report(most + 1), Error::ImplausibleProduction);
    assert_eq!(office.report(most), most);
    assert_refused(office.try_report(most + 2), Error::ImplausibleProduction);
    office.wait(10);
    assert_eq!(office.report(most + 9), most + 9);
}

fn an_absurd_register_is_refused(office: Office) {
    office.contract.set_capacity_limits(&1, &u32::MAX);
    office
        .contract
        .apply_for_certification(&office.producer, &u32::MAX, &Source::Other, &FEE);
    office.certify(&office.producer);
    office.wait(170 * DAY);
    assert_refused(office.try_report(u64::MAX), Error::ImplausibleProduction);
    let most = u64::from(u32::MAX) * 170 * 24;
    assert_eq!(office.report(most), most);
    let day = TODAY + 170;
    assert_eq!(
        history(&office, day, 1),
        [u32::MAX],
        "as much as a day can show"
    );
}

fn only_the_certified_are_reported(office: Office) {
    assert_refused(office.try_report(1), Error::NotCertified);
    office.apply(&office.producer);
    assert_refused(office.try_report(1), Error::NotCertified);
    office.certify(&office.producer);
    office.revoke("because");
    assert_refused(office.try_report(1), Error::NotCertified);
}

fn what_is_exported_while_revoked_never_counts(office: Office) {
    let office = office.certified();
    office.wait(HOUR);
    office.report(1_000);
    office.revoke("because");
    assert_eq!(office.contract.exported_wh(&office.producer), 1_000);
    office.wait(10 * HOUR);
    office.reinstate("because not");
    assert_eq!(
        office.report(9_000),
        1_000,
        "the first report only sets the register"
    );
    let said = event(
        "produced",
        &[address(&office.producer)],
        &[
            ("counted_wh", ScVal::U64(0)),
            ("exported_wh", ScVal::U64(1_000)),
            ("total_wh", ScVal::U64(9_000)),
        ],
    );
    assert_eq!(events(&office), [said]);
    assert_eq!(office.report(9_000), 1_000, "also when it is repeated");
    office.wait(HOUR);
    assert_eq!(office.report(9_500), 1_500);
}

fn an_unchanged_register_is_enough_to_go_on_after_a_revocation(office: Office) {
    let office = office.certified();
    office.revoke("because");
    office.reinstate("because not");
    assert_eq!(office.report(0), 0);
    office.wait(HOUR);
    assert_eq!(office.report(700), 700);
}

fn a_new_certification_after_a_revocation_does_not_count_what_lies_between(office: Office) {
    let office = office.certified();
    office.wait(HOUR);
    office.report(1_000);
    office.revoke("because");
    office.wait(HOUR);
    let office = office.certified();
    assert_eq!(office.report(3_000), 1_000);
    office.wait(HOUR);
    assert_eq!(office.report(3_001), 1_001);
}

fn history_tells_wh_by_the_day(office: Office) {
    let office = office.certified();
    let mut total_wh = 0;
    for (wait_s, wh) in [(HOUR, 10), (HOUR, 20), (DAY, 30), (3 * DAY, 40)] {
        office.wait(wait_s);
        total_wh += wh;
        office.report(total_wh);
    }
    assert_eq!(history(&office, TODAY - 2, 8), [0, 0, 30, 30, 0, 0, 40, 0]);
    assert_eq!(history(&office, TODAY + 4, 1), [40]);
    assert_eq!(
        history(&office, u32::MAX, 2),
        [0, 0],
        "days to come are empty"
    );
}

fn history_of_somebody_unknown_is_empty(office: Office) {
    assert_eq!(history(&office, TODAY, 3), [0, 0, 0]);
    let nothing = Production {
        exported_wh: 0,
        reported_at: 0,
        total_wh: 0,
    };
    assert_eq!(office.contract.get_production(&office.producer), nothing);
}

fn days_that_the_ring_has_gone_over_are_refused(office: Office) {
    let office = office.certified();
    office.wait(HOUR);
    office.report(5);
    office.wait(63 * DAY);
    office.report(12);
    let mut expected = [0; 64];
    (expected[0], expected[63]) = (5, 7);
    assert_eq!(history(&office, TODAY, 64), expected);
    office.wait(DAY);
    office.report(20);
    let ask = |from_day: u32| {
        verdict(
            office
                .contract
                .try_get_production_history(&office.producer, &from_day, &1),
        )
    };
    assert_refused(ask(TODAY), Error::HistoryGone);
    assert_refused(ask(0), Error::HistoryGone);
    assert_eq!(history(&office, TODAY + 1, 64)[62..], [7, 8]);
    office.wait(150 * DAY);
    office.report(21);
    assert_eq!(
        history(&office, TODAY + 151, 64),
        [&[0; 63][..], &[1]].concat()
    );
}

fn too_many_days_or_none_are_refused(office: Office) {
    for days in [0, 65, u32::MAX] {
        let answer = office
            .contract
            .try_get_production_history(&office.producer, &TODAY, &days);
        assert_refused(verdict(answer), Error::InvalidDays);
    }
}

/// What happens next at a plant, after it has exported for a while.
#[derive(Clone, Copy, Debug)]
enum Step {
    Report,
    Revoke,
    Reinstate,
    CertifyAnew,
}

fn steps() -> impl Strategy<Value = Vec<(u64, u64, Step)>> {
    let step = prop_oneof![
        5 => Just(Step::Report),
        1 => Just(Step::Revoke),
        2 => Just(Step::Reinstate),
        1 => Just(Step::CertifyAnew),
    ];
    proptest::collection::vec((0..10 * HOUR, 0..=100_u64, step), 1..30)
}

/// The verdict comes from the plant's own register, which the test keeps.
fn never_more_counts_than_was_exported_while_certified(office: Office, steps: &[(u64, u64, Step)]) {
    let office = office.certified();
    let (mut register_wh, mut certified_wh, mut counted_wh) = (0, 0, 0);
    for (wait_s, load_percent, step) in steps {
        office.wait(*wait_s);
        let made_wh = u64::from(CAPACITY_W) * wait_s / HOUR * load_percent / 100;
        register_wh += made_wh;
        let certified = office.contract.is_certified(&office.producer);
        certified_wh += if certified { made_wh } else { 0 };
        match step {
            Step::Report if certified => counted_wh = office.report(register_wh),
            Step::Revoke if certified => office.revoke("because"),
            Step::Reinstate if !certified => office.reinstate("because not"),
            Step::CertifyAnew => {
                office.apply(&office.producer);
                office.certify(&office.producer);
            }
            _ => {}
        }
        let exported_wh = office.contract.exported_wh(&office.producer);
        assert_eq!(exported_wh, counted_wh, "only a report counts");
        assert!(exported_wh <= certified_wh);
    }
    let days: u64 = history(&office, TODAY, 64).into_iter().map(u64::from).sum();
    assert_eq!(days, counted_wh, "every Wh is on a day");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn never_more_counts_than_was_exported_while_certified_in_rust(steps in steps()) {
        never_more_counts_than_was_exported_while_certified(Office::on_rust(), &steps);
    }

    #[test]
    fn never_more_counts_than_was_exported_while_certified_in_wasm(steps in steps()) {
        never_more_counts_than_was_exported_while_certified(Office::on_wasm(), &steps);
    }
}
