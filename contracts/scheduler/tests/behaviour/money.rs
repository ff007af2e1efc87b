//! Amounts: exact at creation, in stroops, with the rest below a stroop carried, and fixed from then on.

use scheduler::types::Status;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::Address;

use crate::village::{Village, DAY, GRANT, HOUR, METER_ID, OTHER_ID, PRICE, START};

crate::laws!(
    the_missions_figures_are_exact,
    what_is_below_a_stroop_is_carried_to_the_next_hour,
    an_amount_is_fixed_when_the_oracle_has_forgotten_the_hour,
    hours_may_be_scheduled_in_any_order,
    each_meter_has_its_own_book,
    a_new_provider_receives_from_the_next_payment_on,
    the_dearest_hour_is_charged,
);

/// 2.5 kWh x 0.12 = 0.30 and 3.1 kWh x 0.18 = 0.558, with seven decimals.
fn the_missions_figures_are_exact(village: Village) {
    let village = village.subscribed();
    let first = village.charge(0, 2_500, 1_200_000);
    let second = village.charge(1, 3_100, 1_800_000);
    let amounts = [first, second].map(|id| village.shown(id).amount);
    assert_eq!(amounts, [3_000_000, 5_580_000]);
    for id in [first, second] {
        village.scheduler.execute(&id);
    }
    assert_eq!(village.holdings(), [GRANT - 8_580_000, GRANT, 8_580_000]);
    assert_eq!(village.account().remainder, 0);
}

fn what_is_below_a_stroop_is_carried_to_the_next_hour(village: Village) {
    let village = village.subscribed();
    // 333 thousandths of a stroop an hour: nothing, nothing, nothing, then one.
    let amounts: Vec<i64> = (0..7)
        .map(|number| {
            let id = village.charge(number, 333, 1);
            village.shown(id).amount
        })
        .collect();
    assert_eq!(amounts, [0, 0, 0, 1, 0, 0, 1]);
    assert_eq!(village.account().remainder, 7 * 333 - 2_000);
}

fn an_amount_is_fixed_when_the_oracle_has_forgotten_the_hour(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 2_500, 1_200_000);
    village.wait_until(20 * DAY);
    village.record(24 * 19, 1, 4_000_000_000);
    let due = village.scheduler.reschedule_expired(&id);
    village.wait(due - village.now());
    assert_eq!(village.scheduler.execute(&id), Status::Executed);
    assert_eq!(village.shown(id).paid, 3_000_000);
}

fn hours_may_be_scheduled_in_any_order(village: Village) {
    let village = village.subscribed();
    village.wait_until(5 * HOUR);
    (0..5).for_each(|number| village.record(number, 1_501, 999));
    for number in [3, 0, 4, 1, 2] {
        village.scheduler.execute(&village.schedule(number));
    }
    let exact = 5 * 1_501 * 999;
    assert_eq!(village.account().paid, exact / 1_000);
    assert_eq!(i64::from(village.account().remainder), exact % 1_000);
}

fn each_meter_has_its_own_book(village: Village) {
    let village = village.subscribed();
    village.scheduler.subscribe(&village.juma, &OTHER_ID);
    village.approve(&village.juma, GRANT);
    let mine = village.charge(0, 1_000, PRICE);
    let other = village.scheduler.schedule_payment(&OTHER_ID, &START);
    assert_ne!(mine, other);
    village.scheduler.execute(&other);
    let kwh = i128::from(PRICE);
    assert_eq!(village.holdings(), [GRANT, GRANT - kwh, kwh]);
    assert_eq!(village.shown(mine).status, Status::Pending);
    assert_eq!(village.scheduler.get_account(&OTHER_ID).paid, PRICE);
    assert_eq!(village.account().paid, 0);
    assert_eq!(village.scheduler.get_open(&METER_ID).len(), 1);
}

fn a_new_provider_receives_from_the_next_payment_on(village: Village) {
    let village = village.subscribed();
    let [first, second] = [0, 1].map(|number| village.charge(number, 1_000, PRICE));
    village.scheduler.execute(&first);
    let heir = Address::generate(&village.env);
    village.scheduler.set_provider(&heir);
    assert_eq!(village.said_names(), ["provider"]);
    assert_eq!(village.scheduler.get_provider(), heir);
    village.scheduler.execute(&second);
    let kwh = i128::from(PRICE);
    assert_eq!(
        (village.holdings()[2], village.token.balance(&heir)),
        (kwh, kwh)
    );
}

fn the_dearest_hour_is_charged(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 60_000, u32::MAX.into());
    let exact = 60_000 * i64::from(u32::MAX);
    assert_eq!(village.shown(id).amount, exact / 1_000);
    assert_eq!(i64::from(village.account().remainder), exact % 1_000);
}
