//! Faults that contracts of this kind are known for, each with the law that it breaks. What they need more tests for
//! is in the room of its noun.

use meter::errors::Error;
use meter::types::Plan;
use soroban_sdk::testutils::storage::Persistent as _;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::{Address, IntoVal, Symbol, Val, Vec};

use crate::drafts::{page_data, standard};
use crate::village::{
    assert_refused, meter_id, verdict, Village, DAY, HOUR, MAX_TTL_LEDGERS, RATES, SITE, START,
};

crate::laws!(
    a_repeated_batch_counts_once,
    usage_beyond_the_balance_becomes_arrears_and_is_paid_later,
    a_negative_cost_can_not_exist,
    nobody_initialises_an_instance,
    a_dark_village_comes_back_to_live_entries,
    rounding_favours_no_side,
    sums_that_overflow_are_refused,
    no_amount_is_negative,
    no_cap_is_passed_by,
);

fn a_repeated_batch_counts_once(village: Village) {
    village.register(1);
    village.wait(HOUR);
    let draft = village.next_batch().with(&[(0, standard(1_000))]);
    let receipts = [(); 5].map(|()| village.settle(&draft));
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
    let record = village.record(0);
    assert_eq!((record.total_wh, record.balance), (1_000, -RATES[1]));
}

fn usage_beyond_the_balance_becomes_arrears_and_is_paid_later(village: Village) {
    village.register(1);
    village.pay(0, 200_000, Plan::UsageBased);
    village.wait(HOUR);
    village.settle(&village.next_batch().with(&[(0, standard(1_000))]));
    assert_eq!(village.record(0).balance, 200_000 - RATES[1]);
    assert_eq!(village.pay(0, RATES[1], Plan::UsageBased), 200_000);
}

/// Rates are zero or more, Wh have no sign, so usage never adds to a balance.
fn a_negative_cost_can_not_exist(village: Village) {
    village.register(1);
    for rates in [[-1, 0, 0], [0, -1, 0], [0, 0, i64::MIN]] {
        let energy = village.energy(rates);
        let answer = village.meter.try_set_price(&(START + DAY), &energy, &0, &0);
        assert_refused(verdict(answer), Error::InvalidPrice);
    }
    village.wait(HOUR);
    let mut draft = village.next_batch();
    // What an attacker would write for -1 Wh is more than the connection can carry.
    draft.pages = vec![(0, page_data(&[(0, standard(u32::MAX))]))];
    let receipt = village.settle(&draft);
    assert_eq!(
        (receipt.accepted_wh, receipt.residue_wh),
        (0, u32::MAX.into())
    );
    assert_eq!(village.record(0).balance, 0);
}

fn nobody_initialises_an_instance(village: Village) {
    let thief = Address::generate(&village.env);
    for name in ["initialize", "init", "__constructor"] {
        let arguments: Vec<Val> = (thief.clone(), thief.clone()).into_val(&village.env);
        let name = Symbol::new(&village.env, name);
        let answer = village.env.try_invoke_contract::<Val, soroban_sdk::Error>(
            &village.meter.address,
            &name,
            arguments,
        );
        assert!(answer.is_err(), "{name:?}");
    }
    assert_eq!(village.meter.get_admin(), Some(village.admin.clone()));
}

fn a_dark_village_comes_back_to_live_entries(village: Village) {
    village.register(1);
    village.wait(170 * DAY);
    village.settle(&village.next_batch().with(&[(0, standard(1_000))]));
    let key = meter::storage::Key::Page(SITE, 0);
    let life = village.env.as_contract(&village.meter.address, || {
        village.env.storage().persistent().get_ttl(&key)
    });
    assert_eq!(life, MAX_TTL_LEDGERS - 1);
}

/// A thousand times a thousandth of a stroop is a stroop: none before, none lost.
fn rounding_favours_no_side(village: Village) {
    village.register(1);
    village.set_price(START, [1, 1, 1]);
    for hour in 1..=4 {
        village.wait(HOUR);
        let draft = crate::drafts::Draft {
            price_version: 2,
            ..village.next_batch()
        };
        village.settle(&draft.with(&[(0, standard(250))]));
        let record = village.record(0);
        let charged = (-record.balance, record.remainder);
        assert_eq!(charged, if hour == 4 { (1, 0) } else { (0, hour * 250) });
    }
}

fn sums_that_overflow_are_refused(village: Village) {
    village.register(1);
    village.pay(0, i64::MAX / 2, Plan::UsageBased);
    let more = i128::from(i64::MAX / 2) + 2;
    village.meter.withdraw(&village.payer, &(more - 2));
    let answer =
        village
            .meter
            .try_make_payment(&village.payer, &meter_id(0), &more, &Plan::UsageBased);
    assert_refused(verdict(answer), Error::AmountTooLarge);
    assert_eq!(village.record(0).balance, i64::MAX / 2);
}

fn no_amount_is_negative(village: Village) {
    village.register(1);
    let (meter, payer, id) = (&village.meter, &village.payer, meter_id(0));
    for amount in [-1, i128::from(i64::MIN), i128::MIN] {
        let plan = Plan::UsageBased;
        let refused = [
            verdict(meter.try_make_payment(payer, &id, &amount, &plan)).map(|_| ()),
            verdict(meter.try_fund_float(payer, &SITE, &amount)),
            verdict(meter.try_withdraw_float(&SITE, payer, &amount)),
            verdict(meter.try_withdraw(payer, &amount)),
            verdict(meter.try_write_off(&id, &amount)).map(|_| ()),
            verdict(meter.try_reinstate(&id, &amount)).map(|_| ()),
        ];
        for answer in refused {
            assert_refused(answer, Error::AmountNotPositive);
        }
    }
}

/// The connection's power, a plan's window and the operator's float bound what a gateway can claim.
fn no_cap_is_passed_by(village: Village) {
    village.register(1);
    village.wait(HOUR);
    // Each is more than five kilowatts for the hours since the registration, or included without a plan.
    for (hours, wh) in [
        (1, [5_002, 0, 0, 0, 0]),
        (2, [5_001, 0, 0, 0, 5_001]),
        (3, [0, 0, 0, 2, 0]),
    ] {
        let receipt = village.settle(&village.next_batch().with(&[(0, wh)]));
        assert_eq!(receipt.accepted_wh, 0, "hour {hours}");
        village.wait(HOUR);
    }
    assert_refused(
        verdict(
            village
                .meter
                .try_withdraw_float(&SITE, &village.operator, &1),
        ),
        Error::FloatTooSmall,
    );
}
