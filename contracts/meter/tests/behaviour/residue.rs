//! A meter's bad usage never blocks its village: it is counted as residue, and its record stays as it was.

use meter::types::Plan;

use crate::drafts::{included, page_data, standard, Columns, Draft};
use crate::village::{meter_id, Village, DAILY, HOUR, START};
use crate::wire::{events, page_event};

crate::laws!(
    an_unknown_slot_is_residue,
    a_page_that_does_not_exist_is_residue,
    a_deactivated_meter_is_residue,
    more_than_the_connection_can_carry_is_residue,
    time_before_the_last_reading_carries_nothing,
    a_silent_meter_may_catch_up_later,
    included_usage_is_bounded_by_the_plan_window,
    included_usage_without_a_plan_is_residue,
    a_charge_that_does_not_fit_is_residue,
    refused_slots_are_named,
);

/// 5 kW for one hour, and one Wh because registers round.
const MOST_WH: u32 = 5_001;

fn usage_of_an_hour(village: &Village, wh: Columns) -> (u64, u64) {
    village.wait(HOUR);
    let receipt = village.settle(&village.next_batch().with(&[(0, wh), (1, standard(10))]));
    (receipt.accepted_wh - 10, receipt.residue_wh)
}

fn an_unknown_slot_is_residue(village: Village) {
    village.register(2);
    village.wait(HOUR);
    let receipt = village.settle(
        &village
            .next_batch()
            .with(&[(1, standard(3)), (2, standard(4))]),
    );
    assert_eq!((receipt.accepted_wh, receipt.residue_wh), (3, 4));
}

fn a_page_that_does_not_exist_is_residue(village: Village) {
    village.register(1);
    village.wait(HOUR);
    let draft =
        village
            .next_batch()
            .with(&[(0, standard(1)), (64, standard(20)), (65, [1, 1, 1, 1, 0])]);
    let receipt = village.settle(&draft);
    let said = events(&village);
    assert_eq!((receipt.accepted_wh, receipt.residue_wh), (1, 24));
    let [page, _batch] = said.as_slice() else {
        panic!("a page and the batch speak, not {said:?}")
    };
    assert_eq!(*page, page_event(1, 0, 0, 0b11));
}

fn a_deactivated_meter_is_residue(village: Village) {
    village.register(2);
    village.meter.deactivate_meter(&meter_id(0));
    assert_eq!(usage_of_an_hour(&village, standard(7)), (0, 7));
    assert_eq!(village.record(0).total_wh, 0);
    assert_eq!(village.record(0).last_read_at, START);
}

fn more_than_the_connection_can_carry_is_residue(village: Village) {
    village.register(2);
    assert_eq!(
        usage_of_an_hour(&village, [1, MOST_WH - 1, 1, 0, 0]),
        (0, 5_002)
    );
    let record = village.record(0);
    assert_eq!(
        (record.total_wh, record.balance, record.remainder),
        (0, 0, 0)
    );
    // The refused hour still counts as time in which energy can have flowed.
    assert_eq!(usage_of_an_hour(&village, [1, 9_999, 1, 0, 0]), (10_001, 0));
}

fn time_before_the_last_reading_carries_nothing(village: Village) {
    village.wait(2 * HOUR);
    village.register(2);
    let draft = Draft {
        to: START + HOUR,
        ..village.next_batch()
    };
    let receipt = village.settle(&draft.with(&[(0, standard(2)), (1, standard(1))]));
    assert_eq!((receipt.accepted_wh, receipt.residue_wh), (1, 2));
    assert_eq!(
        village.record(1).last_read_at,
        START + 2 * HOUR,
        "time doesn't go back"
    );
}

fn a_silent_meter_may_catch_up_later(village: Village) {
    village.register(2);
    village.wait(HOUR);
    village.settle(&village.next_batch().with(&[(1, standard(0))]));
    village.wait(HOUR);
    let receipt = village.settle(&village.next_batch().with(&[(0, standard(10_001))]));
    assert_eq!((receipt.accepted_wh, receipt.residue_wh), (10_001, 0));
}

fn included_usage_is_bounded_by_the_plan_window(village: Village) {
    village.register(2);
    village.wait(HOUR / 2);
    village.pay(0, DAILY, Plan::Daily);
    village.wait(HOUR / 2);
    // The window opened half an hour after the last reading: 2.5 kWh fit in, and one Wh for rounding.
    let draft = village.next_batch();
    let over = village.settle(&draft.with(&[(0, included(2_502))]));
    assert_eq!((over.accepted_wh, over.residue_wh), (0, 2_502));
    village.wait(HOUR);
    let within = village.settle(&village.next_batch().with(&[(0, included(7_501))]));
    assert_eq!((within.accepted_wh, within.residue_wh), (7_501, 0));
    assert_eq!(village.record(0).balance, 0, "the plan has paid for it");
}

fn included_usage_without_a_plan_is_residue(village: Village) {
    village.register(2);
    assert_eq!(usage_of_an_hour(&village, included(2)), (0, 2));
}

fn a_charge_that_does_not_fit_is_residue(village: Village) {
    village.register(1);
    village.set_price(START + HOUR, [i64::MAX; 3]);
    village.wait(HOUR);
    village.settle(&village.next_batch());
    village.wait(HOUR);
    let draft = Draft {
        price_version: 2,
        ..village.next_batch()
    };
    let receipt = village.settle(&draft.with(&[(0, standard(5_000))]));
    assert_eq!((receipt.accepted_wh, receipt.residue_wh), (0, 5_000));
    assert_eq!(village.record(0).balance, 0);
}

fn refused_slots_are_named(village: Village) {
    village.register(2);
    village.meter.deactivate_meter(&meter_id(0));
    village.wait(HOUR);
    let rows = [(0, standard(1)), (1, standard(1)), (63, standard(1))];
    let mut draft = village.next_batch();
    draft.pages = vec![(0, page_data(&rows))];
    village.settle(&draft);
    assert_eq!(events(&village)[0], page_event(0, 0, 0, 1 << 63 | 1));
}
