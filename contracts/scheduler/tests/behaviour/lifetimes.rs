//! Books outlive a village's outage, and whoever pays for a meter pays for nobody's code.

use scheduler::errors::Error;
use scheduler::storage::Key;
use scheduler::types::{Reason, Status};
use soroban_sdk::testutils::storage::{Instance as _, Persistent as _};
use soroban_sdk::testutils::Deployer as _;

use crate::village::{
    assert_refused, verdict, Village, DAY, MAX_TTL_LEDGERS, METER_ID, OTHER_ID, PRICE,
};

crate::laws!(
    scheduling_and_executing_renew_what_they_touch_but_not_the_code,
    a_book_left_for_170_days_works,
    anyone_may_extend_a_meters_book,
    an_unknown_meter_can_not_be_extended,
);

/// An entry's last ledger counts, so the longest life is one less.
const LONGEST: u32 = MAX_TTL_LEDGERS - 1;
const LEDGERS_PER_DAY: u32 = 17_280;

/// Ledgers that the book, the meter's number, the instance and the code still live.
fn lives(village: &Village) -> [u32; 4] {
    let address = &village.scheduler.address;
    let storage = village.env.storage();
    let code = village.env.deployer().get_contract_code_ttl(address);
    village.env.as_contract(address, || {
        let entry = |key| storage.persistent().get_ttl(&key);
        let instance = storage.instance().get_ttl();
        [
            entry(Key::Book(METER_ID)),
            entry(Key::Meter(1)),
            instance,
            code,
        ]
    })
}

fn scheduling_and_executing_renew_what_they_touch_but_not_the_code(village: Village) {
    let village = village.subscribed();
    village.wait(49 * DAY);
    let aged = LONGEST - 49 * LEDGERS_PER_DAY;
    let id = village.charge(49 * 24 - 1, 1_000, PRICE);
    assert_eq!(lives(&village), [LONGEST, aged, LONGEST, aged]);
    village.scheduler.execute(&id);
    assert_eq!(lives(&village), [LONGEST, LONGEST, LONGEST, aged]);
}

fn a_book_left_for_170_days_works(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    village.wait(170 * DAY);
    let due = village.scheduler.reschedule_expired(&id);
    village.wait(due - village.now());
    assert_eq!(village.scheduler.execute(&id), Status::RetryQueued);
    assert_eq!(
        village.state(id).1,
        Reason::AllowanceExpired,
        "allowances don't live as long"
    );
    village.approve(&village.amina, 10 * i128::from(PRICE));
    village.wait(village.shown(id).due - village.now());
    assert_eq!(village.scheduler.execute(&id), Status::Executed);
    let next = village.charge(170 * 24, 1_000, PRICE);
    assert_eq!(village.scheduler.execute(&next), Status::Executed);
}

fn anyone_may_extend_a_meters_book(village: Village) {
    let village = village.subscribed();
    village.wait(100 * DAY);
    village.env.set_auths(&[]);
    village.scheduler.extend(&METER_ID);
    assert_eq!(lives(&village), [LONGEST; 4]);
}

fn an_unknown_meter_can_not_be_extended(village: Village) {
    let village = village.subscribed();
    for unknown in [OTHER_ID, 0, u64::MAX] {
        let answer = verdict(village.scheduler.try_extend(&unknown));
        assert_refused(answer, Error::UnknownMeter);
    }
}
