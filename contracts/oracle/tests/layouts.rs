//! The byte layouts, apart from the contract: what is encoded is decoded to the same, and nothing else passes.

use oracle::day::{Day, DAY_HEADER_LEN, DAY_MAX_LEN, WEEK_HOURS};
use oracle::hour::{self, Hour, Prices, HOUR_MAX_LEN};
use oracle::usage::{Cell, Cells, PAGE_SLOTS, REFUSED};
use proptest::prelude::*;
use soroban_sdk::testutils::EnvTestConfig;
use soroban_sdk::{Bytes, Env};

/// Cells of one page, either all small or of any size.
fn cells() -> impl Strategy<Value = Cells> {
    let cell = |most| {
        (0..8_u8, 0..=most).prop_map(|(price_index, usage_wh)| Cell {
            price_index,
            usage_wh,
        })
    };
    let rows = prop_oneof![
        proptest::collection::vec(cell(8_191), PAGE_SLOTS),
        proptest::collection::vec(cell(u16::MAX), PAGE_SLOTS),
    ];
    (1..=u64::MAX, rows).prop_map(|(present, list)| {
        let mut rows = [REFUSED; PAGE_SLOTS];
        let count = present.count_ones() as usize;
        rows[..count].copy_from_slice(&list[..count]);
        Cells { present, rows }
    })
}

fn an_hour() -> impl Strategy<Value = Hour> {
    let prices = proptest::collection::btree_set(any::<u32>(), 1..=7);
    (any::<u32>(), 0..3_u8, prices, cells()).prop_map(|(number, tier, list, cells)| {
        let mut prices = Prices::default();
        for price in list {
            prices.push(price).expect("seven different ones fit");
        }
        Hour {
            number,
            tier,
            prices,
            cells,
        }
    })
}

/// The layout of a call, written anew from its description.
fn sent(cells: &Cells) -> Vec<u8> {
    let mut data = cells.present.to_be_bytes().to_vec();
    for cell in &cells.rows[..cells.count()] {
        data.push(cell.price_index);
        data.extend(cell.usage_wh.to_be_bytes());
    }
    data
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_decodes_to_what_was_encoded(cells in cells(), cut in 1..200_usize, more in 1..9_usize) {
        let data = sent(&cells);
        prop_assert_eq!(Cells::decode(&data), Some(cells));
        prop_assert_eq!(Cells::decode(&data[..data.len().saturating_sub(cut)]), None);
        prop_assert_eq!(Cells::decode(&[data, vec![0; more]].concat()), None);
    }

    #[test]
    fn a_slot_finds_its_own_cell(cells in cells()) {
        let mut walked = cells;
        let by_walk: Vec<(usize, Cell)> = walked.iter_mut().map(|(index, cell)| (index, *cell)).collect();
        let by_index = (0..PAGE_SLOTS).filter_map(|index| Some((index, cells.at(index)?)));
        prop_assert_eq!(by_walk, by_index.collect::<Vec<_>>());
    }

    #[test]
    fn an_hour_decodes_to_what_was_encoded(stored in an_hour(), noise in any::<u8>()) {
        let mut bytes = [noise; HOUR_MAX_LEN];
        let len = stored.encode_into(&mut bytes);
        prop_assert_eq!(Hour::decode(&bytes), Some(stored));
        prop_assert_eq!(hour::len(&bytes), Some(len));
        prop_assert_eq!(hour::len(&bytes[..len]), Some(len));
        prop_assert_eq!(hour::len(&bytes[..len - 1]), None);
        prop_assert_eq!(hour::number(&bytes), Some(stored.number));
    }

    #[test]
    fn a_week_of_hours_fits_and_is_found_again(hours in proptest::collection::vec(an_hour(), 30), gaps in proptest::collection::vec(1..4_u32, 30)) {
        let env = quiet_env();
        let mut day = Day::new();
        let mut kept: Vec<Hour> = vec![];
        let mut longest = 0;
        // Hours of one weekday: the same 24 hours of the day, week after week.
        let mut position = 0;
        for (hour, gap) in hours.iter().zip(gaps) {
            position += gap;
            let number = position / 24 * WEEK_HOURS + position % 24;
            let dated = Hour { number, ..*hour };
            kept.retain(|old| old.number + WEEK_HOURS > number);
            kept.push(dated);
            day.push(&dated);
            let bytes = day.encode(&env);
            prop_assert!(bytes.len() as usize <= DAY_MAX_LEN && bytes.len() >= longest);
            longest = bytes.len();
            day = Day::decode(&bytes).expect("the layout is ours");
            for old in &kept {
                prop_assert_eq!(day.find(old.number), Some(*old));
            }
            prop_assert_eq!(&day.hours().collect::<Vec<_>>(), &kept);
            prop_assert_eq!(usize::from(bytes.get(1).unwrap_or(0)), kept.len());
            prop_assert_eq!(day.find(number + 1), None);
        }
    }

    #[test]
    fn no_bytes_break_the_decoders(bytes in proptest::collection::vec(any::<u8>(), 0..400), number in any::<u32>()) {
        if let Some(cells) = Cells::decode(&bytes) {
            prop_assert_eq!(sent(&cells), bytes.clone());
        }
        if let Some(stored) = Hour::decode(&bytes) {
            prop_assert!(stored.prices.as_slice().len() <= 7);
        }
        let env = quiet_env();
        let mut entry = bytes;
        if let Some(first) = entry.first_mut() {
            *first = 1;
        }
        if let Some(day) = Day::decode(&Bytes::from_slice(&env, &entry)) {
            prop_assert!(day.find(number).is_none_or(|hour| hour.number == number));
        }
    }
}

#[test]
fn an_entry_of_another_layout_is_refused() {
    let env = quiet_env();
    let mut good = Day::new().encode(&env);
    good.extend_from_array(&[0; 8]);
    for (position, value) in [(0, 0), (0, 2), (2, 1), (3, 3), (3, 13)] {
        let mut spoilt = good.clone();
        spoilt.set(position, value);
        assert!(Day::decode(&spoilt).is_none(), "byte {position} = {value}");
    }
    assert!(Day::decode(&Bytes::new(&env)).is_none());
    assert!(Day::decode(&Bytes::from_slice(&env, &[1; DAY_MAX_LEN + 1])).is_none());
    let day = Day::decode(&good).expect("the layout is ours");
    assert_eq!(day.encode(&env).len() as usize, DAY_HEADER_LEN + 8);
}

fn quiet_env() -> Env {
    Env::new_with_config(EnvTestConfig {
        capture_snapshot_at_drop: false,
    })
}
