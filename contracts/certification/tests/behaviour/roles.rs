//! Who may do what: the admin, certifiers, reporters, producers for themselves, and nobody else.

use certification::errors::Error;
use certification::roles::MAX_HOLDERS;
use certification::types::Source;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::{Address, BytesN, IntoVal, Symbol, Val, Vec};
use stellar_contract_utils::pausable::PausableError;

use crate::office::{assert_refused, verdict, Office, CAPACITY_W, FEE};
use crate::wire::{address, event, events, symbol};

crate::laws!(
    every_call_needs_the_one_signature_that_it_is_about,
    nobody_but_the_admin_administers,
    reading_and_renewing_need_no_signature,
    an_instance_can_not_be_initialised_again,
    nobody_decides_or_reports_without_the_role,
    a_certifier_is_no_reporter_and_the_other_way_round,
    a_removed_certifier_decides_no_more,
    roles_are_announced_once,
    a_mistyped_holder_can_not_be_removed,
    a_role_has_few_holders,
    nobody_decides_about_oneself,
    a_paused_contract_moves_no_money_and_counts_no_energy,
    a_paused_contract_still_revokes,
);

/// Calls a function and tells whether it was let through.
fn call(office: &Office, function: &str, arguments: &Vec<Val>) -> bool {
    let name = Symbol::new(&office.env, function);
    let answer = office.env.try_invoke_contract::<Val, soroban_sdk::Error>(
        &office.contract.address,
        &name,
        arguments.clone(),
    );
    answer.is_ok()
}

fn nobody_but_the_admin_administers(office: Office) {
    let env = &office.env;
    let heir = Address::generate(env);
    let hash = BytesN::from_array(env, &[1; 32]);
    let until = env.ledger().sequence() + 100;
    let calls: [(&str, Vec<Val>); 5] = [
        ("pause", Vec::new(env)),
        ("unpause", Vec::new(env)),
        ("announce_upgrade", (&hash,).into_val(env)),
        ("withdraw_upgrade", Vec::new(env)),
        ("transfer_admin_role", (&heir, until).into_val(env)),
    ];
    for (function, arguments) in calls {
        env.set_auths(&[]);
        assert!(!call(&office, function, &arguments), "{function} unsigned");
        env.mock_all_auths();
        assert!(call(&office, function, &arguments), "{function} signed");
        let signed: std::vec::Vec<_> = env.auths().into_iter().map(|(who, _)| who).collect();
        assert_eq!(signed, std::slice::from_ref(&office.admin), "{function}");
    }
    env.set_auths(&[]);
    assert!(!call(&office, "accept_admin_transfer", &Vec::new(env)));
    assert!(!call(&office, "upgrade", &(&hash,).into_val(env)));
}

/// In an order in which each can succeed.
fn every_call_needs_the_one_signature_that_it_is_about(office: Office) {
    let env = &office.env;
    let (admin, certifier) = (&office.admin, &office.certifier);
    let (producer, reporter) = (&office.producer, &office.reporter);
    let other = Address::generate(env);
    let why = office.text("seen on site");
    let apply = (producer, CAPACITY_W, Source::Solar, FEE).into_val(env);
    let decide: Vec<Val> = (certifier, producer).into_val(env);
    let explain: Vec<Val> = (certifier, producer, &why).into_val(env);
    let who: Vec<Val> = (&other,).into_val(env);
    let calls: [(&str, &Address, Vec<Val>); 16] = [
        ("add_certifier", admin, who.clone()),
        ("remove_certifier", admin, who.clone()),
        ("add_reporter", admin, who.clone()),
        ("remove_reporter", admin, who),
        (
            "set_capacity_limits",
            admin,
            (1_u32, 9_000_u32).into_val(env),
        ),
        ("apply_for_certification", producer, apply),
        ("withdraw_application", producer, (producer,).into_val(env)),
        (
            "apply_for_certification",
            producer,
            (producer, CAPACITY_W, Source::Wind, FEE).into_val(env),
        ),
        ("reject_application", certifier, explain.clone()),
        (
            "apply_for_certification",
            producer,
            (producer, CAPACITY_W, Source::Hydro, FEE).into_val(env),
        ),
        ("certify_producer", certifier, decide),
        (
            "report_production",
            reporter,
            (reporter, producer, 1_u64).into_val(env),
        ),
        ("revoke_certification", certifier, explain.clone()),
        ("reinstate_certification", certifier, explain),
        ("withdraw", admin, (&other, FEE).into_val(env)),
        ("set_fee", admin, (0_i128,).into_val(env)),
    ];
    for (function, signer, arguments) in calls {
        env.set_auths(&[]);
        assert!(!call(&office, function, &arguments), "{function} unsigned");
        env.mock_all_auths();
        assert!(call(&office, function, &arguments), "{function} signed");
        let signed: std::vec::Vec<_> = env.auths().into_iter().map(|(who, _)| who).collect();
        assert_eq!(signed, std::slice::from_ref(signer), "{function}");
    }
}

fn reading_and_renewing_need_no_signature(office: Office) {
    let office = office.certified();
    let contract = &office.contract;
    office.env.set_auths(&[]);
    contract.extend(&0, &50);
    contract.extend_audit(&office.producer, &0, &50);
    assert!(contract.is_certified(&office.producer));
    assert_eq!(contract.exported_wh(&office.producer), 0);
    assert_eq!(contract.get_token(), office.token.address);
    assert_eq!(contract.get_earned_fees(), FEE);
}

fn an_instance_can_not_be_initialised_again(office: Office) {
    let thief = Address::generate(&office.env);
    let arguments = (&thief, &thief).into_val(&office.env);
    assert!(!call(&office, "__constructor", &arguments));
    assert_eq!(office.contract.get_admin(), Some(office.admin.clone()));
}

fn nobody_decides_or_reports_without_the_role(office: Office) {
    let office = office.certified();
    let (contract, producer) = (&office.contract, &office.producer);
    let why = office.text("because");
    let stranger = office.newcomer();
    for who in [&stranger, &office.admin, producer] {
        assert_refused(
            verdict(contract.try_certify_producer(who, producer)),
            Error::NotAllowed,
        );
        assert_refused(
            verdict(contract.try_reject_application(who, producer, &why)),
            Error::NotAllowed,
        );
        assert_refused(
            verdict(contract.try_revoke_certification(who, producer, &why)),
            Error::NotAllowed,
        );
        assert_refused(
            verdict(contract.try_reinstate_certification(who, producer, &why)),
            Error::NotAllowed,
        );
        assert_refused(
            verdict(contract.try_report_production(who, producer, &1)),
            Error::NotAllowed,
        );
    }
}

fn a_certifier_is_no_reporter_and_the_other_way_round(office: Office) {
    let office = office.certified();
    let (contract, producer) = (&office.contract, &office.producer);
    let report = contract.try_report_production(&office.certifier, producer, &1);
    assert_refused(verdict(report), Error::NotAllowed);
    let why = office.text("because");
    let revoked = contract.try_revoke_certification(&office.reporter, producer, &why);
    assert_refused(verdict(revoked), Error::NotAllowed);
}

fn a_removed_certifier_decides_no_more(office: Office) {
    let office = office.certified();
    office.contract.remove_certifier(&office.certifier);
    let why = office.text("because");
    let revoked =
        office
            .contract
            .try_revoke_certification(&office.certifier, &office.producer, &why);
    assert_refused(verdict(revoked), Error::NotAllowed);
    assert!(
        office.contract.is_certified(&office.producer),
        "what was decided stays"
    );
}

fn roles_are_announced_once(office: Office) {
    let who = Address::generate(&office.env);
    let contract = &office.contract;
    let said = |name, role| event(name, &[symbol(role)], &[("who", address(&who))]);
    contract.add_certifier(&who);
    assert_eq!(events(&office), [said("allowed", "certifier")]);
    contract.add_certifier(&who);
    assert_eq!(events(&office), []);
    assert_eq!(contract.get_certifiers().len(), 2);
    contract.remove_certifier(&who);
    assert_eq!(events(&office), [said("disallowed", "certifier")]);
    contract.add_reporter(&who);
    assert_eq!(events(&office), [said("allowed", "reporter")]);
    contract.add_reporter(&who);
    assert_eq!(events(&office), []);
    assert_eq!(contract.get_reporters().last(), Some(who.clone()));
    contract.remove_reporter(&who);
    assert_eq!(events(&office), [said("disallowed", "reporter")]);
    assert_eq!(
        contract.get_reporters().first(),
        Some(office.reporter.clone())
    );
}

fn a_mistyped_holder_can_not_be_removed(office: Office) {
    let contract = &office.contract;
    let removed = contract.try_remove_certifier(&office.reporter);
    assert_refused(verdict(removed), Error::NotAllowed);
    let removed = contract.try_remove_reporter(&office.certifier);
    assert_refused(verdict(removed), Error::NotAllowed);
}

fn a_role_has_few_holders(office: Office) {
    let fresh = || Address::generate(&office.env);
    for _ in 1..MAX_HOLDERS {
        office.contract.add_certifier(&fresh());
        office.contract.add_reporter(&fresh());
    }
    let added = office.contract.try_add_certifier(&fresh());
    assert_refused(verdict(added), Error::TooManyHolders);
    let added = office.contract.try_add_reporter(&fresh());
    assert_refused(verdict(added), Error::TooManyHolders);
    office.contract.add_certifier(&office.certifier);
    assert_eq!(office.contract.get_certifiers().len(), MAX_HOLDERS);
}

fn nobody_decides_about_oneself(office: Office) {
    let (contract, producer) = (&office.contract, &office.producer);
    contract.add_certifier(producer);
    office.apply(producer);
    let why = office.text("because");
    let own = contract.try_certify_producer(producer, producer);
    assert_refused(verdict(own), Error::OwnCertification);
    let own = contract.try_reject_application(producer, producer, &why);
    assert_refused(verdict(own), Error::OwnCertification);
    office.certify(producer);
    contract.revoke_certification(producer, producer, &why);
    let own = contract.try_reinstate_certification(producer, producer, &why);
    assert_refused(verdict(own), Error::OwnCertification);
}

fn a_paused_contract_moves_no_money_and_counts_no_energy(office: Office) {
    let newcomer = office.newcomer();
    let office = office.certified();
    office.apply(&office.producer);
    let contract = &office.contract;
    contract.pause();
    let paused = Err(soroban_sdk::Error::from_contract_error(
        PausableError::EnforcedPause as u32,
    ));
    let (certifier, producer) = (&office.certifier, &office.producer);
    let why = office.text("because");
    let applied =
        contract.try_apply_for_certification(&newcomer, &CAPACITY_W, &Source::Solar, &FEE);
    assert_eq!(verdict(applied), paused);
    assert_eq!(verdict(contract.try_withdraw_application(producer)), paused);
    assert_eq!(
        verdict(contract.try_certify_producer(certifier, producer)),
        paused
    );
    assert_eq!(
        verdict(contract.try_reject_application(certifier, producer, &why)),
        paused
    );
    assert_eq!(
        verdict(contract.try_reinstate_certification(certifier, producer, &why)),
        paused
    );
    assert_eq!(office.try_report(1).map(|_| ()), paused);
    contract.unpause();
    contract.withdraw_application(producer);
    assert_eq!(office.till(), FEE);
}

fn a_paused_contract_still_revokes(office: Office) {
    let office = office.certified();
    office.contract.pause();
    office.revoke("the meter was tampered with");
    assert!(!office.contract.is_certified(&office.producer));
}
