//! A dark village must come back to live entries: each is renewed to 180 days once fewer than 172 are left.

use meter::errors::Error;
use meter::storage::Key;
use meter::types::Plan;
use soroban_sdk::testutils::storage::{Instance as _, Persistent as _};
use soroban_sdk::testutils::Deployer as _;

use crate::drafts::standard;
use crate::village::{assert_refused, meter_id, verdict, Village, DAY, MAX_TTL_LEDGERS, SITE};

crate::laws!(
    a_batch_renews_all_that_it_touches,
    a_batch_never_pays_the_rent_of_the_code,
    an_entry_with_a_long_life_is_left_alone,
    a_payment_renews_nothing,
    a_report_renews_what_it_writes,
    market_credit_renews_nothing,
    an_instance_is_deployed_for_the_longest_life,
    anyone_may_extend_a_whole_site,
    an_unknown_site_can_not_be_extended,
);

/// An entry's last ledger counts, so the longest life is one less.
const LONGEST: u32 = MAX_TTL_LEDGERS - 1;
const LEDGERS_PER_DAY: u32 = 17_280;

fn life(village: &Village, key: &Key) -> u32 {
    let storage = || village.env.storage().persistent().get_ttl(key);
    village.env.as_contract(&village.meter.address, storage)
}

fn life_of_the_instance(village: &Village) -> u32 {
    let storage = || village.env.storage().instance().get_ttl();
    village.env.as_contract(&village.meter.address, storage)
}

fn life_of_the_code(village: &Village) -> u32 {
    let deployer = village.env.deployer();
    deployer.get_contract_code_ttl(&village.meter.address)
}

const TOUCHED: [Key; 4] = [
    Key::Site(SITE),
    Key::Receipt(SITE),
    Key::Price(1),
    Key::Page(SITE, 0),
];

fn a_batch_renews_all_that_it_touches(village: Village) {
    village.register(65);
    for _ in 0..2 {
        village.wait(10 * DAY);
        village.settle(&village.next_batch().with(&[(0, standard(1))]));
        assert_eq!(TOUCHED.map(|key| life(&village, &key)), [LONGEST; 4]);
        assert_eq!(life_of_the_instance(&village), LONGEST);
    }
    assert_eq!(
        life(&village, &Key::Page(SITE, 1)),
        LONGEST - 20 * LEDGERS_PER_DAY
    );
}

/// It belongs to all villages of the network, and would cost this one a thousand times its batch.
fn a_batch_never_pays_the_rent_of_the_code(village: Village) {
    village.register(1);
    village.wait(50 * DAY);
    village.settle(&village.next_batch().with(&[(0, standard(1))]));
    let expected = LONGEST - 50 * LEDGERS_PER_DAY;
    assert_eq!(life_of_the_code(&village), expected);
    assert_eq!(life_of_the_instance(&village), LONGEST);
}

fn an_entry_with_a_long_life_is_left_alone(village: Village) {
    village.register(1);
    village.wait(7 * DAY);
    village.settle(&village.next_batch().with(&[(0, standard(1))]));
    assert_eq!(
        life(&village, &Key::Page(SITE, 0)),
        LONGEST - 7 * LEDGERS_PER_DAY
    );
}

/// Rent is the provider's: whoever pays for a meter pays the fee of a payment.
fn a_payment_renews_nothing(village: Village) {
    village.register(1);
    village.wait(50 * DAY);
    village.pay(0, 5, Plan::UsageBased);
    let expected = LONGEST - 50 * LEDGERS_PER_DAY;
    assert_eq!(life(&village, &Key::Page(SITE, 0)), expected);
    assert_eq!(life_of_the_instance(&village), expected);
    assert_eq!(life_of_the_code(&village), expected);
}

fn a_report_renews_what_it_writes(village: Village) {
    village.register(1);
    village.wait(50 * DAY);
    village
        .meter
        .update_usage(&village.signer, &meter_id(0), &1);
    let written = [Key::Site(SITE), Key::Page(SITE, 0)].map(|key| life(&village, &key));
    assert_eq!(written, [LONGEST; 2]);
    assert_eq!(life_of_the_instance(&village), LONGEST);
    assert_eq!(life_of_the_code(&village), LONGEST - 50 * LEDGERS_PER_DAY);
}

/// Whoever trades pays for the trade, not for a village's pages.
fn market_credit_renews_nothing(village: Village) {
    village.register(1);
    village.meter.set_market(&Some(village.admin.clone()));
    village.wait(50 * DAY);
    village.meter.add_market_credit(&meter_id(0), &1);
    let expected = LONGEST - 50 * LEDGERS_PER_DAY;
    assert_eq!(life(&village, &Key::Page(SITE, 0)), expected);
    assert_eq!(life_of_the_code(&village), expected);
}

fn an_instance_is_deployed_for_the_longest_life(village: Village) {
    assert_eq!(life_of_the_instance(&village), LONGEST);
    assert_eq!(life_of_the_code(&village), LONGEST);
}

fn anyone_may_extend_a_whole_site(village: Village) {
    village.register(65);
    village.meter.fund_float(&village.payer, &SITE, &1);
    village.wait(DAY);
    village.settle(&village.next_batch());
    village.set_price(village.now() + DAY, [1, 2, 3]);
    village.wait(100 * DAY);
    village.env.set_auths(&[]);
    village.meter.extend(&SITE);
    assert_eq!(TOUCHED.map(|key| life(&village, &key))[..2], [LONGEST; 2]);
    let rest = [
        Key::Page(SITE, 0),
        Key::Page(SITE, 1),
        Key::Price(2),
        Key::Float(SITE),
    ];
    assert_eq!(rest.map(|key| life(&village, &key)), [LONGEST; 4]);
    assert_eq!(life_of_the_instance(&village), LONGEST);
    assert_eq!(life_of_the_code(&village), LONGEST);
}

fn an_unknown_site_can_not_be_extended(village: Village) {
    assert_refused(verdict(village.meter.try_extend(&99)), Error::UnknownSite);
}
