//! Meters of the earlier layout: moved by the admin or by whoever meets them first, and never counted as residue.

use meter::credit::TopUp;
use meter::errors::Error;
use meter::legacy::LegacyMeter;
use meter::storage::Key;
use meter::types::Plan;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::xdr::ScVal;
use soroban_sdk::Address;

use crate::drafts::{standard, top_ups_text};
use crate::village::{assert_refused, meter_id, verdict, Village, DAY, HOUR, RATES, SITE, START};
use crate::wire::{event, events, Event};

crate::laws!(
    a_migrated_meter_keeps_everything,
    migration_is_announced_once_and_repeats_change_nothing,
    reading_does_not_migrate,
    a_batch_migrates_what_it_meets,
    a_payment_migrates_the_meter,
    a_report_and_a_credit_migrate_the_meter,
    an_owner_of_its_own_is_kept,
    holes_are_unknown_meters,
    a_legacy_meter_is_not_registered_again,
    new_meters_follow_behind_the_migrated_ones,
    a_legacy_meter_of_an_unknown_site_is_not_migrated,
    what_never_was_can_not_be_migrated,
);

/// A meter as the earlier code has left it.
fn legacy(village: &Village) -> LegacyMeter {
    LegacyMeter {
        active: true,
        balance: 5_000_000,
        deactivated: false,
        last_read_at: START,
        market_credit_wh: 70,
        max_power_w: 5_000,
        mode: 0,
        owner: village.operator.clone(),
        paid_from: START - DAY,
        paid_until: START - HOUR,
        plan: 1,
        remainder: 999,
        total_wh: 123_456,
    }
}

fn put(village: &Village, slot: u32, meter: &LegacyMeter) {
    village.env.as_contract(&village.meter.address, || {
        let key = Key::LegacyMeter(meter_id(slot));
        village.env.storage().persistent().set(&key, meter);
    });
}

fn is_legacy(village: &Village, slot: u32) -> bool {
    village.env.as_contract(&village.meter.address, || {
        let key = Key::LegacyMeter(meter_id(slot));
        village.env.storage().persistent().has(&key)
    })
}

fn migrated(slot: u32) -> Event {
    let topics = [ScVal::U64(meter_id(slot))];
    event("migrated", &topics, &[("version", ScVal::U32(1))])
}

fn a_migrated_meter_keeps_everything(village: Village) {
    let before = LegacyMeter {
        active: false,
        deactivated: true,
        mode: 2,
        max_power_w: 4_999,
        balance: -7,
        ..legacy(&village)
    };
    put(&village, 5, &before);
    assert_eq!(village.meter.migrate_meter(&meter_id(5)), 1);
    assert!(!is_legacy(&village, 5));
    let after = village.record(5);
    assert_eq!(
        (after.total_wh, after.balance, after.remainder),
        (123_456, -7, 999)
    );
    assert_eq!(
        (after.paid_from, after.paid_until),
        (START - DAY, START - HOUR)
    );
    assert_eq!((after.last_read_at, after.market_credit_wh), (START, 70));
    assert_eq!((after.plan, after.mode, after.version), (1, 2, 1));
    assert_eq!((after.deactivated, after.active), (true, false));
    assert_eq!(
        after.max_power_w, 5_000,
        "kept in units of 10 W, rounded up"
    );
    assert_eq!(village.meter.get_site(&SITE).next_slot, 6);
}

fn migration_is_announced_once_and_repeats_change_nothing(village: Village) {
    put(&village, 0, &legacy(&village));
    village.meter.migrate_meter(&meter_id(0));
    assert_eq!(events(&village), [migrated(0)]);
    let page = village.meter.get_page(&SITE, &0);
    assert_eq!(village.meter.migrate_meter(&meter_id(0)), 1);
    assert_eq!(events(&village), []);
    assert_eq!(village.meter.get_page(&SITE, &0), page);
}

fn reading_does_not_migrate(village: Village) {
    put(&village, 3, &legacy(&village));
    assert!(village.meter.check_access(&meter_id(3)));
    assert_eq!(village.meter.get_usage(&meter_id(3)), 123_456);
    assert_eq!(village.record(3).balance, 5_000_000);
    assert_eq!(village.meter.get_owner(&meter_id(3)), village.operator);
    assert!(is_legacy(&village, 3));
}

fn a_batch_migrates_what_it_meets(village: Village) {
    for slot in [0, 2, 70] {
        put(&village, slot, &legacy(&village));
    }
    village.wait(HOUR);
    let usage = [
        (0, standard(1_000)),
        (1, standard(1)),
        (70, standard(2_000)),
    ];
    let receipt = village.settle(&village.next_batch().with(&usage));
    let said = events(&village);
    assert!(said.contains(&migrated(0)) && said.contains(&migrated(70)));
    assert_eq!((receipt.accepted_wh, receipt.residue_wh), (3_000, 1));
    let records = [0, 70].map(|slot| village.record(slot));
    assert_eq!(
        records.each_ref().map(|record| record.total_wh),
        [124_456, 125_456]
    );
    // 0.999 stroops were waiting, which isn't enough for one more.
    assert_eq!(records[0].balance, 5_000_000 - RATES[1]);
    assert_eq!(
        [0, 2, 70].map(|slot| is_legacy(&village, slot)),
        [false, true, false]
    );
    assert_eq!(village.meter.get_site(&SITE).next_slot, 71);
}

fn a_payment_migrates_the_meter(village: Village) {
    put(&village, 0, &legacy(&village));
    assert_eq!(village.pay(0, 7, Plan::UsageBased), 5_000_007);
    assert!(events(&village).contains(&migrated(0)));
    assert!(!is_legacy(&village, 0));
}

fn a_report_and_a_credit_migrate_the_meter(village: Village) {
    put(&village, 0, &legacy(&village));
    put(&village, 1, &legacy(&village));
    village.wait(HOUR);
    let units = 123_456 + 1_070;
    village
        .meter
        .update_usage(&village.signer, &meter_id(0), &units);
    let record = village.record(0);
    assert_eq!((record.total_wh, record.market_credit_wh), (units, 0));
    assert_eq!(record.balance, 5_000_000 - RATES[1]);
    village.meter.fund_float(&village.payer, &SITE, &10);
    let top_up = TopUp {
        meter_id: meter_id(1),
        amount: 10,
        plan: Plan::UsageBased,
    };
    let top_ups = top_ups_text(&village.env, &[top_up]);
    village.meter.credit(&village.signer, &SITE, &1, &top_ups);
    assert_eq!(village.record(1).balance, 5_000_010);
    assert_eq!([0, 1].map(|slot| is_legacy(&village, slot)), [false; 2]);
}

fn an_owner_of_its_own_is_kept(village: Village) {
    let household = Address::generate(&village.env);
    let owned = LegacyMeter {
        owner: household.clone(),
        ..legacy(&village)
    };
    put(&village, 0, &owned);
    assert_eq!(village.meter.get_owner(&meter_id(0)), household);
    village.meter.migrate_meter(&meter_id(0));
    assert_eq!(village.meter.get_owner(&meter_id(0)), household);
    put(&village, 1, &owned);
    village.meter.set_owner(&meter_id(1), &village.operator);
    assert!(!is_legacy(&village, 1));
    assert_eq!(village.meter.get_owner(&meter_id(1)), village.operator);
}

fn holes_are_unknown_meters(village: Village) {
    put(&village, 9, &legacy(&village));
    village.meter.migrate_meter(&meter_id(9));
    assert_eq!(village.meter.get_page(&SITE, &0).len(), 8 + 10 * 48);
    for slot in [0, 8, 10] {
        let answer = village.meter.try_get_meter(&meter_id(slot));
        assert_refused(verdict(answer), Error::UnknownMeter);
        let payer = &village.payer;
        let paid = village
            .meter
            .try_make_payment(payer, &meter_id(slot), &1, &Plan::UsageBased);
        assert_refused(verdict(paid), Error::UnknownMeter);
    }
    village.wait(HOUR);
    let receipt = village.settle(
        &village
            .next_batch()
            .with(&[(8, standard(5)), (9, standard(6))]),
    );
    assert_eq!((receipt.accepted_wh, receipt.residue_wh), (6, 5));
}

fn register(village: &Village, slot: u32) -> Result<(), soroban_sdk::Error> {
    let owner = &village.operator;
    verdict(
        village
            .meter
            .try_register_meter(&meter_id(slot), owner, &100, &0),
    )
}

fn a_legacy_meter_is_not_registered_again(village: Village) {
    put(&village, 0, &legacy(&village));
    assert_refused(register(&village, 0), Error::AlreadyRegistered);
    village.meter.migrate_meter(&meter_id(0));
    assert_refused(register(&village, 0), Error::AlreadyRegistered);
}

fn new_meters_follow_behind_the_migrated_ones(village: Village) {
    put(&village, 65, &legacy(&village));
    village.meter.migrate_meter(&meter_id(65));
    assert_refused(register(&village, 64), Error::AlreadyRegistered);
    assert_eq!(register(&village, 66), Ok(()));
    village.meter.extend(&SITE);
    put(&village, 64, &legacy(&village));
    assert_eq!(village.meter.migrate_meter(&meter_id(64)), 1);
    assert_eq!(
        [64, 65, 66].map(|slot| village.record(slot).total_wh),
        [123_456, 123_456, 0]
    );
    assert_eq!(village.meter.get_site(&SITE).next_slot, 67);
}

fn a_legacy_meter_of_an_unknown_site_is_not_migrated(village: Village) {
    let id = 99_u64 << 32;
    let meter = legacy(&village);
    village.env.as_contract(&village.meter.address, || {
        let key = Key::LegacyMeter(id);
        village.env.storage().persistent().set(&key, &meter);
    });
    assert_refused(
        verdict(village.meter.try_migrate_meter(&id)),
        Error::UnknownSite,
    );
}

fn what_never_was_can_not_be_migrated(village: Village) {
    let answer = village.meter.try_migrate_meter(&meter_id(0));
    assert_refused(verdict(answer), Error::UnknownMeter);
    village.env.set_auths(&[]);
    put(&village, 0, &legacy(&village));
    assert!(
        village.meter.try_migrate_meter(&meter_id(0)).is_err(),
        "only the admin"
    );
}
