//! Meters reported alone, by a gateway that never batches: units are all usage ever, so a repeat changes nothing.

use meter::errors::Error;
use meter::types::Plan;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::xdr::ScVal;
use soroban_sdk::Address;

use crate::village::{
    assert_refused, meter_id, verdict, Village, DAILY, DAY, HOUR, RATES, SITE, START,
};
use crate::wire::{event, events};

crate::laws!(
    reported_usage_is_charged_at_the_standard_rate,
    a_report_is_announced,
    a_repeated_report_changes_nothing,
    a_plan_a_market_credit_and_a_balance_pay_in_this_order,
    only_what_the_plan_window_can_have_carried_is_included,
    a_running_plan_pays_at_any_second,
    reports_in_quick_succession_pass_no_cap,
    a_report_may_not_go_back,
    more_than_the_connection_can_carry_is_refused,
    a_deactivated_meter_is_refused,
    a_site_that_batches_takes_no_single_reports,
    batches_may_start_later,
    other_modes_are_counted_and_not_charged,
    only_a_signer_of_the_site_reports,
    without_a_price_nothing_is_reported,
);

fn report(village: &Village, units: u64) -> Result<u64, soroban_sdk::Error> {
    let signer = &village.signer;
    verdict(village.meter.try_update_usage(signer, &meter_id(0), &units))
}

fn reported_usage_is_charged_at_the_standard_rate(village: Village) {
    village.register(1);
    village.pay(0, 2_000_000, Plan::UsageBased);
    village.wait(HOUR + 10);
    assert_eq!(report(&village, 1_500), Ok(1_500));
    let record = village.record(0);
    assert_eq!(record.balance, 2_000_000 - RATES[1] * 3 / 2);
    assert_eq!(
        (record.total_wh, record.last_read_at),
        (1_500, START + HOUR + 10)
    );
    assert_eq!(village.meter.get_usage(&meter_id(0)), 1_500);
}

fn a_report_is_announced(village: Village) {
    village.register(1);
    village.pay(0, 1_200_000, Plan::UsageBased);
    village.wait(HOUR);
    report(&village, 1_000).expect("plausible");
    let topics = [ScVal::U64(meter_id(0))];
    let usage = event(
        "usage",
        &topics,
        &[
            ("accepted_wh", ScVal::U64(1_000)),
            ("balance", ScVal::I64(0)),
            ("total_wh", ScVal::U64(1_000)),
        ],
    );
    let inactive = event("inactive", &topics, &[]);
    assert_eq!(events(&village), [inactive, usage]);
}

fn a_repeated_report_changes_nothing(village: Village) {
    village.register(1);
    village.wait(HOUR);
    report(&village, 1_000).expect("plausible");
    let record = village.record(0);
    village.wait(HOUR);
    for _ in 0..3 {
        assert_eq!(report(&village, 1_000), Ok(1_000));
        assert_eq!(events(&village), []);
        assert_eq!(village.record(0), record);
    }
}

fn a_plan_a_market_credit_and_a_balance_pay_in_this_order(village: Village) {
    village.meter.set_market(&Some(village.admin.clone()));
    village.register(1);
    village.pay(0, DAILY + 1_200_000, Plan::Daily);
    village.meter.add_market_credit(&meter_id(0), &300);
    village.wait(HOUR);
    report(&village, 5_000).expect("plausible");
    let record = village.record(0);
    assert_eq!((record.market_credit_wh, record.balance), (300, 1_200_000));
    village.wait(DAY);
    // The plan ended 23 hours ago by then; what it can't have carried is drawn, then charged.
    report(&village, 5_000 + 23 * 5_000 + 1 + 800).expect("plausible");
    let record = village.record(0);
    assert_eq!(
        (record.market_credit_wh, record.balance),
        (0, 1_200_000 - RATES[1] / 2)
    );
}

fn only_what_the_plan_window_can_have_carried_is_included(village: Village) {
    village.register(1);
    village.wait(HOUR);
    village.pay(0, DAILY, Plan::Daily);
    village.wait(HOUR);
    // One of two hours lies in the window: 5 kWh, and one Wh for rounding.
    report(&village, 6_001).expect("plausible");
    assert_eq!(village.record(0).balance, -RATES[1]);
}

fn a_running_plan_pays_at_any_second(village: Village) {
    village.register(1);
    village.pay(0, DAILY, Plan::Daily);
    for (after_s, units) in [(899, 1_248), (1, 1_250), (7, 1_259)] {
        village.wait(after_s);
        assert_eq!(report(&village, units), Ok(units));
        assert_eq!(village.record(0).balance, 0);
    }
}

fn reports_in_quick_succession_pass_no_cap(village: Village) {
    village.register(1);
    village.wait(HOUR + 720);
    assert_eq!(report(&village, 6_000), Ok(6_000));
    village.wait(72);
    assert_refused(report(&village, 6_000 + 102), Error::ImplausibleUsage);
    assert_eq!(report(&village, 6_000 + 101), Ok(6_101));
    assert_refused(report(&village, 6_101 + 2), Error::ImplausibleUsage);
}

fn a_report_may_not_go_back(village: Village) {
    village.register(1);
    village.wait(HOUR);
    report(&village, 1_000).expect("plausible");
    assert_refused(report(&village, 999), Error::UsageGoesBack);
    assert_refused(report(&village, 0), Error::UsageGoesBack);
    assert_eq!(village.record(0).total_wh, 1_000);
}

fn more_than_the_connection_can_carry_is_refused(village: Village) {
    village.register(1);
    village.wait(HOUR);
    for units in [5_002, u64::from(u32::MAX) + 1, u64::MAX] {
        assert_refused(report(&village, units), Error::ImplausibleUsage);
    }
    assert_eq!(report(&village, 5_001), Ok(5_001));
    assert_refused(report(&village, 5_003), Error::ImplausibleUsage);
}

fn a_deactivated_meter_is_refused(village: Village) {
    village.register(1);
    village.wait(HOUR);
    village.meter.deactivate_meter(&meter_id(0));
    assert_refused(report(&village, 1), Error::MeterDeactivated);
    village.meter.activate_meter(&meter_id(0));
    assert_eq!(report(&village, 1), Ok(1));
}

fn a_site_that_batches_takes_no_single_reports(village: Village) {
    village.register(1);
    village.wait(HOUR);
    village.settle(&village.next_batch());
    assert_refused(report(&village, 1), Error::SettledByBatches);
}

fn batches_may_start_later(village: Village) {
    village.register(1);
    village.wait(HOUR);
    report(&village, 2_000).expect("plausible");
    village.wait(HOUR);
    let receipt = village.settle(&village.next_batch().with(&[(0, [0, 5_001, 0, 0, 0])]));
    assert_eq!((receipt.accepted_wh, receipt.residue_wh), (5_001, 0));
    assert_eq!(village.record(0).total_wh, 7_001);
}

fn other_modes_are_counted_and_not_charged(village: Village) {
    for (slot, mode) in [(0, 1), (1, 2)] {
        let id = village.register_as(mode);
        village.wait(HOUR);
        village.meter.update_usage(&village.signer, &id, &4_000);
        let record = village.record(slot);
        assert_eq!((record.total_wh, record.balance), (4_000, 0));
    }
}

fn only_a_signer_of_the_site_reports(village: Village) {
    village.register(1);
    village.wait(HOUR);
    let stranger = Address::generate(&village.env);
    let answer = village.meter.try_update_usage(&stranger, &meter_id(0), &1);
    assert_refused(verdict(answer), Error::NotAllowed);
    let elsewhere = village
        .meter
        .try_update_usage(&village.signer, &(99 << 32), &1);
    assert_refused(verdict(elsewhere), Error::UnknownSite);
    assert_refused(
        verdict(
            village
                .meter
                .try_update_usage(&village.signer, &meter_id(1), &1),
        ),
        Error::UnknownMeter,
    );
    report(&village, 1).expect("plausible");
    village.assert_signed_by(&village.signer);
    village.meter.pause();
    assert!(report(&village, 2).is_err(), "paused");
    assert_eq!(village.meter.get_site(&SITE).next_slot, 1);
}

fn without_a_price_nothing_is_reported(village: Village) {
    village.register(1);
    village.wait(HOUR);
    village.forget_prices();
    assert_refused(report(&village, 1), Error::NoPriceInForce);
}
