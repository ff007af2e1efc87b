//! A village that was dark comes back to live entries: sellers renew their listings, buyers what they hold, anyone everything.

use market::storage::Key;
use soroban_sdk::testutils::storage::{Instance as _, Persistent as _};
use soroban_sdk::testutils::Deployer as _;

use crate::bazaar::{Bazaar, DAY, MAX_TTL_LEDGERS};
use crate::metering::SITE;

crate::laws!(
    everything_is_written_for_the_longest_life,
    everything_works_after_170_days,
    anyone_may_extend_everything,
    a_purchase_pays_rent_for_nobody_else,
);

/// An entry's last ledger counts, so the longest life is one less.
const LONGEST: u32 = MAX_TTL_LEDGERS - 1;
const LEDGERS_PER_DAY: u32 = 17_280;

fn life(bazaar: &Bazaar, key: &Key) -> u32 {
    let storage = || bazaar.env.storage().persistent().get_ttl(key);
    bazaar.env.as_contract(&bazaar.contract.address, storage)
}

fn life_of_the_instance(bazaar: &Bazaar) -> u32 {
    let storage = || bazaar.env.storage().instance().get_ttl();
    bazaar.env.as_contract(&bazaar.contract.address, storage)
}

fn life_of_the_code(bazaar: &Bazaar) -> u32 {
    let deployer = bazaar.env.deployer();
    deployer.get_contract_code_ttl(&bazaar.contract.address)
}

fn lives(bazaar: &Bazaar) -> [u32; 4] {
    let keys = [
        Key::Listing(bazaar.producer.clone()),
        Key::Seller(0),
        Key::Holding(bazaar.meter_id),
        Key::SiteOpen(SITE),
    ];
    keys.map(|key| life(bazaar, &key))
}

/// A market on which everything was written within the same hour.
fn busy(bazaar: Bazaar) -> Bazaar {
    let bazaar = bazaar.offering(1_000);
    bazaar.contract.set_site_open(&SITE, &false);
    bazaar.contract.set_site_open(&SITE, &true);
    bazaar.buy(100);
    bazaar
}

fn everything_is_written_for_the_longest_life(bazaar: Bazaar) {
    let bazaar = busy(bazaar);
    assert_eq!(lives(&bazaar), [LONGEST; 4]);
    assert!(life_of_the_instance(&bazaar) > LONGEST - LEDGERS_PER_DAY);
    assert!(life_of_the_code(&bazaar) > LONGEST - LEDGERS_PER_DAY);
}

fn everything_works_after_170_days(bazaar: Bazaar) {
    let bazaar = busy(bazaar);
    bazaar.wait(170 * DAY);
    assert_eq!(lives(&bazaar), [LONGEST - 170 * LEDGERS_PER_DAY; 4]);
    bazaar.contract.fund_reserve(&bazaar.buyer, &1_000_000);
    bazaar.buy(100);
    bazaar.refund(150);
    bazaar.contract.sell_reserve(&150, &5);
    bazaar
        .contract
        .remove_energy_from_sale(&bazaar.producer, &800);
    let earned = bazaar.contract.get_token_balance(&bazaar.producer);
    bazaar.contract.withdraw_balance(&bazaar.producer, &earned);
    assert_eq!(bazaar.credit_wh(), 50);
}

fn anyone_may_extend_everything(bazaar: Bazaar) {
    let bazaar = busy(bazaar);
    bazaar.wait(100 * DAY);
    bazaar.env.set_auths(&[]);
    bazaar.contract.extend(&0, &50);
    bazaar.contract.extend_site(&SITE, &0, &50);
    assert_eq!(lives(&bazaar), [LONGEST; 4]);
    assert_eq!(life_of_the_instance(&bazaar), LONGEST);
    assert_eq!(life_of_the_code(&bazaar), LONGEST);
}

fn a_purchase_pays_rent_for_nobody_else(bazaar: Bazaar) {
    let bazaar = busy(bazaar);
    let (instance, code) = (life_of_the_instance(&bazaar), life_of_the_code(&bazaar));
    bazaar.wait(50 * DAY);
    bazaar.buy(100);
    let aged = 50 * LEDGERS_PER_DAY;
    assert_eq!(
        lives(&bazaar),
        [LONGEST - aged, LONGEST - aged, LONGEST, LONGEST - aged]
    );
    assert_eq!(life_of_the_instance(&bazaar), instance - aged);
    assert_eq!(life_of_the_code(&bazaar), code - aged);
}
