//! A meter's book, apart from the ledger: its bytes, and its law through any life of its schedules.

use proptest::prelude::*;
use scheduler::book::{Book, BOOK_HEADER_LEN, BOOK_MAX_LEN, MAX_SCHEDULES};
use scheduler::errors::Error;
use scheduler::hours::{mark_after, mark_from, number, start, HOUR_S};
use scheduler::schedule::{Schedule, State, SCHEDULE_LEN};
use scheduler::types::Reason;

const FIRST_HOUR: u32 = 490_896;

/// One hour that is charged, and what becomes of it.
#[derive(Clone, Copy, Debug)]
struct Step {
    usage_wh: u64,
    price: i64,
    end: End,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Leave,
    Execute,
    /// Fails, and pays this many hundredths of it when it is retried.
    Part(i64),
    Cancel,
    Unsubscribe,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        Just(End::Leave),
        Just(End::Execute),
        (0..100_i64).prop_map(End::Part),
        Just(End::Cancel),
        Just(End::Unsubscribe),
    ];
    (0..70_000_u64, 0..5_000_000_000_i64, end).prop_map(|(usage_wh, price, end)| Step {
        usage_wh,
        price,
        end,
    })
}

fn apply(book: &mut Book, schedule: Schedule, end: End, now: u64) {
    match end {
        End::Leave => {}
        End::Execute => drop(book.execute(schedule, now)),
        End::Part(hundredths) => {
            let queued = book.fail(schedule, Reason::AllowanceTooSmall, now);
            let paid = queued.amount / 100 * hundredths;
            book.settle_partly(queued, paid, Reason::InsufficientBalance, now + 7_200);
        }
        End::Cancel => drop(book.cancel(schedule, now)),
        End::Unsubscribe => {
            while let Some(open) = book.first_open() {
                book.cancel(open, now);
            }
            book.end_subscription();
            book.since = Some(schedule.hour + 1);
        }
    }
}

fn encoded(book: &Book) -> Vec<u8> {
    let mut bytes = [0xee; BOOK_MAX_LEN];
    let len = book.encode_into(&mut bytes);
    bytes[..len].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_remainder_is_ever_lost_and_books_decode_to_what_was_encoded(steps in proptest::collection::vec(step(), 1..90)) {
        let mut book = Book::new(7);
        book.since = Some(FIRST_HOUR + 2);
        let mut used_milli = 0;
        for (hour, step) in (FIRST_HOUR..).zip(steps) {
            let now = start(hour) + HOUR_S;
            let before = book.clone();
            match book.open(hour, step.usage_wh, step.price, now) {
                Ok(schedule) => {
                    used_milli += i128::from(step.usage_wh) * i128::from(step.price);
                    if !schedule.is_final() {
                        apply(&mut book, schedule, step.end, now);
                    }
                    prop_assert_eq!(book.is_scheduled(hour), Ok(true));
                }
                Err(error) => {
                    prop_assert_eq!(error, Error::BookFull);
                    prop_assert_eq!(&book, &before, "what is refused changes nothing");
                }
            }
            let account = book.account();
            let stroops = [account.paid, account.open, account.rolled, account.uncollected];
            prop_assert!(stroops.iter().all(|part| *part >= 0));
            let held: i128 = stroops.iter().map(|part| i128::from(*part)).sum();
            prop_assert_eq!(held * 1_000 + i128::from(account.remainder), used_milli);
            let bytes = encoded(&book);
            prop_assert_eq!(bytes.len(), BOOK_HEADER_LEN + book.schedules().len() * SCHEDULE_LEN);
            let decoded = Book::decode(&bytes).expect("the layout is ours");
            prop_assert_eq!(encoded(&decoded), bytes);
            prop_assert_eq!(decoded.account(), account);
        }
    }

    #[test]
    fn a_week_of_hours_is_remembered_whatever_their_order(offsets in proptest::collection::vec(0..400_u32, 1..60)) {
        let mut book = Book::new(1);
        let mut known = std::collections::BTreeSet::new();
        for hour in offsets.into_iter().map(|offset| FIRST_HOUR + offset) {
            let newest = known.last().copied().unwrap_or(0);
            let expected = if hour + 168 <= newest { Err(Error::HourTooOld) } else { Ok(known.contains(&hour)) };
            prop_assert_eq!(book.is_scheduled(hour), expected);
            if expected == Ok(false) {
                book.open(hour, 1, 1_000, start(hour) + HOUR_S).expect("there is room: nobody is subscribed");
                known.insert(hour);
            }
        }
    }

    #[test]
    fn no_bytes_break_the_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let mut bytes = bytes;
        if let [version, count, ..] = bytes.as_mut_slice() {
            *version = 1;
            *count %= 50;
        }
        if let Some(book) = Book::decode(&bytes) {
            prop_assert!(book.schedules().len() <= MAX_SCHEDULES);
        }
    }

    #[test]
    fn hour_marks_are_multiples_of_an_hour(at in 0..u64::from(u32::MAX)) {
        prop_assert!(mark_from(at) >= at && mark_from(at) - at < HOUR_S);
        prop_assert!(mark_after(at) > at && mark_after(at) - at <= HOUR_S);
        prop_assert_eq!(number(mark_from(at)).map(start), Some(mark_from(at)));
        prop_assert_eq!(number(at).is_some(), at % HOUR_S == 0);
    }
}

#[test]
fn the_first_open_schedule_of_a_book_is_the_oldest() {
    let mut book = Book::new(1);
    book.since = Some(FIRST_HOUR);
    let [old, new] = [0, 1].map(|later| {
        let hour = FIRST_HOUR + later;
        book.open(hour, 1, 1_000, start(hour) + HOUR_S)
            .expect("there is room")
    });
    assert_eq!(book.first_open(), Some(old));
    book.execute(old, start(FIRST_HOUR) + HOUR_S);
    assert_eq!(book.first_open(), Some(new));
    assert_eq!(
        book.find(FIRST_HOUR).map(|known| known.state),
        Some(State::Executed)
    );
}

#[test]
fn amounts_that_the_accounts_can_not_hold_are_refused() {
    let hour = FIRST_HOUR;
    let now = start(hour) + HOUR_S;
    let mut book = Book::new(1);
    book.since = Some(hour);
    for (usage_wh, price) in [
        (1, -1),
        (0, i64::MIN),
        (u64::MAX, i64::MAX),
        (1_001, i64::MAX),
    ] {
        let answer = book.open(hour, usage_wh, price, now);
        assert_eq!(
            answer,
            Err(Error::AmountTooLarge),
            "{usage_wh} Wh at {price}"
        );
    }
    book.open(hour, 1_000, i64::MAX, now)
        .expect("it fits exactly");
    let answer = book.open(hour + 1, 1, 1_000, now);
    assert_eq!(
        answer,
        Err(Error::AmountTooLarge),
        "no later move may overflow"
    );
    assert_eq!(book.account().open, i64::MAX);
}

#[test]
fn a_book_of_another_layout_is_refused() {
    let mut book = Book::new(1);
    book.open(FIRST_HOUR, 1, 1_000, start(FIRST_HOUR))
        .expect("there is room");
    let good = encoded(&book);
    assert!(Book::decode(&good).is_some());
    // Version, number of schedules, state and reason of the first.
    for (position, value) in [
        (0, 0),
        (0, 2),
        (1, 0),
        (1, 2),
        (64 + 12, 0),
        (64 + 12, 4),
        (64 + 13, 5),
    ] {
        let mut spoilt = good.clone();
        spoilt[position] = value;
        assert!(Book::decode(&spoilt).is_none(), "byte {position} = {value}");
    }
    for len in [0, 63, good.len() - 1] {
        assert!(Book::decode(&good[..len]).is_none());
    }
    assert!(Book::decode(&[good.as_slice(), &[0]].concat()).is_none());
}
