//! A record that can't be true is refused by itself, once and for ever, and never blocks the others.

use crate::drafts::{hour, page_data, Draft};
use crate::village::{
    meter_id, Village, HOUR, MAX_POWER_W, POSTPAID, PREPAID, SITE, START, STREAMING,
};

crate::laws!(
    only_streaming_meters_count,
    unknown_meters_pages_and_sites_do_not_count,
    a_price_that_is_not_there_refuses_the_record,
    more_than_the_connection_can_carry_is_refused,
    what_was_refused_stays_refused,
    a_deactivated_meter_that_uses_energy_is_recorded,
    the_meter_contract_tells_what_streams,
);

fn only_streaming_meters_count(village: Village) {
    village.register(0, &[PREPAID, STREAMING, POSTPAID, STREAMING]);
    village.wait(HOUR);
    let records = [(0, 1, 1), (1, 1, 20), (2, 1, 300), (3, 1, 4_000)];
    village.record(&[hour(0).with(&records)]);
    assert_eq!(village.summary(), Some([1, START, START + HOUR, 4_020, 2]));
    let known = [0, 1, 2, 3].map(|slot| village.try_data(slot, START).is_ok());
    assert_eq!(known, [false, true, false, true]);
}

fn unknown_meters_pages_and_sites_do_not_count(village: Village) {
    village.register(0, &[STREAMING]);
    village.oracle.allow(&8, &village.writer);
    village.wait(HOUR);
    let pages = [0, 1, u32::MAX].map(|page| (page, page_data(&[(0, 1, 1), (1, 1, 1)])));
    let draft = Draft {
        pages: pages.to_vec(),
        ..hour(0)
    };
    village.record(std::slice::from_ref(&draft));
    assert_eq!(village.summary(), Some([1, START, START + HOUR, 1, 5]));
    let elsewhere = village.encoded(&[draft]);
    village
        .oracle
        .update_usage_and_price(&village.writer, &8, &elsewhere);
    assert_eq!(village.summary(), Some([1, START, START + HOUR, 0, 6]));
}

fn a_price_that_is_not_there_refuses_the_record(village: Village) {
    village.register(0, &[STREAMING; 4]);
    village.wait(HOUR);
    let records = [(0, 0, 1), (1, 2, 20), (2, 3, 300), (3, 255, 4_000)];
    village.record(&[hour(0).at(1, &[5, 6]).with(&records)]);
    assert_eq!(village.summary(), Some([1, START, START + HOUR, 20, 3]));
    assert_eq!(village.data(1, START).price, 6);
}

fn more_than_the_connection_can_carry_is_refused(village: Village) {
    village.register(0, &[STREAMING; 3]);
    village.wait(HOUR);
    let most = MAX_POWER_W as u16;
    let records = [(0, 1, most + 1), (1, 1, most + 2), (2, 1, u16::MAX)];
    village.record(&[hour(0).with(&records)]);
    let expected = [1, START, START + HOUR, u64::from(most) + 1, 2];
    assert_eq!(village.summary(), Some(expected));
}

/// Else an hour that is repeated, after the slot was handed out, would count for a meter that wasn't there.
fn what_was_refused_stays_refused(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(HOUR);
    let sent = hour(0).with(&[(0, 1, 10), (1, 1, 20)]);
    village.record(std::slice::from_ref(&sent));
    village.register(1, &[STREAMING]);
    village.record(&[sent]);
    assert_eq!(village.summary(), None);
    assert!(village.try_data(1, START).is_err());
    assert_eq!(village.data(0, START).usage_wh, 10);
}

/// The energy was used: switching off is the relay's part.
fn a_deactivated_meter_that_uses_energy_is_recorded(village: Village) {
    village.register(0, &[STREAMING]);
    village.meter.deactivate_meter(&meter_id(0));
    village.wait(HOUR);
    village.record(&[hour(0).with(&[(0, 1, 10)])]);
    assert_eq!(village.data(0, START).usage_wh, 10);
}

fn the_meter_contract_tells_what_streams(village: Village) {
    village.register(0, &[PREPAID, STREAMING, POSTPAID]);
    let slots = [0, 1, 2, 3, 64, u32::MAX];
    let streaming = slots.map(|slot| village.oracle.is_streaming(&meter_id(slot)));
    assert_eq!(streaming, [false, true, false, false, false, false]);
    for stranger in [0, u64::MAX, u64::from(SITE + 1) << 32 | 1] {
        assert!(!village.oracle.is_streaming(&stranger));
    }
}
