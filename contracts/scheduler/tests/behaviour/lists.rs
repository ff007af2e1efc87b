//! Many meters in one call: each as if it came alone, and none stops another.

use scheduler::errors::Error;
use scheduler::types::Status;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::{Address, Vec};

use crate::village::{
    assert_refused, verdict, Village, GRANT, HOUR, METER_ID, OTHER_ID, POSTPAID_ID, PRICE, SITE,
    START,
};

crate::laws!(
    a_list_of_meters_is_scheduled_as_one_by_one,
    a_list_of_schedules_is_executed_as_one_by_one,
    a_list_has_one_to_twenty_five_entries,
    a_full_list_fits_the_networks_limits,
);

fn a_list_of_meters_is_scheduled_as_one_by_one(village: Village) {
    let village = village.subscribed();
    village.wait_until(HOUR);
    village.record(0, 1_000, PRICE);
    let known = village.schedule(0);
    let meters = [POSTPAID_ID, METER_ID, 0, OTHER_ID, METER_ID, u64::MAX];
    let list = Vec::from_array(&village.env, meters);
    let ids = village.scheduler.schedule_payments(&list, &START);
    let other = ids.get(3).flatten().expect("it streams");
    let expected = [None, Some(known), None, Some(other), Some(known), None];
    assert_eq!(ids, Vec::from_array(&village.env, expected));
    assert_eq!(village.account().open, PRICE);
    let again = village.scheduler.schedule_payments(&list, &START);
    assert_eq!(again, ids);
    let nothing = village.scheduler.schedule_payments(&list, &(START + 1));
    assert_eq!(nothing, Vec::from_array(&village.env, [None; 6]));
}

fn a_list_of_schedules_is_executed_as_one_by_one(village: Village) {
    let village = village.subscribed();
    let [paid, short, failing] = [0, 1, 2].map(|number| village.charge(number, 1_000, PRICE));
    village.wait_until(4 * HOUR - 900);
    village.record(3, 1_000, PRICE);
    let early = village.schedule(3);
    let kwh = i128::from(PRICE);
    village.approve(&village.amina, kwh + 5);
    let ids = [0, paid, early, short, paid, failing];
    let list = Vec::from_array(&village.env, ids);
    let statuses = village.scheduler.execute_all(&list);
    let (executed, queued) = (Some(Status::Executed), Some(Status::RetryQueued));
    let expected = [None, executed, None, queued, executed, queued];
    assert_eq!(statuses, Vec::from_array(&village.env, expected));
    assert_eq!(village.holdings(), [GRANT - kwh, GRANT, kwh]);
    assert_eq!(village.shown(early).status, Status::Created);
}

fn a_list_has_one_to_twenty_five_entries(village: Village) {
    for count in [0, 26, 100] {
        let list = Vec::from_iter(&village.env, (0..count).map(|n| METER_ID + n));
        let answer = village.scheduler.try_schedule_payments(&list, &START);
        assert_refused(verdict(answer), Error::InvalidCount);
        let answer = village.scheduler.try_execute_all(&list);
        assert_refused(verdict(answer), Error::InvalidCount);
    }
}

/// 25 users and meters: at most 200 entries written and 16 KiB of events and returned value.
fn a_full_list_fits_the_networks_limits(village: Village) {
    let meters: std::vec::Vec<u64> = (10..35).map(|slot| u64::from(SITE) << 32 | slot).collect();
    village.register_until(35);
    // Signatures that are granted without keys cost the test's budget, too; what the calls use is checked below.
    village.env.cost_estimate().budget().reset_unlimited();
    for meter_id in &meters {
        let user = Address::generate(&village.env);
        village.electric.grant(&user);
        village.scheduler.subscribe(&user, meter_id);
        village.approve(&user, GRANT);
    }
    village.wait_until(HOUR);
    village.record_all(0, 1_000, PRICE);
    let list = Vec::from_slice(&village.env, &meters);
    let ids = village.scheduler.schedule_payments(&list, &START);
    check_limits(&village);
    let ids = Vec::from_iter(&village.env, ids.iter().flatten());
    let statuses = village.scheduler.execute_all(&ids);
    check_limits(&village);
    assert_eq!(
        statuses,
        Vec::from_iter(&village.env, [Some(Status::Executed); 25])
    );
    assert_eq!(village.holdings()[2], 25 * i128::from(PRICE));
}

fn check_limits(village: &Village) {
    let used = village.env.cost_estimate().resources();
    assert!(used.write_entries <= 200, "{used:?}");
    assert!(used.write_bytes <= 132_096, "{used:?}");
    assert!(used.contract_events_size_bytes <= 15_000, "{used:?}");
    assert!(used.instructions <= 200_000_000, "{used:?}");
}
