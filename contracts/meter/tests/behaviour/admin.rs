//! Who may do what: the admin, the signers, the next admin, and nobody else.

use meter::errors::Error;
use meter::types::Plan;
use soroban_sdk::testutils::{Address as _, MockAuth, MockAuthInvoke};
use soroban_sdk::xdr::ScVal;
use soroban_sdk::{Address, BytesN, IntoVal, Symbol, Val};
use stellar_contract_utils::pausable::PausableError;

use crate::drafts::{standard, Draft};
use crate::village::{
    assert_refused, meter_id, verdict, Village, HOUR, RATES, SITE, START, WRITER,
};
use crate::wire::{address, bytes, event, events, i128};

crate::laws!(
    nobody_but_the_admin_may_administer,
    the_admins_signature_is_enough,
    an_instance_can_not_be_initialised_again,
    the_administration_changes_hands_in_two_steps,
    a_pending_transfer_is_never_stuck,
    a_paused_contract_takes_neither_batches_nor_money,
    a_rotated_signer_goes_on_where_the_old_one_stopped,
    a_list_of_signers_is_short_and_holds_nobody_twice,
    a_mistyped_signer_can_not_be_disallowed,
    a_take_over_needs_the_last_receipt,
    after_a_take_over_the_new_writer_settles_and_the_old_one_does_not,
    a_take_over_is_announced,
    withdrawn_money_leaves_the_contract,
    an_upgrade_needs_the_admin,
);

/// Calls a function and tells whether it was let through.
fn call<const N: usize>(village: &Village, function: &str, arguments: [Val; N]) -> bool {
    let env = &village.env;
    let arguments = soroban_sdk::Vec::from_array(env, arguments);
    let name = Symbol::new(env, function);
    let answer = env.try_invoke_contract::<Val, soroban_sdk::Error>(
        &village.meter.address,
        &name,
        arguments,
    );
    answer.is_ok()
}

fn nobody_but_the_admin_may_administer(village: Village) {
    village.register(1);
    let (env, stranger) = (&village.env, Address::generate(&village.env));
    env.set_auths(&[]);
    let who = || stranger.into_val(env);
    let id: Val = meter_id(0).into_val(env);
    let next: Val = meter_id(1).into_val(env);
    let energy: Val = village.energy(RATES).into_val(env);
    let hash: Val = BytesN::from_array(env, &[1; 32]).into_val(env);
    let from: Val = (START + 900).into_val(env);
    let amount: Val = 1_i128.into_val(env);
    let site: Val = SITE.into_val(env);
    assert!(!call(&village, "add_site", [9_u32.into(), who()]));
    assert!(!call(&village, "allow", [site, who()]));
    assert!(!call(
        &village,
        "disallow",
        [site, village.signer.into_val(env)]
    ));
    assert!(!call(
        &village,
        "register_meter",
        [next, who(), 100_u32.into(), 0_u32.into()]
    ));
    assert!(!call(&village, "deactivate_meter", [id]));
    assert!(!call(&village, "activate_meter", [id]));
    assert!(!call(
        &village,
        "set_price",
        [from, energy, 1_i64.into_val(env), 1_i64.into_val(env)]
    ));
    assert!(!call(&village, "withdraw", [who(), amount]));
    assert!(!call(&village, "remove_site", [site]));
    assert!(!call(&village, "set_operator", [site, who()]));
    assert!(!call(&village, "set_owner", [id, who()]));
    assert!(!call(&village, "set_max_power", [id, 100_u32.into()]));
    assert!(!call(&village, "migrate_meter", [id]));
    assert!(!call(&village, "withdraw_price", [1_u32.into()]));
    assert!(!call(&village, "write_off", [id, amount]));
    assert!(!call(&village, "reinstate", [id, amount]));
    assert!(!call(&village, "set_market", [who()]));
    assert!(!call(&village, "announce_upgrade", [hash]));
    assert!(!call(&village, "withdraw_upgrade", []));
    assert!(!call(&village, "pause", []));
    assert!(!call(&village, "unpause", []));
    assert!(!call(&village, "upgrade", [hash]));
    assert!(!call(
        &village,
        "transfer_admin_role",
        [who(), 60_000_000_u32.into()]
    ));
    assert!(!call(&village, "accept_admin_transfer", []));
    assert!(
        call(&village, "extend", [site]),
        "whoever pays may keep entries alive"
    );
}

fn the_admins_signature_is_enough(village: Village) {
    let env = &village.env;
    let invoke = MockAuthInvoke {
        contract: &village.meter.address,
        fn_name: "add_site",
        args: (9_u32, village.operator.clone()).into_val(env),
        sub_invokes: &[],
    };
    for who in [&village.operator, &village.signer] {
        env.mock_auths(&[MockAuth {
            address: who,
            invoke: &invoke,
        }]);
        assert!(village.meter.try_add_site(&9, &village.operator).is_err());
    }
    env.mock_auths(&[MockAuth {
        address: &village.admin,
        invoke: &invoke,
    }]);
    village.meter.add_site(&9, &village.operator);
    assert_eq!(village.meter.get_site(&9).operator, village.operator);
}

fn an_instance_can_not_be_initialised_again(village: Village) {
    let env = &village.env;
    let thief = Address::generate(env);
    let arguments = [thief.into_val(env), thief.into_val(env)];
    assert!(!call(&village, "__constructor", arguments));
    assert_eq!(village.meter.get_admin(), Some(village.admin.clone()));
    assert_eq!(village.meter.get_token(), village.token.address);
}

fn the_administration_changes_hands_in_two_steps(village: Village) {
    let heir = Address::generate(&village.env);
    let until = village.env.ledger().sequence() + 100;
    village.meter.transfer_admin_role(&heir, &until);
    assert_eq!(village.meter.get_admin(), Some(village.admin.clone()));
    village.meter.transfer_admin_role(&heir, &0);
    assert!(
        village.meter.try_accept_admin_transfer().is_err(),
        "the offer was withdrawn"
    );
    village.meter.transfer_admin_role(&heir, &until);
    village.meter.accept_admin_transfer();
    village.assert_signed_by(&heir);
    assert_eq!(village.meter.get_admin(), Some(heir));
}

/// An offer to the wrong one is replaced or withdrawn, and ends by itself.
fn a_pending_transfer_is_never_stuck(village: Village) {
    let [wrong, heir] = [(); 2].map(|()| Address::generate(&village.env));
    let until = village.env.ledger().sequence() + 100;
    village.meter.transfer_admin_role(&wrong, &until);
    village.meter.transfer_admin_role(&heir, &until);
    village.meter.accept_admin_transfer();
    village.assert_signed_by(&heir);
    village.meter.transfer_admin_role(&wrong, &until);
    village.wait(101 * 5);
    assert!(village.meter.try_accept_admin_transfer().is_err());
    assert_eq!(village.meter.get_admin(), Some(heir));
}

fn a_paused_contract_takes_neither_batches_nor_money(village: Village) {
    village.register(1);
    village.wait(HOUR);
    let first = village.next_batch().with(&[(0, standard(1))]);
    let receipt = village.settle(&first);
    village.meter.pause();
    assert!(village.meter.paused());
    let paused = soroban_sdk::Error::from_contract_error(PausableError::EnforcedPause as u32);
    assert_eq!(village.try_settle(&first), Err(paused));
    let payment =
        village
            .meter
            .try_make_payment(&village.payer, &meter_id(0), &1, &Plan::UsageBased);
    assert_eq!(verdict(payment), Err(paused));
    let digest = &receipt.digest;
    let writer = BytesN::from_array(&village.env, &[2; 16]);
    let taken = village
        .meter
        .try_take_over(&village.signer, &SITE, &1, digest, &writer);
    assert_eq!(verdict(taken), Err(paused));
    assert_eq!(village.record(0).total_wh, 1, "reading goes on");
    village.meter.unpause();
    assert_eq!(village.settle(&first), receipt);
}

fn a_rotated_signer_goes_on_where_the_old_one_stopped(village: Village) {
    village.register(1);
    village.wait(HOUR);
    let first = village.next_batch().with(&[(0, standard(1))]);
    let receipt = village.settle(&first);
    let fresh = Address::generate(&village.env);
    village.meter.allow(&SITE, &fresh);
    let said = event(
        "allowed",
        &[ScVal::U32(SITE)],
        &[("signer", address(&fresh))],
    );
    assert_eq!(events(&village), [said]);
    village.meter.disallow(&SITE, &village.signer);
    let said = event(
        "disallowed",
        &[ScVal::U32(SITE)],
        &[("signer", address(&village.signer))],
    );
    assert_eq!(events(&village), [said]);
    assert_eq!(
        village.meter.get_site(&SITE).signers.first(),
        Some(fresh.clone())
    );
    assert_refused(village.try_settle(&first), Error::NotAllowed);
    let again = Draft {
        signer: Some(fresh.clone()),
        ..first
    };
    assert_eq!(
        village.settle(&again),
        receipt,
        "the answer had been lost with the old key"
    );
    village.wait(HOUR);
    let next = Draft {
        signer: Some(fresh),
        ..village.next_batch()
    };
    assert_eq!(village.settle(&next).sequence, 2);
}

fn a_list_of_signers_is_short_and_holds_nobody_twice(village: Village) {
    village.meter.allow(&SITE, &village.signer);
    assert_eq!(events(&village), []);
    for _ in 1..meter::site::MAX_SIGNERS {
        village.meter.allow(&SITE, &Address::generate(&village.env));
    }
    let one_more = Address::generate(&village.env);
    assert_refused(
        verdict(village.meter.try_allow(&SITE, &one_more)),
        Error::TooManySigners,
    );
    assert_eq!(
        village.meter.get_site(&SITE).signers.len(),
        meter::site::MAX_SIGNERS
    );
    assert_refused(
        verdict(village.meter.try_allow(&99, &one_more)),
        Error::UnknownSite,
    );
}

fn a_mistyped_signer_can_not_be_disallowed(village: Village) {
    let mistyped = Address::generate(&village.env);
    assert_refused(
        verdict(village.meter.try_disallow(&SITE, &mistyped)),
        Error::NotAllowed,
    );
}

fn take_over(
    village: &Village,
    sequence: u64,
    digest: [u8; 32],
) -> Result<meter::types::Receipt, soroban_sdk::Error> {
    let digest = BytesN::from_array(&village.env, &digest);
    let writer = BytesN::from_array(&village.env, &[0xb2; 16]);
    verdict(
        village
            .meter
            .try_take_over(&village.signer, &SITE, &sequence, &digest, &writer),
    )
}

fn a_take_over_needs_the_last_receipt(village: Village) {
    assert_refused(take_over(&village, 0, [0; 32]), Error::NoReceipt);
    village.wait(HOUR);
    let receipt = village.settle(&village.next_batch());
    let digest = receipt.digest.to_array();
    assert_refused(take_over(&village, 0, [0; 32]), Error::TakeoverMismatch);
    assert_refused(take_over(&village, 2, digest), Error::TakeoverMismatch);
    assert_refused(take_over(&village, 1, [7; 32]), Error::TakeoverMismatch);
    let (stranger, writer) = (Address::generate(&village.env), receipt.writer.clone());
    let by_stranger = village
        .meter
        .try_take_over(&stranger, &SITE, &1, &receipt.digest, &writer);
    assert_refused(verdict(by_stranger), Error::NotAllowed);
    assert_eq!(village.receipt(), Some(receipt));
}

fn after_a_take_over_the_new_writer_settles_and_the_old_one_does_not(village: Village) {
    village.wait(HOUR);
    let first = village.next_batch();
    let receipt = village.settle(&first);
    let taken = take_over(&village, 1, receipt.digest.to_array()).expect("the receipt is known");
    assert_eq!(
        taken,
        meter::types::Receipt {
            writer: taken.writer.clone(),
            ..receipt
        }
    );
    assert_eq!(taken.writer.to_array(), [0xb2; 16]);
    assert_refused(village.try_settle(&first), Error::SequenceUsed);
    village.wait(HOUR);
    assert_refused(
        village.try_settle(&village.next_batch()),
        Error::WrongWriter,
    );
    let next = Draft {
        writer: [0xb2; 16],
        ..village.next_batch()
    };
    assert_eq!(village.settle(&next).previous_digest, taken.digest);
}

fn a_take_over_is_announced(village: Village) {
    village.wait(HOUR);
    let receipt = village.settle(&village.next_batch());
    take_over(&village, 1, receipt.digest.to_array()).expect("the receipt is known");
    let said = event(
        "take_over",
        &[ScVal::U32(SITE)],
        &[
            ("new_writer", bytes(&[0xb2; 16])),
            ("old_writer", bytes(&WRITER)),
            ("sequence", ScVal::U64(1)),
        ],
    );
    assert_eq!(events(&village), [said]);
}

fn withdrawn_money_leaves_the_contract(village: Village) {
    village.register(1);
    village.pay(0, 500, Plan::UsageBased);
    let bank = Address::generate(&village.env);
    village.meter.withdraw(&bank, &300);
    let said = event(
        "withdrawn",
        &[],
        &[("amount", i128(300)), ("to", address(&bank))],
    );
    assert_eq!(events(&village), [said]);
    assert_eq!(village.token.balance(&bank), 300);
    for amount in [0, -1, i128::MIN] {
        assert_refused(
            verdict(village.meter.try_withdraw(&bank, &amount)),
            Error::AmountNotPositive,
        );
    }
    assert!(
        village.meter.try_withdraw(&bank, &201).is_err(),
        "only 200 are left"
    );
    assert_eq!(
        village.record(0).balance,
        500,
        "the household's credit stays"
    );
}

fn an_upgrade_needs_the_admin(village: Village) {
    let code: &[u8] = include_bytes!("../../../wasm/meter.wasm");
    let hash = village.env.deployer().upload_contract_wasm(code);
    village.register(1);
    assert!(village.meter.try_upgrade(&hash).is_err(), "not announced");
    village.meter.announce_upgrade(&hash);
    assert!(village.meter.try_upgrade(&hash).is_err(), "too early");
    village.wait(upkeep::UPGRADE_NOTICE_S);
    village.meter.upgrade(&hash);
    village.assert_signed_by(&village.admin);
    assert_eq!(
        village.record(0).total_wh,
        0,
        "the new code reads what the old one wrote"
    );
}
