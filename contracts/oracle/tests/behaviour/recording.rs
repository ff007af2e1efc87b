//! Each hour counts once, whoever sends it and however often.

use oracle::errors::Error;

use crate::drafts::{hour, page_data, Draft};
use crate::village::{assert_refused, Village, DAY, HOUR, SITE, START, STREAMING};

crate::laws!(
    an_hour_is_recorded_with_price_and_tier,
    a_call_is_summed_up_in_one_event,
    the_same_hour_again_changes_nothing,
    an_hour_sent_again_with_other_content_is_refused_whole,
    a_slot_forgotten_in_an_hour_can_not_slip_in_later,
    pages_of_the_newest_hour_may_come_one_by_one,
    an_hour_older_than_the_newest_comes_too_late,
    hours_are_closed_whole_and_ascending,
    a_call_holds_one_to_twenty_four_hours,
    a_backlog_is_recorded_day_by_day,
    only_known_tiers_are_taken,
    an_hour_has_one_to_seven_different_prices,
    pages_ascend_and_are_exact_to_the_byte,
);

fn an_hour_is_recorded_with_price_and_tier(village: Village) {
    village.register(0, &[STREAMING; 2]);
    village.wait(HOUR);
    let prices = [1_200_000, 1_800_000];
    village.record(&[hour(0).at(2, &prices).with(&[(0, 1, 2_500), (1, 2, 3_100)])]);
    let first = village.data(0, START);
    assert_eq!(
        (first.usage_wh, first.price, first.tier),
        (2_500, 1_200_000, 2)
    );
    let second = village.data(1, START + HOUR - 1);
    assert_eq!((second.usage_wh, second.price), (3_100, 1_800_000));
    assert_eq!(second.timestamp, START);
}

fn a_call_is_summed_up_in_one_event(village: Village) {
    village.register(0, &[STREAMING; 65]);
    village.wait(3 * HOUR);
    let records = [(0, 1, 100), (64, 1, 50), (65, 1, 7)];
    village.record(&[hour(1).with(&records), hour(2).with(&records[..2])]);
    assert_eq!(village.said().len(), 1);
    let expected = [2, START + HOUR, START + 3 * HOUR, 300, 1];
    assert_eq!(village.summary(), Some(expected));
}

fn the_same_hour_again_changes_nothing(village: Village) {
    village.register(0, &[STREAMING; 2]);
    village.wait(3 * HOUR);
    let sent = [hour(0).with(&[(0, 1, 100)]), hour(1).with(&[(0, 1, 200)])];
    village.record(&sent);
    let before = village.data(0, START + HOUR);
    for _ in 0..2 {
        village.record(&sent);
        assert_eq!(village.summary(), None);
        village.record(&sent[..1]);
        assert_eq!(village.summary(), None);
    }
    assert_eq!(village.data(0, START + HOUR), before);
    village.record(&[sent[1].clone(), hour(2).with(&[(0, 1, 5)])]);
    let expected = [1, START + 2 * HOUR, START + 3 * HOUR, 5, 0];
    assert_eq!(village.summary(), Some(expected), "only what is new counts");
}

fn an_hour_sent_again_with_other_content_is_refused_whole(village: Village) {
    village.register(0, &[STREAMING; 2]);
    village.wait(2 * HOUR);
    let sent = hour(0).at(1, &[5, 6]).with(&[(0, 1, 100)]);
    village.record(std::slice::from_ref(&sent));
    let others = [
        hour(0).at(1, &[5, 6]).with(&[(0, 1, 101)]),
        hour(0).at(1, &[5, 6]).with(&[(0, 2, 100)]),
        hour(0).at(2, &[5, 6]).with(&[(0, 1, 100)]),
        hour(0).at(1, &[5, 7]).with(&[(0, 1, 100)]),
        hour(0).at(1, &[5]).with(&[(0, 1, 100)]),
        hour(0).at(1, &[5, 6]).with(&[(1, 1, 100)]),
    ];
    for other in others {
        let answer = village.try_record(&[other, hour(1).with(&[(0, 1, 1)])]);
        assert_refused(answer, Error::HourUsed);
    }
    assert_eq!(village.oracle.get_newest(&SITE), START);
    assert_eq!(village.data(0, START).usage_wh, 100);
}

fn a_slot_forgotten_in_an_hour_can_not_slip_in_later(village: Village) {
    village.register(0, &[STREAMING; 2]);
    village.wait(HOUR);
    village.record(&[hour(0).with(&[(0, 1, 100)])]);
    let answer = village.try_record(&[hour(0).with(&[(0, 1, 100), (1, 1, 1)])]);
    assert_refused(answer, Error::HourUsed);
}

fn pages_of_the_newest_hour_may_come_one_by_one(village: Village) {
    village.register(0, &[STREAMING; 65]);
    village.wait(HOUR);
    village.record(&[hour(0).with(&[(64, 1, 2)])]);
    village.record(&[hour(0).with(&[(0, 1, 1), (64, 1, 2)])]);
    assert_eq!(village.summary(), Some([1, START, START + HOUR, 1, 0]));
    assert_eq!(village.data(0, START).usage_wh, 1);
    assert_eq!(village.data(64, START).usage_wh, 2);
}

fn an_hour_older_than_the_newest_comes_too_late(village: Village) {
    village.register(0, &[STREAMING; 65]);
    village.wait(4 * HOUR);
    village.record(&[hour(2).with(&[(0, 1, 1)])]);
    for late in [hour(1).with(&[(0, 1, 1)]), hour(1).with(&[(64, 1, 1)])] {
        let answer = village.try_record(&[late]);
        assert_refused(answer, Error::HourTooOld);
    }
    village.record(&[hour(2).with(&[(64, 1, 1)]), hour(3).with(&[(0, 1, 1)])]);
    let answer = village.try_record(&[hour(2).with(&[(64, 1, 2)])]);
    assert_refused(answer, Error::HourUsed);
}

fn hours_are_closed_whole_and_ascending(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(2 * HOUR - 901);
    let draft = |at: u64| Draft {
        hour: at,
        ..hour(0).with(&[(0, 1, 1)])
    };
    for off in [START + 1, START - 1_800, u64::MAX] {
        assert_refused(village.try_record(&[draft(off)]), Error::InvalidHour);
    }
    let far = u64::MAX - u64::MAX % HOUR;
    for open in [START + HOUR, START + 2 * HOUR, far] {
        assert_refused(village.try_record(&[draft(open)]), Error::HourNotClosed);
    }
    village.wait(1);
    for pair in [[START, START], [START + HOUR, START]] {
        let answer = village.try_record(&pair.map(draft));
        assert_refused(answer, Error::HoursOutOfOrder);
    }
    village.record(&[draft(START), draft(START + HOUR)]);
    assert_eq!(village.oracle.get_newest(&SITE), START + HOUR);
}

fn a_call_holds_one_to_twenty_four_hours(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(DAY + HOUR);
    let hours: Vec<Draft> = (0..25).map(|n| hour(n).with(&[(0, 1, 1)])).collect();
    assert_refused(village.try_record(&[]), Error::InvalidHours);
    assert_refused(village.try_record(&hours), Error::InvalidHours);
    village.record(&hours[..24]);
    assert_eq!(village.summary(), Some([24, START, START + DAY, 24, 0]));
}

/// A call of 24 hours for two full pages stays well inside the network's limit of 400 million instructions.
fn a_backlog_is_recorded_day_by_day(village: Village) {
    village.register(0, &[STREAMING; 128]);
    village.wait(2 * DAY);
    let records: Vec<_> = (0..128).map(|slot| (slot, 1, 10_000)).collect();
    for day in 0..2 {
        let hours = (0..24).map(|n| hour(24 * day + n).with(&records));
        village.record(&hours.collect::<Vec<_>>());
        let used = village.env.cost_estimate().resources();
        assert!(used.instructions < 200_000_000, "{used:?}");
    }
    assert_eq!(village.data(127, START).usage_wh, 10_000);
    assert_eq!(village.data(0, START + 2 * DAY - 1).usage_wh, 10_000);
}

fn only_known_tiers_are_taken(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(3 * HOUR);
    for tier in [3, u32::MAX] {
        let answer = village.try_record(&[hour(0).at(tier, &[1]).with(&[(0, 1, 1)])]);
        assert_refused(answer, Error::InvalidTier);
    }
    for tier in 0..3 {
        village.record(&[hour(tier.into()).at(tier, &[1]).with(&[(0, 1, 1)])]);
        assert_eq!(village.data(0, START + u64::from(tier) * HOUR).tier, tier);
    }
}

fn an_hour_has_one_to_seven_different_prices(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(3 * HOUR);
    let most = i64::from(u32::MAX);
    let eight: Vec<i64> = (1..=8).collect();
    for prices in [
        &[][..],
        &[-1],
        &[i64::MIN],
        &[most + 1],
        &[i64::MAX],
        &[3, 4, 3],
        &eight,
    ] {
        let answer = village.try_record(&[hour(0).at(1, prices).with(&[(0, 1, 1)])]);
        assert_refused(answer, Error::InvalidPrices);
    }
    village.record(&[
        hour(0).at(1, &eight[..7]).with(&[(0, 7, 1)]),
        hour(1).at(1, &[0, most]).with(&[(0, 2, 10_000)]),
        hour(2).at(1, &[0]).with(&[(0, 1, 10_000)]),
    ]);
    let prices = [0, 1, 2].map(|n| village.data(0, START + n * HOUR).price);
    assert_eq!(prices, [7, most, 0]);
}

fn pages_ascend_and_are_exact_to_the_byte(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(HOUR);
    let good = page_data(&[(0, 1, 1)]);
    let long = [good.as_slice(), &[0; 1]].concat();
    let huge = [&u64::MAX.to_be_bytes()[..], &[1; 3 * 65]].concat();
    let spoilt = [&[][..], &good[..10], &good[..8], &long, &[0; 8], &huge];
    let mut pages: Vec<Vec<(u32, Vec<u8>)>> =
        spoilt.iter().map(|data| vec![(0, data.to_vec())]).collect();
    pages.push(vec![]);
    pages.push(vec![(0, good.clone()), (0, good.clone())]);
    pages.push(vec![(1, good.clone()), (0, good.clone())]);
    for pages in pages {
        let draft = Draft { pages, ..hour(0) };
        assert_refused(village.try_record(&[draft]), Error::InvalidUsage);
    }
    village.record(&[Draft {
        pages: vec![(0, good)],
        ..hour(0)
    }]);
}
