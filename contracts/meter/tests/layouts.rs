//! The byte layouts, apart from the contract: what is encoded is decoded to the same, and nothing else passes.

use meter::page::{Page, HEADER_LEN, PAGE_RECORDS};
use meter::record::{Record, RECORD_LEN};
use meter::storage::Key;
use meter::types::Mode;
use meter::usage::{PageData, Usage};
use proptest::prelude::*;
use soroban_sdk::testutils::EnvTestConfig;
use soroban_sdk::xdr::{ScSymbol, ScVal, ScVec};
use soroban_sdk::{Bytes, Env, IntoVal, TryFromVal, Val};

/// Bit of the flags without which a record is a hole.
const REGISTERED: u8 = 1;

fn record() -> impl Strategy<Value = Record> {
    let money = (any::<u64>(), any::<i64>(), any::<u32>(), any::<u16>());
    let times = (any::<u32>(), any::<u32>(), any::<u32>());
    let rest = (any::<u16>(), any::<u8>(), any::<u8>(), any::<u16>());
    (money, times, rest).prop_map(|(money, times, rest)| Record {
        total_wh: money.0,
        balance: money.1,
        market_credit_wh: money.2,
        remainder: money.3,
        paid_from: times.0,
        paid_until: times.1,
        last_read_at: times.2,
        max_power_10w: rest.0,
        plan: rest.1,
        flags: rest.2 | REGISTERED,
        version: rest.3,
    })
}

fn page_of(records: &[Record]) -> Page {
    let mut page = Page::new();
    for (index, record) in records.iter().enumerate() {
        page.put(index, record);
    }
    page
}

/// Rows of one page by index, and the columns that are written.
fn rows() -> impl Strategy<Value = (Vec<(usize, [u32; 5])>, u8)> {
    let wh = proptest::collection::vec(any::<[u32; 5]>(), 64);
    (1..=u64::MAX, 0..32_u8, wh).prop_map(|(bitmap, mask, wh)| {
        let present = (0..64).filter(|index| bitmap >> index & 1 == 1);
        let written = |index: usize| {
            std::array::from_fn(|column| {
                if mask >> column & 1 == 1 {
                    wh[index][column]
                } else {
                    0
                }
            })
        };
        (present.map(|index| (index, written(index))).collect(), mask)
    })
}

fn encode(rows: &[(usize, [u32; 5])], mask: u8) -> Vec<u8> {
    let bitmap = rows.iter().fold(0_u64, |map, (index, _)| map | 1 << index);
    let mut data = [bitmap.to_be_bytes().as_slice(), &[mask]].concat();
    for column in (0..5).filter(|column| mask >> column & 1 == 1) {
        data.extend(rows.iter().flat_map(|(_, wh)| wh[column].to_be_bytes()));
    }
    data
}

/// They are what `#[contracttype]` would write, which programs in other languages know how to build.
#[test]
fn keys_are_names_and_numbers() {
    let env = quiet_env();
    let number = ScVal::U32;
    for (key, name, numbers) in [
        (Key::Token, "Token", vec![]),
        (Key::PriceCount, "PriceCount", vec![]),
        (Key::Market, "Market", vec![]),
        (Key::Site(7), "Site", vec![number(7)]),
        (Key::Receipt(7), "Receipt", vec![number(7)]),
        (Key::Page(7, 3), "Page", vec![number(7), number(3)]),
        (Key::Price(2), "Price", vec![number(2)]),
        (Key::Owner(u64::MAX), "Owner", vec![ScVal::U64(u64::MAX)]),
        (Key::WrittenOff(5), "WrittenOff", vec![ScVal::U64(5)]),
        (Key::Float(7), "Float", vec![number(7)]),
        (Key::LegacyMeter(5), "LegacyMeter", vec![ScVal::U64(5)]),
    ] {
        let value: Val = key.into_val(&env);
        let written = ScVal::try_from_val(&env, &value).expect("a value of the host");
        let name = ScVal::Symbol(ScSymbol(name.try_into().expect("short enough")));
        let parts = [vec![name], numbers].concat();
        let expected = ScVal::Vec(Some(ScVec(parts.try_into().expect("few"))));
        assert_eq!(written, expected, "{key:?}");
    }
}

/// Meters of the earlier layout leave holes in a page until they are migrated.
#[test]
fn a_page_may_have_holes() {
    let env = quiet_env();
    let record = Record::new(Mode::Prepaid, 1, 0);
    let mut page = Page::new();
    page.put(3, &record);
    page.put(1, &record);
    let page = Page::decode(&page.encode(&env)).expect("the layout is ours");
    let found: Vec<usize> = (0..PAGE_RECORDS)
        .filter(|index| page.record(*index).is_some())
        .collect();
    assert_eq!((page.count(), found), (4, vec![1, 3]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_decode_to_what_was_encoded(records in proptest::collection::vec(record(), 0..=PAGE_RECORDS)) {
        let env = quiet_env();
        let bytes = page_of(&records).encode(&env);
        prop_assert_eq!(bytes.len() as usize, HEADER_LEN + records.len() * RECORD_LEN);
        let page = Page::decode(&bytes).expect("the layout is ours");
        let decoded: Vec<Record> = (0..page.count()).filter_map(|index| page.record(index)).collect();
        prop_assert_eq!(decoded, records);
        prop_assert_eq!(page.record(page.count()), None);
    }

    #[test]
    fn a_record_leaves_the_reserved_bytes_alone(record in record(), before in any::<[u8; 48]>()) {
        let mut bytes = before;
        record.encode_into(&mut bytes);
        prop_assert_eq!(Record::decode(&bytes), record);
        prop_assert_eq!(&bytes[40..], &before[40..]);
    }

    #[test]
    fn usage_decodes_to_what_was_encoded((rows, mask) in rows()) {
        let data = encode(&rows, mask);
        let decoded = PageData::decode(&data).expect("the layout is ours");
        let usage: Vec<(usize, Usage)> = decoded.iter().collect();
        let expected: Vec<(usize, Usage)> = rows
            .iter()
            .map(|(index, wh)| (*index, Usage { wh: *wh }))
            .collect();
        prop_assert_eq!(usage, expected);
    }

    #[test]
    fn usage_of_any_other_length_is_refused((rows, mask) in rows(), cut in 1..2_000_usize, more in 1..9_usize) {
        let data = encode(&rows, mask);
        prop_assert!(PageData::decode(&data[..data.len().saturating_sub(cut)]).is_none());
        prop_assert!(PageData::decode(&[data.as_slice(), &vec![0; more]].concat()).is_none());
    }

    #[test]
    fn no_bytes_break_the_decoders(bytes in proptest::collection::vec(any::<u8>(), 0..4_000)) {
        if let Some(usage) = PageData::decode(&bytes) {
            prop_assert_eq!(usage.iter().count(), usage.present().count_ones() as usize);
        }
        let env = quiet_env();
        if let Some(page) = Page::decode(&Bytes::from_slice(&env, &bytes)) {
            prop_assert!(page.count() <= PAGE_RECORDS);
        }
    }
}

#[test]
fn a_page_of_another_layout_is_refused() {
    let env = quiet_env();
    let good = page_of(&[Record::new(Mode::Prepaid, 1, 0)]).encode(&env);
    for (position, value) in [(0, 0), (0, 2), (1, 64), (2, 0), (2, 2)] {
        let mut spoilt = good.clone();
        spoilt.set(position, value);
        assert!(Page::decode(&spoilt).is_none(), "byte {position} = {value}");
    }
    assert!(Page::decode(&Bytes::new(&env)).is_none());
    assert!(Page::decode(&good).is_some());
}

fn quiet_env() -> Env {
    Env::new_with_config(EnvTestConfig {
        capture_snapshot_at_drop: false,
    })
}
