//! Who may do what: the admin, the writers of a site, and nobody else.

use oracle::errors::Error;
use soroban_sdk::testutils::{Address as _, MockAuth, MockAuthInvoke};
use soroban_sdk::{Address, BytesN, IntoVal, Symbol, Val};
use stellar_contract_utils::pausable::PausableError;

use crate::drafts::hour;
use crate::village::{assert_refused, verdict, Village, HOUR, SITE, STREAMING};

crate::laws!(
    nobody_but_the_admin_may_administer,
    an_instance_can_not_be_initialised_again,
    only_a_writer_on_the_list_records,
    a_writers_own_signature_is_needed,
    a_writer_of_one_site_is_nobody_at_another,
    a_rotated_writer_goes_on_where_the_old_one_stopped,
    a_list_of_writers_is_short_and_holds_nobody_twice,
    a_mistyped_writer_can_not_be_disallowed,
    the_lists_changes_are_announced_once,
    a_paused_oracle_records_nothing_and_can_be_read,
    the_administration_changes_hands_in_two_steps,
);

fn nobody_but_the_admin_may_administer(village: Village) {
    let (env, stranger) = (&village.env, Address::generate(&village.env));
    env.set_auths(&[]);
    let hash = BytesN::from_array(env, &[1; 32]);
    let oracle = &village.oracle;
    assert!(oracle.try_allow(&SITE, &stranger).is_err());
    assert!(oracle.try_disallow(&SITE, &village.writer).is_err());
    assert!(oracle.try_pause().is_err());
    assert!(oracle.try_unpause().is_err());
    assert!(oracle.try_announce_upgrade(&hash).is_err());
    assert!(oracle.try_withdraw_upgrade().is_err());
    assert!(oracle.try_upgrade(&hash).is_err());
    let offer = oracle.try_transfer_admin_role(&stranger, &50_000_100);
    assert!(offer.is_err());
    assert!(oracle.try_accept_admin_transfer().is_err());
    assert!(
        oracle.try_extend(&SITE, &0).is_ok(),
        "whoever pays may keep entries alive"
    );
}

fn an_instance_can_not_be_initialised_again(village: Village) {
    let env = &village.env;
    let thief = Address::generate(env);
    let arguments = soroban_sdk::Vec::from_array(env, [thief.into_val(env), thief.into_val(env)]);
    let name = Symbol::new(env, "__constructor");
    let address = &village.oracle.address;
    let answer = env.try_invoke_contract::<Val, soroban_sdk::Error>(address, &name, arguments);
    assert!(answer.is_err());
    assert_eq!(village.oracle.get_admin(), Some(village.admin.clone()));
    assert_eq!(village.oracle.get_meter(), village.meter.address);
}

fn only_a_writer_on_the_list_records(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(HOUR);
    let hours = village.encoded(&[hour(0).with(&[(0, 1, 10)])]);
    let oracle = &village.oracle;
    let stranger = Address::generate(&village.env);
    for who in [&stranger, &village.admin] {
        let answer = verdict(oracle.try_update_usage_and_price(who, &SITE, &hours));
        assert_refused(answer, Error::NotAllowed);
    }
    oracle.disallow(&SITE, &village.writer);
    let answer = verdict(oracle.try_update_usage_and_price(&village.writer, &SITE, &hours));
    assert_refused(answer, Error::NotAllowed);
    assert_eq!(oracle.get_newest(&SITE), 0);
}

fn a_writers_own_signature_is_needed(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(HOUR);
    let hours = village.encoded(&[hour(0).with(&[(0, 1, 10)])]);
    let (env, oracle) = (&village.env, &village.oracle);
    let invoke = MockAuthInvoke {
        contract: &oracle.address,
        fn_name: "update_usage_and_price",
        args: (village.writer.clone(), SITE, hours.clone()).into_val(env),
        sub_invokes: &[],
    };
    let signed_by = |address| {
        let invoke = &invoke;
        env.mock_auths(&[MockAuth { address, invoke }]);
        oracle.try_update_usage_and_price(&village.writer, &SITE, &hours)
    };
    assert!(signed_by(&village.admin).is_err());
    assert!(signed_by(&village.writer).is_ok());
}

fn a_writer_of_one_site_is_nobody_at_another(village: Village) {
    village.wait(HOUR);
    village.oracle.allow(&8, &Address::generate(&village.env));
    let hours = village.encoded(&[hour(0).with(&[(0, 1, 10)])]);
    for site in [8, 9, 0, u32::MAX] {
        let oracle = &village.oracle;
        let answer = verdict(oracle.try_update_usage_and_price(&village.writer, &site, &hours));
        assert_refused(answer, Error::NotAllowed);
    }
}

fn a_rotated_writer_goes_on_where_the_old_one_stopped(mut village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(2 * HOUR);
    village.record(&[hour(0).with(&[(0, 1, 10)])]);
    let next = Address::generate(&village.env);
    village.oracle.allow(&SITE, &next);
    village.oracle.disallow(&SITE, &village.writer);
    village.writer = next;
    village.record(&[hour(0).with(&[(0, 1, 10)]), hour(1).with(&[(0, 1, 20)])]);
    assert_eq!(village.oracle.get_newest(&SITE), hour(1).hour);
}

fn a_list_of_writers_is_short_and_holds_nobody_twice(village: Village) {
    let oracle = &village.oracle;
    oracle.allow(&SITE, &village.writer);
    assert_eq!(oracle.get_writers(&SITE).len(), 1);
    for _ in 0..7 {
        oracle.allow(&SITE, &Address::generate(&village.env));
    }
    let ninth = Address::generate(&village.env);
    assert_refused(
        verdict(oracle.try_allow(&SITE, &ninth)),
        Error::TooManyWriters,
    );
    assert!(oracle.get_writers(&9).is_empty());
}

fn a_mistyped_writer_can_not_be_disallowed(village: Village) {
    let oracle = &village.oracle;
    let stranger = Address::generate(&village.env);
    for (site, who) in [(SITE, &stranger), (9, &village.writer)] {
        let answer = verdict(oracle.try_disallow(&site, who));
        assert_refused(answer, Error::NotAllowed);
    }
}

fn the_lists_changes_are_announced_once(village: Village) {
    let names = |village: &Village| -> Vec<String> {
        let said = village.said();
        said.into_iter().map(|(name, _)| name).collect()
    };
    let writer = Address::generate(&village.env);
    village.oracle.allow(&SITE, &writer);
    assert_eq!(names(&village), ["allowed"]);
    village.oracle.allow(&SITE, &writer);
    assert!(names(&village).is_empty());
    village.oracle.disallow(&SITE, &writer);
    assert_eq!(names(&village), ["disallowed"]);
}

fn a_paused_oracle_records_nothing_and_can_be_read(village: Village) {
    village.register(0, &[STREAMING]);
    village.wait(2 * HOUR);
    village.record(&[hour(0).with(&[(0, 1, 10)])]);
    village.oracle.pause();
    let paused = soroban_sdk::Error::from_contract_error(PausableError::EnforcedPause as u32);
    let answer = village.try_record(&[hour(1).with(&[(0, 1, 10)])]);
    assert_eq!(answer, Err(paused));
    assert_eq!(village.data(0, hour(0).hour).usage_wh, 10);
    village.oracle.unpause();
    village.record(&[hour(1).with(&[(0, 1, 10)])]);
}

fn the_administration_changes_hands_in_two_steps(village: Village) {
    let heir = Address::generate(&village.env);
    let until = village.env.ledger().sequence() + 10;
    village.oracle.transfer_admin_role(&heir, &until);
    assert_eq!(village.oracle.get_admin(), Some(village.admin.clone()));
    village.oracle.transfer_admin_role(&heir, &0);
    let late = village.oracle.try_accept_admin_transfer();
    assert!(late.is_err(), "the offer was withdrawn");
    village.oracle.transfer_admin_role(&heir, &until);
    village.oracle.accept_admin_transfer();
    assert_eq!(village.oracle.get_admin(), Some(heir));
}
