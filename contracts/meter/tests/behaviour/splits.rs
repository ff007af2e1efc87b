//! The law of the carried remainder: however a period is cut into batches, a household pays the same.

use meter::types::Plan;
use proptest::prelude::*;

use crate::drafts::{Columns, Draft};
use crate::village::{Village, START};

/// What 5 kW can carry in one interval, shared by three tiers.
const MOST_PER_TIER_WH: u32 = 5_000 / 4 / 3;
const INTERVALS: usize = 12;
/// Rates that leave a remainder nearly always.
const ODD_RATES: [i64; 3] = [960_001, 1_200_007, 1_800_499];

fn usage() -> impl Strategy<Value = Vec<Columns>> {
    let tier = 0..=MOST_PER_TIER_WH;
    let interval = (tier.clone(), tier.clone(), tier).prop_map(|(a, b, c)| [a, b, c, 0]);
    proptest::collection::vec(interval, INTERVALS)
}

/// Settles `intervals` in batches that end where `cuts` says, and at the end.
fn settle(village: &Village, intervals: &[Columns], cuts: &[bool]) {
    village.register(1);
    village.set_price(START, ODD_RATES);
    village.pay(0, 1_000_000_000, Plan::UsageBased);
    village.wait(900 * INTERVALS as u64);
    let mut sum: Columns = [0; 4];
    for (number, (wh, cut)) in intervals.iter().zip(cuts).enumerate() {
        sum.iter_mut().zip(wh).for_each(|(sum, wh)| *sum += wh);
        if *cut || number + 1 == INTERVALS {
            let to = START + 900 * (number as u64 + 1);
            let draft = Draft {
                to,
                price_version: 2,
                ..village.next_batch()
            };
            village.settle(&draft.with(&[(0, std::mem::take(&mut sum))]));
        }
    }
}

fn any_split_of_a_period_gives_the_same_balance(
    intervals: &[Columns],
    cuts: &[bool],
    village: fn() -> Village,
) {
    let (whole, split) = (village(), village());
    settle(&whole, intervals, &[false; INTERVALS]);
    settle(&split, intervals, cuts);
    assert_eq!(whole.record(0), split.record(0));
    // And it is what exact arithmetic says.
    let milli: i64 = intervals
        .iter()
        .flat_map(|wh| {
            wh.iter()
                .zip(ODD_RATES)
                .map(|(wh, rate)| i64::from(*wh) * rate)
        })
        .sum();
    let record = split.record(0);
    assert_eq!(record.balance, 1_000_000_000 - milli / 1_000);
    assert_eq!(i64::from(record.remainder), milli % 1_000);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn any_split_gives_the_same_balance_in_rust(intervals in usage(), cuts in any::<[bool; INTERVALS]>()) {
        any_split_of_a_period_gives_the_same_balance(&intervals, &cuts, Village::on_rust);
    }

    #[test]
    fn any_split_gives_the_same_balance_in_wasm(intervals in usage(), cuts in any::<[bool; INTERVALS]>()) {
        any_split_of_a_period_gives_the_same_balance(&intervals, &cuts, Village::on_wasm);
    }
}
