//! What is owed is written off by the admin alone, never beyond zero, and can be taken back.

use meter::errors::Error;
use meter::types::Plan;
use soroban_sdk::xdr::ScVal;

use crate::drafts::standard;
use crate::village::{assert_refused, meter_id, verdict, Village, HOUR};
use crate::wire::{event, events, i128, Event};

crate::laws!(
    arrears_are_written_off_up_to_what_is_owed,
    a_write_off_is_reinstated_up_to_what_was_written_off,
    both_are_announced,
    amounts_are_above_zero_and_fit,
    a_reinstatement_may_deactivate_a_meter,
    nothing_is_written_off_a_meter_that_owes_nothing,
);

const OWED: i64 = 1_200_000;

fn owing(village: &Village) {
    village.register(1);
    village.wait(HOUR);
    village.settle(&village.next_batch().with(&[(0, standard(1_000))]));
    assert_eq!(village.record(0).balance, -OWED);
}

fn write_off(village: &Village, amount: i128) -> Result<i64, soroban_sdk::Error> {
    verdict(village.meter.try_write_off(&meter_id(0), &amount))
}

fn reinstate(village: &Village, amount: i128) -> Result<i64, soroban_sdk::Error> {
    verdict(village.meter.try_reinstate(&meter_id(0), &amount))
}

fn arrears_are_written_off_up_to_what_is_owed(village: Village) {
    owing(&village);
    assert_refused(
        write_off(&village, i128::from(OWED) + 1),
        Error::MoreThanOwed,
    );
    assert_eq!(write_off(&village, 200_000), Ok(-1_000_000));
    assert_refused(write_off(&village, 1_000_001), Error::MoreThanOwed);
    assert_eq!(write_off(&village, 1_000_000), Ok(0));
    assert_eq!(village.meter.get_written_off(&meter_id(0)), OWED);
    assert_refused(write_off(&village, 1), Error::MoreThanOwed);
    assert!(!village.record(0).active, "forgiven isn't paid");
}

fn a_write_off_is_reinstated_up_to_what_was_written_off(village: Village) {
    owing(&village);
    assert_refused(reinstate(&village, 1), Error::MoreThanWrittenOff);
    write_off(&village, 700_000).expect("it is owed");
    assert_refused(reinstate(&village, 700_001), Error::MoreThanWrittenOff);
    assert_eq!(reinstate(&village, 300_000), Ok(-800_000));
    assert_eq!(village.meter.get_written_off(&meter_id(0)), 400_000);
    assert_eq!(reinstate(&village, 400_000), Ok(-OWED));
    assert_refused(reinstate(&village, 1), Error::MoreThanWrittenOff);
    let stored = village.env.as_contract(&village.meter.address, || {
        let key = meter::storage::Key::WrittenOff(meter_id(0));
        village.env.storage().persistent().has(&key)
    });
    assert!(!stored, "nobody pays rent for nothing");
}

fn said(name: &str, amount: i128, balance: i64) -> Event {
    let data = [("amount", i128(amount)), ("balance", ScVal::I64(balance))];
    event(name, &[ScVal::U64(meter_id(0))], &data)
}

fn both_are_announced(village: Village) {
    owing(&village);
    write_off(&village, 500_000).expect("it is owed");
    assert_eq!(events(&village), [said("written_off", 500_000, -700_000)]);
    reinstate(&village, 500_000).expect("it was written off");
    assert_eq!(events(&village), [said("reinstated", 500_000, -OWED)]);
}

fn amounts_are_above_zero_and_fit(village: Village) {
    owing(&village);
    for amount in [0, -1, i128::MIN] {
        assert_refused(write_off(&village, amount), Error::AmountNotPositive);
        assert_refused(reinstate(&village, amount), Error::AmountNotPositive);
    }
    for amount in [i128::from(i64::MAX) + 1, i128::MAX] {
        assert_refused(write_off(&village, amount), Error::AmountTooLarge);
        assert_refused(reinstate(&village, amount), Error::AmountTooLarge);
    }
    assert_refused(write_off(&village, i64::MAX.into()), Error::MoreThanOwed);
    assert_refused(
        reinstate(&village, i64::MAX.into()),
        Error::MoreThanWrittenOff,
    );
}

fn a_reinstatement_may_deactivate_a_meter(village: Village) {
    owing(&village);
    write_off(&village, OWED.into()).expect("it is owed");
    village.pay(0, 100, Plan::UsageBased);
    assert!(village.meter.check_access(&meter_id(0)));
    reinstate(&village, OWED.into()).expect("it was written off");
    let inactive = event("inactive", &[ScVal::U64(meter_id(0))], &[]);
    assert!(events(&village).contains(&inactive));
    assert_eq!(village.record(0).balance, 100 - OWED);
}

fn nothing_is_written_off_a_meter_that_owes_nothing(village: Village) {
    village.register(1);
    assert_refused(write_off(&village, 1), Error::MoreThanOwed);
    village.pay(0, i64::MAX / 2, Plan::UsageBased);
    assert_refused(write_off(&village, 1), Error::MoreThanOwed);
    assert_refused(write_off(&village, i64::MAX.into()), Error::MoreThanOwed);
    let unknown = village.meter.try_write_off(&meter_id(1), &1);
    assert_refused(verdict(unknown), Error::UnknownMeter);
    assert_eq!(village.meter.get_written_off(&meter_id(0)), 0);
}
