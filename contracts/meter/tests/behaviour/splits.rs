//! The law of the carried remainder: however a period is cut into batches, a household pays the same, whatever pays
//! for it: a plan, market credit, or money.

use meter::types::Plan;
use proptest::prelude::*;

use crate::drafts::{Columns, Draft};
use crate::village::{meter_id, Village, DAILY, START};

/// What 5 kW can carry in one interval, shared by five columns.
const MOST_WH: u32 = 5_000 / 4 / 5;
const INTERVALS: usize = 12;
const PAID: i64 = 1_000_000_000;
/// Rates that leave a remainder nearly always.
const ODD_RATES: [i64; 3] = [960_001, 1_200_007, 1_800_499];

fn usage() -> impl Strategy<Value = Vec<Columns>> {
    proptest::collection::vec(
        [
            0..=MOST_WH,
            0..=MOST_WH,
            0..=MOST_WH,
            0..=MOST_WH,
            0..=MOST_WH,
        ],
        INTERVALS,
    )
}

/// Settles `intervals` in batches that end where `cuts` says, and at the end.
fn settle(village: &Village, intervals: &[Columns], cuts: &[bool], credit_wh: u32) {
    village.register(1);
    village.set_price(START, ODD_RATES);
    village.pay(0, DAILY, Plan::Daily);
    village.pay(0, PAID, Plan::UsageBased);
    village.meter.set_market(&Some(village.admin.clone()));
    village.meter.add_market_credit(&meter_id(0), &credit_wh);
    village.wait(900 * INTERVALS as u64);
    let mut sum: Columns = [0; 5];
    for (number, (wh, cut)) in intervals.iter().zip(cuts).enumerate() {
        sum.iter_mut().zip(wh).for_each(|(sum, wh)| *sum += wh);
        if *cut || number + 1 == INTERVALS {
            let to = START + 900 * (number as u64 + 1);
            let draft = Draft {
                to,
                price_version: 2,
                ..village.next_batch()
            };
            let receipt = village.settle(&draft.with(&[(0, std::mem::take(&mut sum))]));
            assert_eq!(receipt.residue_wh, 0);
        }
    }
}

fn any_split_of_a_period_gives_the_same_balance(
    intervals: &[Columns],
    cuts: &[bool],
    credit_wh: u32,
    village: fn() -> Village,
) {
    let (whole, split) = (village(), village());
    settle(&whole, intervals, &[false; INTERVALS], credit_wh);
    settle(&split, intervals, cuts, credit_wh);
    assert_eq!(whole.record(0), split.record(0));
    // And it is what exact arithmetic says.
    let column = |number: usize| {
        intervals
            .iter()
            .map(|wh| i64::from(wh[number]))
            .sum::<i64>()
    };
    let drawn_wh = column(4).min(credit_wh.into());
    let tiers_wh = [column(0), column(1) + column(4) - drawn_wh, column(2)];
    let milli: i64 = tiers_wh
        .iter()
        .zip(ODD_RATES)
        .map(|(wh, rate)| wh * rate)
        .sum();
    let record = split.record(0);
    assert_eq!(record.balance, PAID - milli / 1_000);
    assert_eq!(i64::from(record.remainder), milli % 1_000);
    assert_eq!(
        i64::from(record.market_credit_wh),
        i64::from(credit_wh) - drawn_wh
    );
    assert_eq!(record.total_wh as i64, (0..5).map(column).sum::<i64>());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn any_split_gives_the_same_balance_in_rust(intervals in usage(), cuts in any::<[bool; INTERVALS]>(), credit_wh in 1..3_000_u32) {
        any_split_of_a_period_gives_the_same_balance(&intervals, &cuts, credit_wh, Village::on_rust);
    }

    #[test]
    fn any_split_gives_the_same_balance_in_wasm(intervals in usage(), cuts in any::<[bool; INTERVALS]>(), credit_wh in 1..3_000_u32) {
        any_split_of_a_period_gives_the_same_balance(&intervals, &cuts, credit_wh, Village::on_wasm);
    }
}
