//! The bytes of a producer's energy, against the documented layout and not against the code that writes them.

use certification::errors::Error;
use certification::page::{Page, PAGE_LEN};
use proptest::prelude::*;
use soroban_sdk::{Bytes, Env};

const DAY: u64 = 86_400;

fn decode(bytes: &[u8]) -> Result<Page, Error> {
    Page::decode(&Bytes::from_slice(&Env::default(), bytes))
}

fn encode(page: &Page) -> Vec<u8> {
    page.encode(&Env::default()).iter().collect()
}

#[test]
fn the_layout_is_the_documented_one() {
    let mut page = Page::new(70 * DAY);
    page.total_wh = 0x0102_0304_0506_0708;
    page.exported_wh = 0x1112_1314_1516_1718;
    page.reported_at = 0x2122_2324_2526_2728;
    page.resuming = true;
    page.count(71 * DAY, 0x3132_3334);
    let mut expected = vec![1, 1, 0, 0, 0, 0, 0, 71];
    expected.extend([1, 2, 3, 4, 5, 6, 7, 8]);
    expected.extend([0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18]);
    expected.extend([0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28]);
    expected.resize(PAGE_LEN, 0);
    expected[32 + 7 * 4..][..4].copy_from_slice(&[0x31, 0x32, 0x33, 0x34]);
    assert_eq!(encode(&page), expected);
    assert_eq!(decode(&expected), Ok(page));
}

#[test]
fn another_layout_is_not_guessed_at() {
    let good = encode(&Page::new(DAY));
    assert!(decode(&good).is_ok());
    for (index, value) in [(0, 0), (0, 2), (1, 2), (2, 1), (3, 1)] {
        let mut spoilt = good.clone();
        spoilt[index] = value;
        assert_eq!(decode(&spoilt), Err(Error::UnknownLayout), "byte {index}");
    }
    assert_eq!(decode(&good[1..]), Err(Error::UnknownLayout));
    assert_eq!(decode(&[]), Err(Error::UnknownLayout));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Days may be skipped by the hundred; what is asked of the ring is what a plain list would say.
    #[test]
    fn a_ring_remembers_the_last_64_days(counts in proptest::collection::vec((0..90_u64, 0..5_000_u64), 1..40)) {
        let mut now = 1_000 * DAY;
        let mut page = Page::new(now);
        let mut list = std::collections::BTreeMap::new();
        for (days, wh) in counts {
            now += days * DAY;
            page.count(now, wh);
            *list.entry(now / DAY).or_insert(0) += wh;
        }
        let page = decode(&encode(&page)).expect("what is written can be read");
        let today = now / DAY;
        for day in today - 63..=today + 1 {
            let expected = list.get(&day).copied().unwrap_or(0);
            prop_assert_eq!(page.day(day as u32).map(u64::from), Some(expected));
        }
        prop_assert_eq!(page.day((today - 64) as u32), None);
    }
}
