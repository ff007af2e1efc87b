//! Fees: paid once, then earned or returned exactly once; what is held for an open application is nobody's to spend.

use certification::errors::Error;
use certification::types::Source;
use proptest::prelude::*;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::Address;

use crate::office::{assert_refused, verdict, Office, CAPACITY_W, FEE, SAVINGS};
use crate::wire::{address, event, events, i128};

crate::laws!(
    a_fee_is_what_get_fee_tells,
    a_granted_application_earns_its_fee,
    a_rejected_or_withdrawn_application_gets_its_fee_back,
    an_open_applications_fee_is_not_the_admins,
    a_changed_fee_leaves_open_applications_alone,
    an_application_may_be_free,
    a_fee_is_not_negative_and_fits,
    who_can_not_pay_does_not_apply,
);

fn apply(office: &Office, fee: i128) -> Result<(), soroban_sdk::Error> {
    verdict(office.contract.try_apply_for_certification(
        &office.producer,
        &CAPACITY_W,
        &Source::Solar,
        &fee,
    ))
}

fn a_fee_is_what_get_fee_tells(office: Office) {
    assert_eq!(office.contract.get_fee(), FEE);
    for fee in [FEE - 1, FEE + 1, 0, -FEE, i128::MAX, i128::MIN] {
        assert_refused(apply(&office, fee), Error::WrongFee);
    }
    assert_eq!(apply(&office, FEE), Ok(()));
    assert_eq!(office.till(), FEE);
    assert_eq!(office.token.balance(&office.producer), SAVINGS - FEE);
}

fn a_granted_application_earns_its_fee(office: Office) {
    office.apply(&office.producer);
    assert_eq!(office.contract.get_earned_fees(), 0);
    office.certify(&office.producer);
    assert_eq!(office.contract.get_earned_fees(), FEE);
    let provider = Address::generate(&office.env);
    office.contract.withdraw(&provider, &20);
    let said = event(
        "withdrawn",
        &[],
        &[("amount", i128(20)), ("to", address(&provider))],
    );
    assert_eq!(events(&office), [said]);
    assert_eq!(office.token.balance(&provider), 20);
    assert_eq!(office.contract.get_earned_fees(), FEE - 20);
    for amount in [0, -1, i128::MIN] {
        let withdrawn = office.contract.try_withdraw(&provider, &amount);
        assert_refused(verdict(withdrawn), Error::AmountNotPositive);
    }
}

fn a_rejected_or_withdrawn_application_gets_its_fee_back(office: Office) {
    let why = office.text("because");
    office.apply(&office.producer);
    office
        .contract
        .reject_application(&office.certifier, &office.producer, &why);
    assert_eq!(office.token.balance(&office.producer), SAVINGS);
    office.apply(&office.producer);
    office.contract.withdraw_application(&office.producer);
    assert_eq!(office.token.balance(&office.producer), SAVINGS);
    assert_eq!((office.till(), office.contract.get_earned_fees()), (0, 0));
}

fn an_open_applications_fee_is_not_the_admins(office: Office) {
    let office = office.certified();
    office.apply(&office.newcomer());
    for amount in [FEE + 1, 2 * FEE, i128::MAX] {
        let withdrawn = office.contract.try_withdraw(&office.admin, &amount);
        assert_refused(verdict(withdrawn), Error::MoreThanEarned);
    }
    office.contract.withdraw(&office.admin, &FEE);
    assert_eq!(office.till(), FEE);
}

fn a_changed_fee_leaves_open_applications_alone(office: Office) {
    office.apply(&office.producer);
    office.contract.set_fee(&(3 * FEE));
    let said = event("fee", &[], &[("amount", i128(3 * FEE))]);
    assert_eq!(events(&office), [said]);
    office.contract.withdraw_application(&office.producer);
    assert_eq!(office.token.balance(&office.producer), SAVINGS);
    office.apply(&office.producer);
    assert_eq!(office.till(), 3 * FEE);
}

fn an_application_may_be_free(office: Office) {
    office.contract.set_fee(&0);
    office.apply(&office.producer);
    office.contract.withdraw_application(&office.producer);
    let office = office.certified();
    assert_eq!((office.till(), office.contract.get_earned_fees()), (0, 0));
    assert_eq!(office.token.balance(&office.producer), SAVINGS);
}

fn a_fee_is_not_negative_and_fits(office: Office) {
    for fee in [-1, i128::MIN, i128::from(i64::MAX) + 1, i128::MAX] {
        let set = office.contract.try_set_fee(&fee);
        assert_refused(verdict(set), Error::InvalidFee);
    }
    office.contract.set_fee(&i64::MAX.into());
    assert_eq!(office.contract.get_fee(), i128::from(i64::MAX));
}

fn who_can_not_pay_does_not_apply(office: Office) {
    office.contract.set_fee(&(SAVINGS + 1));
    assert!(apply(&office, SAVINGS + 1).is_err());
    assert_eq!(office.certificate().acts, 0);
    assert_eq!(office.contract.get_applications(&0, &50).len(), 0);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Apply,
    TakeBack,
    Certify,
    Reject,
    Revoke,
    Reinstate,
    SetFee(i128),
    Withdraw(i128),
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        4 => Just(Step::Apply),
        1 => Just(Step::TakeBack),
        2 => Just(Step::Certify),
        1 => Just(Step::Reject),
        1 => Just(Step::Revoke),
        1 => Just(Step::Reinstate),
        1 => (0..1_000_i128).prop_map(Step::SetFee),
        1 => (1..1_000_i128).prop_map(Step::Withdraw),
    ];
    proptest::collection::vec((0..3_usize, step), 1..40)
}

/// Whatever is done in whatever order, refused or not: money is with a producer, held, earned or withdrawn.
fn every_fee_is_returned_or_earned_exactly_once(office: Office, steps: &[(usize, Step)]) {
    let producers = [(); 3].map(|()| office.newcomer());
    let provider = Address::generate(&office.env);
    let (contract, certifier) = (&office.contract, &office.certifier);
    let why = office.text("because");
    let mut paid = [0; 3];
    for (index, step) in steps {
        let who = &producers[*index];
        let held = |who| {
            let application = contract.get_application(who);
            application.map_or(0, |application| application.fee)
        };
        let (before, fee) = (held(who), contract.get_fee());
        match step {
            Step::Apply => {
                let asked =
                    contract.try_apply_for_certification(who, &CAPACITY_W, &Source::Solar, &fee);
                paid[*index] += if asked.is_ok() { fee } else { 0 };
            }
            Step::TakeBack => {
                let taken = contract.try_withdraw_application(who);
                paid[*index] -= if taken.is_ok() { before } else { 0 };
            }
            Step::Reject => {
                let rejected = contract.try_reject_application(certifier, who, &why);
                paid[*index] -= if rejected.is_ok() { before } else { 0 };
            }
            Step::Certify => _ = contract.try_certify_producer(certifier, who),
            Step::Revoke => _ = contract.try_revoke_certification(certifier, who, &why),
            Step::Reinstate => _ = contract.try_reinstate_certification(certifier, who, &why),
            Step::SetFee(fee) => contract.set_fee(fee),
            Step::Withdraw(amount) => _ = contract.try_withdraw(&provider, amount),
        }
        let queue = contract.get_applications(&0, &50);
        for (place, row) in (0..).zip(queue.iter()) {
            assert_eq!(row.place, place);
            assert_eq!(contract.get_application(&row.producer), Some(row));
        }
        let open: i128 = queue.iter().map(|row| row.fee).sum();
        assert_eq!(producers.iter().map(held).sum::<i128>(), open);
        assert_eq!(office.till(), contract.get_earned_fees() + open);
        for (who, paid) in producers.iter().zip(paid) {
            assert_eq!(office.token.balance(who), SAVINGS - paid);
        }
        let whole = office.till() + office.token.balance(&provider);
        assert_eq!(whole, paid.iter().sum::<i128>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn every_fee_is_returned_or_earned_exactly_once_in_rust(steps in steps()) {
        every_fee_is_returned_or_earned_exactly_once(Office::on_rust(), &steps);
    }

    #[test]
    fn every_fee_is_returned_or_earned_exactly_once_in_wasm(steps in steps()) {
        every_fee_is_returned_or_earned_exactly_once(Office::on_wasm(), &steps);
    }
}
