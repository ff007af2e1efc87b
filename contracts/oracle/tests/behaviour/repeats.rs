//! The law of repeats: hours sent any number of times, in calls cut anywhere, are what they are when sent once.

use oracle::types::Data;
use proptest::prelude::*;

use crate::drafts::{hour, Draft, Record};
use crate::village::{meter_id, Village, DAY, SITE, START, STREAMING};

/// The first page is full, so that the last of these slots lie on the second.
const METERS: usize = 66;
const SLOTS: [u32; 6] = [0, 1, 30, 63, 64, 65];
const SENT_HOURS: u64 = 30;

/// An hour with some of the meters and one or two prices.
fn draft() -> impl Strategy<Value = Draft> {
    let slots = proptest::collection::btree_map(0..6_usize, (1..=2_u8, 0..12_000_u16), 1..6);
    let price = 0..=i64::from(u32::MAX) - 1;
    (0..3_u32, price, slots).prop_map(|(tier, price, slots)| {
        let record = |(slot, (index, wh))| -> Record { (SLOTS[slot], index, wh) };
        let records: Vec<Record> = slots.into_iter().map(record).collect();
        hour(0).at(tier, &[price, price + 1]).with(&records)
    })
}

/// Some of the hours of a day and a bit, and the calls they are sent in: each goes back a little and repeats.
fn hours() -> impl Strategy<Value = (Vec<Draft>, Vec<(usize, usize)>)> {
    let numbers = proptest::collection::btree_set(0..SENT_HOURS, 4..10);
    let drafts = proptest::collection::vec(draft(), 10);
    let calls = proptest::collection::vec((0..4_usize, 1..5_usize), 12);
    (numbers, drafts, calls).prop_map(|(numbers, drafts, calls)| {
        let dated = numbers
            .into_iter()
            .zip(drafts)
            .map(|(number, draft)| Draft {
                hour: START + number * 3_600,
                ..draft
            });
        (dated.collect(), calls)
    })
}

fn ready(village: fn() -> Village) -> Village {
    let village = village();
    village.register(0, &[STREAMING; METERS]);
    village.wait(2 * DAY);
    village
}

/// All that can be read back.
fn known(village: &Village) -> Vec<Data> {
    let read = |slot: u32, from: u64| {
        let id = meter_id(slot);
        village.oracle.get_history(&id, &from, &24)
    };
    SLOTS
        .iter()
        .flat_map(|slot| [START, START + DAY].map(|from| read(*slot, from)))
        .flatten()
        .collect()
}

fn an_hour_repeated_any_number_of_times_equals_it_once(
    hours: &[Draft],
    calls: &[(usize, usize)],
    village: fn() -> Village,
) {
    let (once, often) = (ready(village), ready(village));
    let mut sums = [0_u64; 2];
    for draft in hours {
        once.record(std::slice::from_ref(draft));
        sums[0] += once.summary().map_or(0, |summary| summary[3]);
    }
    let mut done = 0;
    let rest = std::iter::repeat(&(1, 3));
    for (back, ahead) in calls.iter().chain(rest) {
        let end = (done + ahead).min(hours.len());
        often.record(&hours[done.saturating_sub(*back)..end]);
        sums[1] += often.summary().map_or(0, |summary| summary[3]);
        done = end;
        if done == hours.len() {
            break;
        }
    }
    assert_eq!(sums[0], sums[1], "every Wh is accepted once");
    assert_eq!(known(&once), known(&often));
    assert_eq!(
        once.oracle.get_newest(&SITE),
        often.oracle.get_newest(&SITE)
    );
    let told: u64 = known(&once).iter().map(|data| data.usage_wh).sum();
    assert_eq!(sums[0], told, "what is accepted is what can be read");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3) })]

    #[test]
    fn repeats_change_nothing_in_rust((hours, calls) in hours()) {
        an_hour_repeated_any_number_of_times_equals_it_once(&hours, &calls, Village::on_rust);
    }

    #[test]
    fn repeats_change_nothing_in_wasm((hours, calls) in hours()) {
        an_hour_repeated_any_number_of_times_equals_it_once(&hours, &calls, Village::on_wasm);
    }
}
