//! Energy bought on the market: only the market moves it, and a meter draws it before money.

use meter::errors::Error;
use meter::types::Plan;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::xdr::ScVal;
use soroban_sdk::Address;

use crate::drafts::{market, standard};
use crate::village::{assert_refused, meter_id, verdict, Village, HOUR, RATES};
use crate::wire::{address, event, events, page_event};

crate::laws!(
    only_the_named_market_moves_credit,
    without_a_market_nobody_moves_credit,
    credit_is_added_taken_and_announced,
    more_than_there_is_can_not_be_taken,
    credit_is_above_zero_and_fits,
    credit_is_for_prepaid_meters_only,
    a_paused_contract_moves_no_credit,
    a_meter_with_market_credit_is_active,
    market_energy_is_drawn_before_money,
    market_energy_beyond_the_credit_costs_the_standard_rate,
    market_usage_of_other_modes_only_counts,
    market_usage_counts_against_the_greatest_power,
);

fn add(village: &Village, wh: u32) -> Result<u32, soroban_sdk::Error> {
    verdict(village.meter.try_add_market_credit(&meter_id(0), &wh))
}

fn take(village: &Village, wh: u32) -> Result<u32, soroban_sdk::Error> {
    verdict(village.meter.try_take_market_credit(&meter_id(0), &wh))
}

/// A village with a market and one prepaid meter.
fn open_market(village: &Village) -> Address {
    let market = Address::generate(&village.env);
    village.meter.set_market(&Some(market.clone()));
    village.register(1);
    market
}

fn only_the_named_market_moves_credit(village: Village) {
    let market = open_market(&village);
    village.meter.add_market_credit(&meter_id(0), &5);
    village.assert_signed_by(&market);
    village.meter.take_market_credit(&meter_id(0), &1);
    village.assert_signed_by(&market);
    village.env.set_auths(&[]);
    assert!(village
        .meter
        .try_add_market_credit(&meter_id(0), &5)
        .is_err());
    assert!(village
        .meter
        .try_take_market_credit(&meter_id(0), &1)
        .is_err());
    assert_eq!(village.record(0).market_credit_wh, 4);
}

fn without_a_market_nobody_moves_credit(village: Village) {
    village.register(1);
    assert_eq!(village.meter.get_market(), None);
    assert_refused(add(&village, 1), Error::NoMarket);
    let market = Address::generate(&village.env);
    village.meter.set_market(&Some(market.clone()));
    let named = event("market", &[], &[("market", address(&market))]);
    assert_eq!(events(&village), [named]);
    assert_eq!(village.meter.get_market(), Some(market));
    assert_eq!(add(&village, 1), Ok(1));
    village.meter.set_market(&None);
    assert_refused(take(&village, 1), Error::NoMarket);
}

fn credit_is_added_taken_and_announced(village: Village) {
    open_market(&village);
    assert_eq!(add(&village, 700), Ok(700));
    let credit = |wh| {
        event(
            "market_credit",
            &[ScVal::U64(meter_id(0))],
            &[("credit_wh", ScVal::U32(wh))],
        )
    };
    assert!(events(&village).contains(&credit(700)));
    assert_eq!(take(&village, 200), Ok(500));
    assert_eq!(events(&village), [credit(500)]);
    assert_eq!(village.record(0).market_credit_wh, 500);
}

fn more_than_there_is_can_not_be_taken(village: Village) {
    open_market(&village);
    assert_refused(take(&village, 1), Error::MarketCreditTooSmall);
    add(&village, 10).expect("the market adds");
    assert_refused(take(&village, 11), Error::MarketCreditTooSmall);
    assert_eq!(take(&village, 10), Ok(0));
}

fn credit_is_above_zero_and_fits(village: Village) {
    open_market(&village);
    assert_refused(add(&village, 0), Error::AmountNotPositive);
    assert_refused(take(&village, 0), Error::AmountNotPositive);
    add(&village, 1).expect("the market adds");
    assert_refused(add(&village, u32::MAX), Error::AmountTooLarge);
    let unknown = village.meter.try_add_market_credit(&meter_id(9), &1);
    assert_refused(verdict(unknown), Error::UnknownMeter);
}

fn credit_is_for_prepaid_meters_only(village: Village) {
    village.meter.set_market(&Some(village.admin.clone()));
    for mode in [1, 2] {
        let id = village.register_as(mode);
        let answer = village.meter.try_add_market_credit(&id, &1);
        assert_refused(verdict(answer), Error::MeterNotPrepaid);
    }
}

fn a_paused_contract_moves_no_credit(village: Village) {
    open_market(&village);
    village.meter.pause();
    assert!(add(&village, 1).is_err() && take(&village, 1).is_err());
    assert_eq!(village.record(0).market_credit_wh, 0);
}

fn a_meter_with_market_credit_is_active(village: Village) {
    open_market(&village);
    add(&village, 100).expect("the market adds");
    let active = event("active", &[ScVal::U64(meter_id(0))], &[]);
    assert!(events(&village).contains(&active));
    assert!(village.meter.check_access(&meter_id(0)));
    village.wait(HOUR);
    village.settle(&village.next_batch().with(&[(0, market(99))]));
    assert_eq!(events(&village).len(), 1, "one Wh is left");
    village.wait(HOUR);
    village.settle(&village.next_batch().with(&[(0, market(1))]));
    assert_eq!(events(&village)[0], page_event(0, 0, 1, 0));
    assert!(!village.meter.check_access(&meter_id(0)));
}

fn market_energy_is_drawn_before_money(village: Village) {
    open_market(&village);
    add(&village, 1_000).expect("the market adds");
    village.pay(0, 2_000_000, Plan::UsageBased);
    village.wait(HOUR);
    let receipt = village.settle(&village.next_batch().with(&[(0, [0, 500, 0, 0, 400])]));
    assert_eq!((receipt.accepted_wh, receipt.residue_wh), (900, 0));
    let record = village.record(0);
    assert_eq!((record.total_wh, record.market_credit_wh), (900, 600));
    assert_eq!(record.balance, 2_000_000 - RATES[1] / 2);
}

/// The gateway can't know of a refund: what it took for bought is then charged, never refused.
fn market_energy_beyond_the_credit_costs_the_standard_rate(village: Village) {
    open_market(&village);
    add(&village, 1_000).expect("the market adds");
    take(&village, 400).expect("the market takes back");
    village.wait(HOUR);
    let receipt = village.settle(&village.next_batch().with(&[(0, market(1_000))]));
    assert_eq!((receipt.accepted_wh, receipt.residue_wh), (1_000, 0));
    let record = village.record(0);
    assert_eq!(
        (record.market_credit_wh, record.balance),
        (0, -RATES[1] * 400 / 1_000)
    );
}

fn market_usage_of_other_modes_only_counts(village: Village) {
    let id = village.register_as(1);
    village.wait(HOUR);
    village.settle(&village.next_batch().with(&[(0, market(300))]));
    let record = village.meter.get_meter(&id);
    assert_eq!((record.total_wh, record.balance), (300, 0));
}

fn market_usage_counts_against_the_greatest_power(village: Village) {
    open_market(&village);
    add(&village, 90_000).expect("the market adds");
    village.wait(HOUR);
    let over = village.settle(&village.next_batch().with(&[(0, [0, 2_501, 0, 0, 2_501])]));
    assert_eq!((over.accepted_wh, over.residue_wh), (0, 5_002));
    assert_eq!(village.record(0).market_credit_wh, 90_000);
    village.wait(HOUR);
    let within = village.settle(&village.next_batch().with(&[(0, standard(9_000))]));
    assert_eq!(within.residue_wh, 0);
}
