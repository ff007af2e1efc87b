//! A dark village must come back to live entries, and room that was paid for once isn't paid for again.

use oracle::errors::Error;
use oracle::storage::Key;
use soroban_sdk::testutils::storage::{Instance as _, Persistent as _, Temporary as _};
use soroban_sdk::testutils::Deployer as _;
use soroban_sdk::Bytes;

use crate::drafts::{hour, Draft};
use crate::village::{
    assert_refused, verdict, Village, DAY, HOUR, MAX_TTL_LEDGERS, SITE, START, STREAMING,
};

crate::laws!(
    recording_renews_what_it_touches_but_not_the_code,
    a_week_left_for_170_days_is_still_there,
    after_a_year_in_the_dark_recording_goes_on,
    anyone_may_extend_a_page_of_a_site,
    an_unknown_site_can_not_be_extended,
    a_days_entry_never_gets_shorter,
);

/// An entry's last ledger counts, so the longest life is one less.
const LONGEST: u32 = MAX_TTL_LEDGERS - 1;
const LEDGERS_PER_DAY: u32 = 17_280;

/// Ledgers that the instance, the code and the site still live.
fn lives(village: &Village) -> [u32; 3] {
    let address = &village.oracle.address;
    let storage = village.env.storage();
    let stored = village.env.as_contract(address, || {
        let site = storage.persistent().get_ttl(&Key::Site(SITE));
        (storage.instance().get_ttl(), site)
    });
    let code = village.env.deployer().get_contract_code_ttl(address);
    [stored.0, code, stored.1]
}

fn life_of_day(village: &Village, page: u32, weekday: u32) -> u32 {
    let key = Key::Day(SITE, page, weekday);
    let life = || village.env.storage().temporary().get_ttl(&key);
    village.env.as_contract(&village.oracle.address, life)
}

/// The weekday of the first day of every test, a Thursday: 1970 began with one.
const FIRST: u32 = (START / DAY % 7) as u32;

fn one(number: u64) -> Draft {
    hour(number).with(&[(0, 1, 1)])
}

fn recording_renews_what_it_touches_but_not_the_code(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(50 * DAY);
    village.record(&[one(0)]);
    assert_eq!(life_of_day(&village, 0, FIRST), LONGEST);
    let aged = LONGEST - 50 * LEDGERS_PER_DAY;
    assert_eq!(lives(&village), [LONGEST, aged, LONGEST]);
    village.wait(7 * DAY);
    village.record(&[one(1)]);
    let aged = LONGEST - 7 * LEDGERS_PER_DAY;
    assert_eq!(
        life_of_day(&village, 0, FIRST),
        aged,
        "a long life is left alone"
    );
}

fn a_week_left_for_170_days_is_still_there(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(7 * DAY);
    for day in 0..7 {
        village.record(&[one(24 * day)]);
    }
    village.wait(170 * DAY);
    for day in 0..7 {
        assert_eq!(village.data(0, START + day * DAY).usage_wh, 1);
    }
    village.record(&[one(24 * 177 - 1)]);
}

fn after_a_year_in_the_dark_recording_goes_on(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(HOUR);
    village.record(&[one(0)]);
    village.wait(365 * DAY);
    assert_refused(village.try_data(0, START), Error::NoData);
    village.record(&[one(1)]);
    assert_eq!(village.data(0, START + HOUR).usage_wh, 1);
}

fn anyone_may_extend_a_page_of_a_site(village: Village) {
    village.register(0, &[STREAMING; 65]);
    village.wait(2 * DAY);
    village.record(&[one(0).with(&[(64, 1, 1)]), one(24)]);
    village.wait(100 * DAY);
    village.env.set_auths(&[]);
    village.oracle.extend(&SITE, &0);
    assert_eq!(lives(&village), [LONGEST; 3]);
    let days = [FIRST, (FIRST + 1) % 7].map(|weekday| life_of_day(&village, 0, weekday));
    assert_eq!(days, [LONGEST; 2]);
    let aged = LONGEST - 100 * LEDGERS_PER_DAY;
    assert_eq!(
        life_of_day(&village, 1, FIRST),
        aged,
        "another page is another call"
    );
    village.oracle.extend(&SITE, &u32::MAX);
}

fn an_unknown_site_can_not_be_extended(village: Village) {
    let answer = verdict(village.oracle.try_extend(&99, &0));
    assert_refused(answer, Error::UnknownSite);
}

fn a_days_entry_never_gets_shorter(village: Village) {
    village.register(0, &[STREAMING; 64]);
    village.wait(15 * DAY);
    let entry = || -> Bytes {
        let key = Key::Day(SITE, 0, FIRST);
        let read = || {
            village
                .env
                .storage()
                .temporary()
                .get(&key)
                .expect("it lives")
        };
        village.env.as_contract(&village.oracle.address, read)
    };
    let full: Vec<_> = (0..64).map(|slot| (slot, 1, 9_000)).collect();
    village.record(&(0..24).map(|n| hour(n).with(&full)).collect::<Vec<_>>());
    let room = entry().len();
    village.record(&[one(7 * 24 + 23)]);
    assert_eq!(entry().len(), room, "a day begun anew keeps its room");
    village.record(
        &(0..24)
            .map(|n| hour(14 * 24 + n).with(&full))
            .collect::<Vec<_>>(),
    );
    assert_eq!(entry().len(), room);
}
