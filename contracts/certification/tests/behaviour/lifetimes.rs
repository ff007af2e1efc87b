//! A village that was dark comes back to live entries: each is renewed to 180 days by who writes it, and by `extend`.

use certification::roles::{CERTIFIER, REPORTER};
use certification::storage::Key;
use certification::types::Status;
use soroban_sdk::testutils::storage::{Instance as _, Persistent as _};
use soroban_sdk::testutils::Deployer as _;

use crate::office::{Office, DAY, MAX_TTL_LEDGERS};

crate::laws!(
    everything_is_written_for_the_longest_life,
    everything_works_after_170_days,
    anyone_may_extend_everything,
    a_report_renews_what_it_needs_but_never_the_code,
);

/// An entry's last ledger counts, so the longest life is one less.
const LONGEST: u32 = MAX_TTL_LEDGERS - 1;
const LEDGERS_PER_DAY: u32 = 17_280;

fn life(office: &Office, key: &Key) -> u32 {
    let storage = || office.env.storage().persistent().get_ttl(key);
    office.env.as_contract(&office.contract.address, storage)
}

fn life_of_the_instance(office: &Office) -> u32 {
    let storage = || office.env.storage().instance().get_ttl();
    office.env.as_contract(&office.contract.address, storage)
}

fn life_of_the_code(office: &Office) -> u32 {
    let deployer = office.env.deployer();
    deployer.get_contract_code_ttl(&office.contract.address)
}

/// Every entry of a certified producer who has applied again.
fn entries(office: &Office) -> [Key; 9] {
    let producer = || office.producer.clone();
    [
        Key::Role(CERTIFIER),
        Key::Role(REPORTER),
        Key::Certificate(producer()),
        Key::Application(producer()),
        Key::Production(producer()),
        Key::Audit(producer(), 0),
        Key::Audit(producer(), 1),
        Key::Producer(0),
        Key::Queue(0),
    ]
}

fn lives(office: &Office) -> [u32; 9] {
    entries(office).map(|key| life(office, &key))
}

fn everything_is_written_for_the_longest_life(office: Office) {
    let office = office.certified();
    office.apply(&office.producer);
    assert_eq!(lives(&office), [LONGEST; 9]);
    assert_eq!(life_of_the_instance(&office), LONGEST);
    assert_eq!(life_of_the_code(&office), LONGEST);
}

fn everything_works_after_170_days(office: Office) {
    let office = office.certified();
    office.apply(&office.producer);
    office.wait(170 * DAY);
    assert_eq!(lives(&office), [LONGEST - 170 * LEDGERS_PER_DAY; 9]);
    assert_eq!(office.report(5_000), 5_000);
    office.certify(&office.producer);
    office.revoke("because");
    office.reinstate("because not");
    office.contract.remove_reporter(&office.reporter);
    assert_eq!(office.status(), Status::Certified);
    assert_eq!(office.audit().len(), 6);
}

fn anyone_may_extend_everything(office: Office) {
    let office = office.certified();
    office.apply(&office.producer);
    office.wait(100 * DAY);
    office.env.set_auths(&[]);
    office.contract.extend(&0, &50);
    office.contract.extend_audit(&office.producer, &0, &50);
    assert_eq!(lives(&office), [LONGEST; 9]);
    assert_eq!(life_of_the_instance(&office), LONGEST);
    assert_eq!(life_of_the_code(&office), LONGEST);
}

fn a_report_renews_what_it_needs_but_never_the_code(office: Office) {
    let office = office.certified();
    office.wait(50 * DAY);
    office.report(5_000);
    let production = Key::Production(office.producer.clone());
    assert_eq!(life(&office, &production), LONGEST);
    assert_eq!(life(&office, &Key::Role(REPORTER)), LONGEST);
    assert_eq!(life_of_the_instance(&office), LONGEST);
    assert_eq!(life_of_the_code(&office), LONGEST - 50 * LEDGERS_PER_DAY);
}
