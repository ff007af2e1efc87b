//! Laws of any order of calls: nothing creates or destroys energy or tokens, and what is repeated counts once.
//!
//! The books are kept by a bookkeeper of the test's own, who only knows what was paid, used, forgiven and bought.

use meter::credit::TopUp;
use meter::types::Plan;
use proptest::prelude::*;

use crate::drafts::{top_ups_text, Columns};
use crate::village::{meter_id, verdict, Village, HOUR, RATES, SITE};

const METERS: u32 = 3;

/// Something that somebody does.
#[derive(Clone, Debug)]
enum Act {
    Pay(u32, i64),
    Settle(u32, Columns, usize),
    Buy(u32, u32),
    Refund(u32, u32),
    Fund(i64),
    TakeFloat(i64),
    Credit(u32, i64, usize),
    WriteOff(u32, i64),
    Reinstate(u32, i64),
    Withdraw(i64),
    Switch(u32, bool),
}

fn act() -> impl Strategy<Value = Act> {
    // One more slot than there are meters: the last is unknown.
    let slot = || 0..=METERS;
    let amount = || -3..3_000_000_i64;
    let wh = || 0..1_500_u32;
    let columns = (wh(), wh(), wh(), wh()).prop_map(|(a, b, c, market)| [a, b, c, 0, market]);
    prop_oneof![
        (slot(), amount()).prop_map(|(slot, amount)| Act::Pay(slot, amount)),
        (slot(), columns, 1..3_usize).prop_map(|(slot, wh, times)| Act::Settle(slot, wh, times)),
        (slot(), wh()).prop_map(|(slot, wh)| Act::Buy(slot, wh)),
        (slot(), wh()).prop_map(|(slot, wh)| Act::Refund(slot, wh)),
        amount().prop_map(Act::Fund),
        amount().prop_map(Act::TakeFloat),
        (slot(), amount(), 1..3_usize)
            .prop_map(|(slot, amount, times)| Act::Credit(slot, amount, times)),
        (slot(), amount()).prop_map(|(slot, amount)| Act::WriteOff(slot, amount)),
        (slot(), amount()).prop_map(|(slot, amount)| Act::Reinstate(slot, amount)),
        amount().prop_map(Act::Withdraw),
        (slot(), any::<bool>()).prop_map(|(slot, off)| Act::Switch(slot, off)),
    ]
}

/// What must be true of all meters together, in thousandths of a stroop and in Wh.
#[derive(Default)]
struct Books {
    payments: i128,
    funded: i128,
    taken: i128,
    withdrawn: i128,
    charged_milli: i128,
    bought_wh: i64,
    drawn_wh: i64,
    reported_wh: u64,
}

fn perform(village: &Village, act: &Act, books: &mut Books) {
    match act {
        Act::Pay(slot, amount) => {
            let (payer, amount) = (&village.payer, i128::from(*amount));
            let paid =
                village
                    .meter
                    .try_make_payment(payer, &meter_id(*slot), &amount, &Plan::UsageBased);
            books.payments += if paid.is_ok() { amount } else { 0 };
        }
        Act::Settle(slot, wh, times) => settle(village, *slot, *wh, *times, books),
        Act::Buy(slot, wh) => {
            let bought = village
                .meter
                .try_add_market_credit(&meter_id(*slot), wh)
                .is_ok();
            books.bought_wh += if bought { i64::from(*wh) } else { 0 };
        }
        Act::Refund(slot, wh) => {
            let refunded = village
                .meter
                .try_take_market_credit(&meter_id(*slot), wh)
                .is_ok();
            books.bought_wh -= if refunded { i64::from(*wh) } else { 0 };
        }
        Act::Fund(amount) => {
            let amount = i128::from(*amount);
            let funded = village
                .meter
                .try_fund_float(&village.payer, &SITE, &amount)
                .is_ok();
            books.funded += if funded { amount } else { 0 };
        }
        Act::TakeFloat(amount) => {
            let amount = i128::from(*amount);
            let taken = village
                .meter
                .try_withdraw_float(&SITE, &village.operator, &amount)
                .is_ok();
            books.taken += if taken { amount } else { 0 };
        }
        Act::Credit(slot, amount, times) => credit(village, *slot, *amount, *times),
        Act::WriteOff(slot, amount) => {
            let forgiven = village
                .meter
                .try_write_off(&meter_id(*slot), &i128::from(*amount));
            assert!(forgiven.is_err() || *amount > 0);
        }
        Act::Reinstate(slot, amount) => {
            let taken_back = village
                .meter
                .try_reinstate(&meter_id(*slot), &i128::from(*amount));
            assert!(taken_back.is_err() || *amount > 0);
        }
        Act::Withdraw(amount) => {
            let amount = i128::from(*amount);
            let withdrawn = village.meter.try_withdraw(&village.admin, &amount).is_ok();
            books.withdrawn += if withdrawn { amount } else { 0 };
        }
        Act::Switch(slot, off) => {
            let id = meter_id(*slot);
            let known = if *off {
                village.meter.try_deactivate_meter(&id).is_ok()
            } else {
                village.meter.try_activate_meter(&id).is_ok()
            };
            assert_eq!(known, *slot < METERS);
        }
    }
}

/// Settles one hour, sent `times` over.
fn settle(village: &Village, slot: u32, wh: Columns, times: usize, books: &mut Books) {
    village.wait(HOUR);
    let credit_wh = known(village, slot).map_or(0, |record| record.market_credit_wh);
    let draft = village.next_batch().with(&[(slot, wh)]);
    let receipt = village.settle(&draft);
    for _ in 1..times {
        assert_eq!(village.settle(&draft), receipt, "counted once");
    }
    books.reported_wh += wh.iter().map(|wh| u64::from(*wh)).sum::<u64>();
    if receipt.accepted_wh > 0 {
        let drawn_wh = wh[4].min(credit_wh);
        books.drawn_wh += i64::from(drawn_wh);
        let charged = [wh[0], wh[1] + wh[4] - drawn_wh, wh[2]];
        let milli = charged
            .iter()
            .zip(RATES)
            .map(|(wh, rate)| i128::from(*wh) * i128::from(rate));
        books.charged_milli += milli.sum::<i128>();
    }
}

/// Credits one top-up, sent `times` over.
fn credit(village: &Village, slot: u32, amount: i64, times: usize) {
    let top_up = TopUp {
        meter_id: meter_id(slot),
        amount,
        plan: Plan::UsageBased,
    };
    let top_ups = top_ups_text(&village.env, &[top_up]);
    let sequence = village.meter.get_float(&SITE).sequence + 1;
    let send = || {
        verdict(
            village
                .meter
                .try_credit(&village.signer, &SITE, &sequence, &top_ups),
        )
    };
    if let Ok(first) = send() {
        for _ in 1..times {
            assert_eq!(send(), Ok(first.clone()), "counted once");
        }
    }
}

fn known(village: &Village, slot: u32) -> Option<meter::types::MeterRecord> {
    (slot < METERS).then(|| village.record(slot))
}

fn check(village: &Village, books: &Books) {
    let records: Vec<_> = (0..METERS).map(|slot| village.record(slot)).collect();
    check_tokens(village, books);
    let forgiven: i128 = (0..METERS)
        .map(|slot| i128::from(village.meter.get_written_off(&meter_id(slot))))
        .sum();
    let owned_milli: i128 = records
        .iter()
        .map(|record| i128::from(record.balance) * 1_000 - i128::from(record.remainder))
        .sum();
    // Whatever reached a meter is its balance, or was charged; no thousandth of a stroop is rounded away.
    let credited = i128::from(village.meter.get_float(&SITE).total_credited);
    let reached = books.payments + credited + forgiven;
    assert_eq!(owned_milli + books.charged_milli, reached * 1_000, "money");
    let credit_wh: i64 = records
        .iter()
        .map(|record| i64::from(record.market_credit_wh))
        .sum();
    assert_eq!(credit_wh, books.bought_wh - books.drawn_wh, "market energy");
    let total_wh: u64 = records.iter().map(|record| record.total_wh).sum();
    let (accepted_wh, residue_wh) = village.receipt().map_or((0, 0), |receipt| {
        (receipt.total_wh, receipt.total_residue_wh)
    });
    assert_eq!(total_wh, accepted_wh, "energy");
    assert_eq!(accepted_wh + residue_wh, books.reported_wh, "energy");
}

fn check_tokens(village: &Village, books: &Books) {
    let float = village.meter.get_float(&SITE);
    let held = village.token.balance(&village.meter.address);
    let expected = books.payments + books.funded - books.taken - books.withdrawn;
    assert_eq!(held, expected, "tokens");
    let (balance, credited) = (i128::from(float.balance), i128::from(float.total_credited));
    assert!(held >= balance, "the operator's money is there");
    assert_eq!(balance, books.funded - books.taken - credited, "float");
}

fn no_order_of_calls_creates_or_destroys_energy_or_tokens(acts: &[Act], village: Village) {
    village.register(METERS);
    village.meter.set_market(&Some(village.admin.clone()));
    let mut books = Books::default();
    for act in acts {
        perform(&village, act, &mut books);
    }
    check(&village, &books);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn no_order_of_calls_creates_or_destroys_energy_or_tokens_in_rust(acts in proptest::collection::vec(act(), 1..30)) {
        no_order_of_calls_creates_or_destroys_energy_or_tokens(&acts, Village::on_rust());
    }

    #[test]
    fn no_order_of_calls_creates_or_destroys_energy_or_tokens_in_wasm(acts in proptest::collection::vec(act(), 1..30)) {
        no_order_of_calls_creates_or_destroys_energy_or_tokens(&acts, Village::on_wasm());
    }
}
