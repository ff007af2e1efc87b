//! Who may draw power, and how the world hears of it.

use meter::types::Plan;
use soroban_sdk::xdr::ScVal;

use crate::drafts::{included, standard, Draft};
use crate::village::{meter_id, Village, DAILY, DAY, HOUR, START};
use crate::wire::{event, events, page_event, Event};

crate::laws!(
    a_new_prepaid_meter_is_inactive_until_it_is_paid_for,
    other_modes_are_active_from_the_start_and_never_charged,
    credit_used_up_deactivates_in_the_batch,
    usage_beyond_the_credit_becomes_arrears,
    arrears_are_paid_before_the_meter_is_active_again,
    a_plan_that_ends_deactivates_also_a_meter_that_was_not_read,
    an_unchanged_state_is_not_announced,
    a_deactivated_meter_is_inactive_whatever_it_has_paid,
    two_hundred_meters_running_dry_together_fit_into_one_batch,
    two_hundred_meters_running_dry_together_take_a_fifth_of_any_limit,
);

fn state(name: &str, slot: u32) -> Event {
    event(name, &[ScVal::U64(meter_id(slot))], &[])
}

fn a_new_prepaid_meter_is_inactive_until_it_is_paid_for(village: Village) {
    village.register(1);
    assert!(!village.meter.check_access(&meter_id(0)));
    village.pay(0, 1, Plan::UsageBased);
    assert!(events(&village).contains(&state("active", 0)));
    assert!(village.meter.check_access(&meter_id(0)));
    assert!(village.record(0).active);
}

fn other_modes_are_active_from_the_start_and_never_charged(village: Village) {
    for mode in [1, 2] {
        let id = village.register_as(mode);
        assert!(village.meter.check_access(&id));
    }
    village.wait(HOUR);
    village.settle(
        &village
            .next_batch()
            .with(&[(0, standard(100)), (1, standard(200))]),
    );
    assert_eq!(events(&village).len(), 1, "nothing but the batch");
    let records = [village.record(0), village.record(1)];
    assert_eq!(records.each_ref().map(|record| record.total_wh), [100, 200]);
    assert_eq!(records.each_ref().map(|record| record.balance), [0, 0]);
    assert_eq!(records.each_ref().map(|record| record.mode), [1, 2]);
}

fn credit_used_up_deactivates_in_the_batch(village: Village) {
    village.register(3);
    village.pay(0, 1_200_000, Plan::UsageBased);
    village.pay(2, 1_200_000, Plan::UsageBased);
    village.wait(HOUR);
    village.settle(
        &village
            .next_batch()
            .with(&[(0, standard(1_000)), (2, standard(999))]),
    );
    assert_eq!(events(&village)[0], page_event(0, 0, 0b001, 0));
    assert!(!village.meter.check_access(&meter_id(0)));
    assert!(village.meter.check_access(&meter_id(2)));
}

fn usage_beyond_the_credit_becomes_arrears(village: Village) {
    village.register(1);
    village.pay(0, 1_000, Plan::UsageBased);
    village.wait(HOUR);
    village.settle(&village.next_batch().with(&[(0, standard(1_000))]));
    assert_eq!(village.record(0).balance, 1_000 - 1_200_000);
}

fn arrears_are_paid_before_the_meter_is_active_again(village: Village) {
    village.register(1);
    village.wait(HOUR);
    village.settle(&village.next_batch().with(&[(0, standard(1_000))]));
    assert_eq!(village.pay(0, 1_200_000, Plan::UsageBased), 0);
    assert!(
        !village.meter.check_access(&meter_id(0)),
        "nothing is left to use"
    );
    assert_eq!(village.pay(0, 1, Plan::UsageBased), 1);
    assert!(village.meter.check_access(&meter_id(0)));
}

fn a_plan_that_ends_deactivates_also_a_meter_that_was_not_read(village: Village) {
    village.register(2);
    village.pay(0, DAILY, Plan::Daily);
    village.pay(1, DAILY, Plan::Daily);
    village.wait(DAY - HOUR);
    village.settle(&village.next_batch().with(&[(0, included(10))]));
    assert_eq!(events(&village).len(), 1, "both plans still run");
    village.wait(HOUR);
    village.settle(&village.next_batch().with(&[(0, included(10))]));
    assert_eq!(events(&village)[0], page_event(0, 0, 0b11, 0));
}

fn an_unchanged_state_is_not_announced(village: Village) {
    village.register(1);
    village.pay(0, 10_000_000, Plan::UsageBased);
    village.pay(0, 10_000_000, Plan::UsageBased);
    assert_eq!(events(&village).len(), 1, "the payment alone");
    village.meter.activate_meter(&meter_id(0));
    assert_eq!(events(&village), []);
}

fn a_deactivated_meter_is_inactive_whatever_it_has_paid(village: Village) {
    village.register(1);
    village.pay(0, DAILY, Plan::Daily);
    village.meter.deactivate_meter(&meter_id(0));
    assert_eq!(events(&village), [state("inactive", 0)]);
    assert!(!village.meter.check_access(&meter_id(0)));
    village.pay(0, 50, Plan::UsageBased);
    assert_eq!(events(&village).len(), 1, "the credit waits");
    assert!(village.record(0).deactivated);
    village.meter.activate_meter(&meter_id(0));
    assert_eq!(events(&village), [state("active", 0)]);
    assert!(village.meter.check_access(&meter_id(0)));
}

fn two_hundred_meters_running_dry_together_fit_into_one_batch(village: Village) {
    village.register(200);
    for slot in 0..200 {
        village.pay(slot, 1, Plan::UsageBased);
    }
    village.wait(HOUR);
    let usage: Vec<_> = (0..200).map(|slot| (slot, [1, 2, 3, 0, 0])).collect();
    let receipt = village.settle(
        &Draft {
            from: START,
            ..village.next_batch()
        }
        .with(&usage),
    );
    let said = events(&village);
    assert_eq!(receipt.accepted_wh, 1_200);
    assert_eq!(said.len(), 5, "four pages and the batch");
    assert_eq!(said[0], page_event(0, 0, u64::MAX, 0));
    assert_eq!(said[3], page_event(3, 0, 0xff, 0));
    assert!(!village.meter.check_access(&meter_id(199)));
}

/// The network's limits of mid-2026, of which nobody should have to fear one: ledgers run nearly full.
fn two_hundred_meters_running_dry_together_take_a_fifth_of_any_limit(village: Village) {
    village.register(200);
    for slot in 0..200 {
        village.pay(slot, 1, Plan::UsageBased);
    }
    village.wait(HOUR);
    let usage: Vec<_> = (0..200)
        .map(|slot| (slot, [100, 200, 300, 0, 400]))
        .collect();
    let draft = village.next_batch().with(&usage);
    let sent: usize = draft.pages.iter().map(|(_, data)| data.len()).sum();
    village.settle(&draft);
    let used = village.env.cost_estimate().resources();
    let shares = [
        (used.instructions, 400_000_000),
        (used.mem_bytes, 41_943_040),
        (i64::from(used.write_entries), 200),
        (i64::from(used.write_bytes), 132_096),
        (i64::from(used.contract_events_size_bytes), 16_384),
        (sent as i64 + 1_024, 132_096),
    ];
    for (used, limit) in shares {
        assert!(used * 5 <= limit, "{used} of {limit}");
    }
}
