//! Money in: credit, whole plans, and windows whose edges fall on the grid in the household's favour.

use meter::errors::Error;
use meter::types::Plan;
use soroban_sdk::xdr::ScVal;

use crate::drafts::{included, standard};
use crate::village::{
    assert_refused, meter_id, verdict, Village, DAILY, DAY, HOUR, RATES, START, WEEKLY,
};
use crate::wire::{address, event, events, i128};

crate::laws!(
    credit_is_added_to_the_balance_and_the_money_moves,
    a_payment_is_announced,
    a_plan_opens_at_the_grid_point_before_and_closes_at_the_one_after,
    a_plan_bought_on_the_grid_lasts_exactly_as_long_as_it_says,
    several_plans_are_bought_at_once_and_the_rest_is_credit,
    a_running_plan_grows_at_its_end,
    a_settled_plan_gives_way_to_a_new_one,
    a_plan_that_lapsed_unsettled_is_kept_open,
    a_plan_pays_for_usage_inside_it_only,
    less_than_one_plan_is_refused,
    a_plan_without_a_price_is_not_offered,
    a_plan_is_for_prepaid_meters_only,
    without_a_price_in_force_only_credit_is_sold,
    amounts_are_positive_and_fit,
    a_plan_beyond_the_end_of_time_is_refused,
    the_payer_signs,
    a_payer_without_money_changes_nothing,
    an_unknown_meter_takes_no_money,
);

fn window(village: &Village) -> (u64, u64) {
    let record = village.record(0);
    (record.paid_from, record.paid_until)
}

fn pay(village: &Village, amount: i128, plan: Plan) -> Result<i64, soroban_sdk::Error> {
    let (payer, id) = (&village.payer, meter_id(0));
    verdict(village.meter.try_make_payment(payer, &id, &amount, &plan))
}

fn credit_is_added_to_the_balance_and_the_money_moves(village: Village) {
    village.register(1);
    let before = village.token.balance(&village.payer);
    assert_eq!(village.pay(0, 700, Plan::UsageBased), 700);
    assert_eq!(village.pay(0, 50, Plan::UsageBased), 750);
    assert_eq!(village.token.balance(&village.meter.address), 750);
    assert_eq!(village.token.balance(&village.payer), before - 750);
    assert_eq!((village.record(0).plan, window(&village)), (3, (0, 0)));
}

fn a_payment_is_announced(village: Village) {
    village.register(1);
    village.pay(0, DAILY + 7, Plan::Daily);
    let said = events(&village);
    let payment = event(
        "payment",
        &[ScVal::U64(meter_id(0))],
        &[
            ("amount", i128((DAILY + 7).into())),
            ("balance", ScVal::I64(7)),
            ("paid_from", ScVal::U64(START)),
            ("paid_until", ScVal::U64(START + DAY)),
            ("payer", address(&village.payer)),
            ("plan", ScVal::U32(1)),
        ],
    );
    let active = event("active", &[ScVal::U64(meter_id(0))], &[]);
    assert_eq!(said.len(), 2);
    assert!(
        said.contains(&payment) && said.contains(&active),
        "{said:?}"
    );
}

fn a_plan_opens_at_the_grid_point_before_and_closes_at_the_one_after(village: Village) {
    village.register(1);
    village.wait(HOUR + 1);
    village.pay(0, DAILY, Plan::Daily);
    assert_eq!(window(&village), (START + HOUR, START + HOUR + DAY + 900));
}

fn a_plan_bought_on_the_grid_lasts_exactly_as_long_as_it_says(village: Village) {
    village.register(1);
    village.pay(0, WEEKLY, Plan::Weekly);
    assert_eq!(window(&village), (START, START + 7 * DAY));
    assert_eq!(village.record(0).plan, 2);
    village.wait(7 * DAY - 1);
    assert!(village.meter.check_access(&meter_id(0)));
    village.wait(1);
    assert!(!village.meter.check_access(&meter_id(0)));
}

fn several_plans_are_bought_at_once_and_the_rest_is_credit(village: Village) {
    village.register(1);
    assert_eq!(village.pay(0, 3 * DAILY + 42, Plan::Daily), 42);
    assert_eq!(window(&village), (START, START + 3 * DAY));
}

fn a_running_plan_grows_at_its_end(village: Village) {
    village.register(1);
    village.pay(0, DAILY, Plan::Daily);
    village.wait(HOUR + 1);
    village.pay(0, DAILY, Plan::Daily);
    assert_eq!(window(&village), (START, START + 2 * DAY));
    village.pay(0, WEEKLY, Plan::Weekly);
    assert_eq!(window(&village), (START, START + 9 * DAY));
}

fn a_settled_plan_gives_way_to_a_new_one(village: Village) {
    village.register(1);
    village.pay(0, DAILY, Plan::Daily);
    village.wait(DAY + HOUR);
    village.settle(&village.next_batch().with(&[(0, included(500))]));
    village.wait(HOUR + 10);
    village.pay(0, DAILY, Plan::Daily);
    let opened = START + DAY + 2 * HOUR;
    assert_eq!(window(&village), (opened, opened + DAY + 900));
}

fn a_plan_that_lapsed_unsettled_is_kept_open(village: Village) {
    village.register(1);
    village.pay(0, DAILY, Plan::Daily);
    village.wait(2 * DAY + 10);
    village.pay(0, DAILY, Plan::Daily);
    assert_eq!(window(&village), (START, START + 3 * DAY + 900));
    // What was used inside the first plan is still included.
    let receipt = village.settle(&village.next_batch().with(&[(0, included(9_000))]));
    assert_eq!((receipt.accepted_wh, village.record(0).balance), (9_000, 0));
}

fn a_plan_pays_for_usage_inside_it_only(village: Village) {
    village.register(1);
    village.wait(HOUR);
    village.pay(0, DAILY, Plan::Daily);
    village.wait(HOUR);
    village.settle(&village.next_batch().with(&[(0, [1_000, 0, 0, 2_000, 0])]));
    let record = village.record(0);
    assert_eq!((record.total_wh, record.balance), (3_000, -RATES[0]));
    assert!(record.active, "the plan runs on, whatever is owed");
}

fn less_than_one_plan_is_refused(village: Village) {
    village.register(1);
    assert_refused(
        pay(&village, i128::from(DAILY) - 1, Plan::Daily),
        Error::AmountBelowPlanPrice,
    );
    assert_refused(
        pay(&village, i128::from(WEEKLY) - 1, Plan::Weekly),
        Error::AmountBelowPlanPrice,
    );
    assert_eq!(village.token.balance(&village.meter.address), 0);
}

fn a_plan_without_a_price_is_not_offered(village: Village) {
    village.register(1);
    village.set_prices(START + 900, RATES, [DAILY, 0]);
    village.wait(900);
    assert_refused(
        pay(&village, WEEKLY.into(), Plan::Weekly),
        Error::PlanNotOffered,
    );
    assert_eq!(pay(&village, DAILY.into(), Plan::Daily), Ok(0));
}

/// A streaming or postpaid meter isn't charged here: a plan would take money for nothing.
fn a_plan_is_for_prepaid_meters_only(village: Village) {
    for mode in [1, 2] {
        let id = village.register_as(mode);
        for plan in [Plan::Daily, Plan::Weekly] {
            let answer = village
                .meter
                .try_make_payment(&village.payer, &id, &WEEKLY.into(), &plan);
            assert_refused(verdict(answer), Error::PlanNotForMode);
        }
        let slot = id as u32;
        assert_eq!(village.pay(slot, 70, Plan::UsageBased), 70);
        assert_eq!(village.record(slot).paid_until, 0);
    }
    assert_eq!(village.token.balance(&village.meter.address), 140);
}

fn without_a_price_in_force_only_credit_is_sold(village: Village) {
    village.register(1);
    village.forget_prices();
    assert_refused(
        pay(&village, DAILY.into(), Plan::Daily),
        Error::NoPriceInForce,
    );
    assert_eq!(pay(&village, 5, Plan::UsageBased), Ok(5));
}

fn amounts_are_positive_and_fit(village: Village) {
    village.register(1);
    for amount in [0, -1, i128::MIN, i64::MIN.into()] {
        for plan in [Plan::Daily, Plan::Weekly, Plan::UsageBased] {
            assert_refused(pay(&village, amount, plan), Error::AmountNotPositive);
        }
    }
    for amount in [i128::from(i64::MAX) + 1, i128::MAX] {
        assert_refused(
            pay(&village, amount, Plan::UsageBased),
            Error::AmountTooLarge,
        );
    }
    village.pay(0, 1, Plan::UsageBased);
    assert_refused(
        pay(&village, i64::MAX.into(), Plan::UsageBased),
        Error::AmountTooLarge,
    );
    assert_eq!(village.record(0).balance, 1);
}

fn a_plan_beyond_the_end_of_time_is_refused(village: Village) {
    village.register(1);
    let weeks_until_2106 = i128::from((u64::from(u32::MAX) - START) / (7 * DAY));
    village.set_prices(START + 900, RATES, [1, 1]);
    village.wait(900);
    assert_refused(
        pay(&village, weeks_until_2106 + 1, Plan::Weekly),
        Error::AmountTooLarge,
    );
    assert_refused(
        pay(&village, i64::MAX.into(), Plan::Weekly),
        Error::AmountTooLarge,
    );
    assert_eq!(pay(&village, weeks_until_2106 - 1, Plan::Weekly), Ok(0));
}

fn the_payer_signs(village: Village) {
    village.register(1);
    village.pay(0, 5, Plan::UsageBased);
    village.assert_signed_by(&village.payer);
    village.env.set_auths(&[]);
    assert!(
        pay(&village, 5, Plan::UsageBased).is_err(),
        "nobody has signed"
    );
    assert_eq!(village.record(0).balance, 5);
}

fn a_payer_without_money_changes_nothing(village: Village) {
    village.register(1);
    let savings = village.token.balance(&village.payer);
    assert!(pay(&village, savings + 1, Plan::UsageBased).is_err());
    assert_eq!(village.record(0).balance, 0);
    village.wait(HOUR);
    village.settle(&village.next_batch().with(&[(0, standard(1))]));
    assert!(!village.record(0).active);
}

fn an_unknown_meter_takes_no_money(village: Village) {
    assert_refused(pay(&village, 5, Plan::UsageBased), Error::UnknownMeter);
    assert_eq!(village.token.balance(&village.meter.address), 0);
}
