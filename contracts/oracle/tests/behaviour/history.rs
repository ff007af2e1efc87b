//! What is read back: the newest hour, an hour by its time, a day of hours, and what a day will cost.

use oracle::errors::Error;

use crate::drafts::hour;
use crate::village::{assert_refused, meter_id, verdict, Village, DAY, HOUR, START, STREAMING};

crate::laws!(
    the_latest_data_are_the_newest_hour_of_that_meter,
    exactly_a_week_of_hours_is_kept,
    an_hour_after_a_long_gap_ends_the_weeks_before_it,
    a_day_is_projected_from_the_mean_of_its_hours,
    a_projection_is_rounded_half_up,
    a_projection_looks_at_the_last_twenty_four_recorded_hours,
    the_missions_figures_come_back_exactly,
    history_lists_what_was_recorded,
    a_question_is_about_one_to_twenty_four_hours,
    nothing_is_known_of_strangers_and_other_times,
);

fn the_latest_data_are_the_newest_hour_of_that_meter(village: Village) {
    village.register(0, &[STREAMING; 2]);
    village.wait(30 * HOUR);
    village.record(&[
        hour(0).with(&[(0, 1, 5), (1, 1, 6)]),
        hour(26).with(&[(1, 1, 7)]),
    ]);
    let latest = |slot| village.oracle.get_latest_data(&meter_id(slot));
    assert_eq!((latest(0).timestamp, latest(0).usage_wh), (START, 5));
    assert_eq!(
        (latest(1).timestamp, latest(1).usage_wh),
        (START + 26 * HOUR, 7)
    );
}

fn exactly_a_week_of_hours_is_kept(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(3 * 7 * DAY);
    for first in (0..336).step_by(24) {
        let hours = (first..first + 24).map(|n| hour(n).with(&[(0, 1, n as u16)]));
        village.record(&hours.collect::<Vec<_>>());
    }
    for newest in (336..361).step_by(6) {
        village.record(&[hour(newest).with(&[(0, 1, newest as u16)])]);
        let kept = |n: u64| {
            village
                .try_data(0, START + n * HOUR)
                .map(|data| data.usage_wh)
        };
        assert_eq!(kept(newest), Ok(newest));
        assert_eq!(kept(newest - 167), Ok(newest - 167));
        assert_eq!(kept(newest - 100), Ok(newest - 100));
        assert_refused(kept(newest - 168), Error::NoData);
    }
}

fn an_hour_after_a_long_gap_ends_the_weeks_before_it(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(60 * DAY);
    village.record(&[hour(5).with(&[(0, 1, 1)]), hour(30).with(&[(0, 1, 2)])]);
    assert_eq!(village.data(0, START + 5 * HOUR).usage_wh, 1);
    village.record(&[hour(24 * 40).with(&[(0, 1, 3)])]);
    for old in [5, 30] {
        assert_refused(village.try_data(0, START + old * HOUR), Error::NoData);
    }
    let latest = village.oracle.get_latest_data(&meter_id(0));
    assert_eq!(latest.usage_wh, 3);
    assert_eq!(latest.projected_daily_cost, 3 * 1_200 * 24);
}

fn a_day_is_projected_from_the_mean_of_its_hours(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(3 * HOUR);
    village.record(&[hour(0).with(&[(0, 1, 1_000)])]);
    assert_eq!(village.data(0, START).projected_daily_cost, 24 * 1_200_000);
    let dear = hour(2).at(2, &[1_800_000]).with(&[(0, 1, 3_000)]);
    village.record(&[dear]);
    let mean = (1_200_000 + 3 * 1_800_000) / 2;
    let latest = village.oracle.get_latest_data(&meter_id(0));
    assert_eq!(latest.projected_daily_cost, 24 * mean);
    let then = village.data(0, START).projected_daily_cost;
    assert_eq!(
        then,
        24 * 1_200_000,
        "an hour's projection doesn't know what came later"
    );
}

fn a_projection_is_rounded_half_up(village: Village) {
    village.register(0, &[STREAMING; 3]);
    village.wait(48 * HOUR);
    // Of 16 hours one costs 1/3 of a stroop: 24 x 1/48 = 0.5; a thousandth less is 0.4985.
    let quiet = |n| hour(n).at(0, &[333, 334]).with(&[(0, 1, 0), (1, 2, 0)]);
    let mut hours: Vec<_> = (0..15).map(quiet).collect();
    hours.push(hour(15).at(0, &[333, 334]).with(&[(0, 1, 1), (1, 2, 1)]));
    village.record(&hours);
    let cost = |slot| village.data(slot, START + 15 * HOUR).projected_daily_cost;
    assert_eq!([cost(0), cost(1)], [0, 1]);
}

fn a_projection_looks_at_the_last_twenty_four_recorded_hours(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(7 * DAY);
    // Every third hour is there: 24 of them reach back three days, over four entries.
    let mut sent: Vec<_> = (0..50)
        .map(|n| hour(3 * n).with(&[(0, 1, 9_000 + n as u16)]))
        .collect();
    sent.chunks_mut(24).for_each(|day| village.record(day));
    let sum: i64 = (26..50).map(|n| (9_000 + n) * 1_200_000).sum();
    let latest = village.oracle.get_latest_data(&meter_id(0));
    assert_eq!(latest.projected_daily_cost, sum / 1_000);
}

/// 2.5 kWh x 0.12 = 0.30 and 3.1 kWh x 0.18 = 0.558, with seven decimals.
fn the_missions_figures_come_back_exactly(village: Village) {
    village.register(0, &[STREAMING; 2]);
    village.wait(HOUR);
    let prices = [1_200_000, 1_800_000];
    village.record(&[hour(0).at(2, &prices).with(&[(0, 1, 2_500), (1, 2, 3_100)])]);
    let costs = [0, 1].map(|slot| {
        let data = village.data(slot, START);
        assert_eq!(data.projected_daily_cost % 24, 0);
        data.projected_daily_cost / 24
    });
    assert_eq!(costs, [3_000_000, 5_580_000]);
}

fn history_lists_what_was_recorded(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(40 * HOUR);
    for n in [1, 2, 5, 23, 24, 30] {
        village.record(&[hour(n).with(&[(0, 1, n as u16)])]);
    }
    let history = |from, hours| -> Vec<u64> {
        let list = village.oracle.get_history(&meter_id(0), &from, &hours);
        list.iter().map(|data| data.usage_wh).collect()
    };
    assert_eq!(history(START, 24), [1, 2, 5, 23]);
    assert_eq!(history(START + 2 * HOUR + 59, 3), [2]);
    assert_eq!(history(START + 5 * HOUR, 24), [5, 23, 24]);
    assert!(history(START - DAY, 24).is_empty());
    assert!(history(START + 31 * HOUR, 24).is_empty());
    assert!(history(u64::MAX, 24).is_empty());
    let data = village
        .oracle
        .get_history(&meter_id(0), &(START + HOUR), &1);
    assert_eq!(data.get(0), Some(village.data(0, START + HOUR)));
}

fn a_question_is_about_one_to_twenty_four_hours(village: Village) {
    for hours in [0, 25, u32::MAX] {
        let answer = village.oracle.try_get_history(&meter_id(0), &START, &hours);
        assert_refused(verdict(answer), Error::InvalidRange);
    }
}

fn nothing_is_known_of_strangers_and_other_times(village: Village) {
    village.register(0, &[STREAMING; 2]);
    village.wait(2 * HOUR);
    for stranger in [meter_id(0), meter_id(u32::MAX), 0, u64::MAX] {
        let answer = verdict(village.oracle.try_get_latest_data(&stranger));
        assert_refused(answer, Error::NoData);
    }
    village.record(&[hour(0).with(&[(0, 1, 1)])]);
    for time in [0, START - 1, START + HOUR, START + DAY, u64::MAX] {
        assert_refused(village.try_data(0, time), Error::NoData);
    }
    assert_refused(village.try_data(1, START), Error::NoData);
    assert_refused(village.try_data(64, START), Error::NoData);
}
