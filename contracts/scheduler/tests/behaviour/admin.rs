//! Who may do what: the admin, the user who pays, and what is open to anyone.

use soroban_sdk::testutils::{Address as _, MockAuth, MockAuthInvoke};
use soroban_sdk::{Address, BytesN, IntoVal, Symbol, Val};
use stellar_contract_utils::pausable::PausableError;

use scheduler::types::Status;

use crate::village::{verdict, Village, DAY, GRANT, METER_ID, PRICE};

crate::laws!(
    nobody_but_the_admin_may_administer,
    an_instance_can_not_be_initialised_again,
    a_user_signs_for_a_subscription_and_for_every_cancellation,
    anyone_moves_schedules_on_without_a_signature,
    a_paused_scheduler_moves_no_money_but_lets_everyone_out,
    the_administration_changes_hands_in_two_steps,
);

fn nobody_but_the_admin_may_administer(village: Village) {
    let village = village.subscribed();
    let (env, stranger) = (&village.env, Address::generate(&village.env));
    env.set_auths(&[]);
    let hash = BytesN::from_array(env, &[1; 32]);
    let scheduler = &village.scheduler;
    assert!(scheduler.try_set_provider(&stranger).is_err());
    assert!(scheduler.try_end_subscription(&METER_ID).is_err());
    assert!(scheduler.try_pause().is_err());
    assert!(scheduler.try_unpause().is_err());
    assert!(scheduler.try_announce_upgrade(&hash).is_err());
    assert!(scheduler.try_withdraw_upgrade().is_err());
    assert!(scheduler.try_upgrade(&hash).is_err());
    let offer = scheduler.try_transfer_admin_role(&stranger, &50_000_100);
    assert!(offer.is_err());
    assert!(scheduler.try_accept_admin_transfer().is_err());
    assert_eq!(scheduler.get_provider(), village.provider);
}

fn an_instance_can_not_be_initialised_again(village: Village) {
    let env = &village.env;
    let thief: Val = Address::generate(env).into_val(env);
    let arguments = soroban_sdk::Vec::from_array(env, [thief; 4]);
    let name = Symbol::new(env, "__constructor");
    let address = &village.scheduler.address;
    let answer = env.try_invoke_contract::<Val, soroban_sdk::Error>(address, &name, arguments);
    assert!(answer.is_err());
    assert_eq!(village.scheduler.get_admin(), Some(village.admin.clone()));
    assert_eq!(village.scheduler.get_token(), village.token.address);
    assert_eq!(village.scheduler.get_oracle(), village.oracle.address);
}

fn a_user_signs_for_a_subscription_and_for_every_cancellation(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    let (env, scheduler) = (&village.env, &village.scheduler);
    let other = METER_ID + 2;
    let calls: [(&str, soroban_sdk::Vec<Val>); 3] = [
        ("subscribe", (&village.amina, other).into_val(env)),
        ("cancel_schedule", (&village.amina, id).into_val(env)),
        (
            "cancel_subscription",
            (&village.amina, METER_ID).into_val(env),
        ),
    ];
    for (fn_name, args) in calls {
        let try_as = |address| {
            let invoke = &MockAuthInvoke {
                contract: &scheduler.address,
                fn_name,
                args: args.clone(),
                sub_invokes: &[],
            };
            env.mock_auths(&[MockAuth { address, invoke }]);
            let name = Symbol::new(env, fn_name);
            let answer = env.try_invoke_contract::<(), soroban_sdk::Error>(
                &scheduler.address,
                &name,
                args.clone(),
            );
            answer.is_ok()
        };
        assert!(!try_as(&village.admin), "{fn_name}");
        assert!(!try_as(&village.juma), "{fn_name}");
        assert!(try_as(&village.amina), "{fn_name}");
    }
}

fn anyone_moves_schedules_on_without_a_signature(village: Village) {
    let village = village.subscribed();
    let late = village.charge(0, 1_000, PRICE);
    village.wait(DAY);
    village.record(24, 1_000, PRICE);
    village.env.set_auths(&[]);
    village.scheduler.reschedule_expired(&late);
    let id = village.schedule(24);
    assert_eq!(village.scheduler.execute(&id), Status::Executed);
    village.scheduler.extend(&METER_ID);
    assert_eq!(village.holdings()[2], i128::from(PRICE));
}

fn a_paused_scheduler_moves_no_money_but_lets_everyone_out(village: Village) {
    let village = village.subscribed();
    let [first, second] = [0, 1].map(|number| village.charge(number, 1_000, PRICE));
    village.scheduler.pause();
    let scheduler = &village.scheduler;
    let paused = soroban_sdk::Error::from_contract_error(PausableError::EnforcedPause as u32);
    let list = soroban_sdk::Vec::from_array(&village.env, [first]);
    let answers = [
        verdict(scheduler.try_execute(&first)).map(drop),
        verdict(scheduler.try_handle_insufficient_funds(&first)).map(drop),
        verdict(scheduler.try_handle_schedule_failure(&first)).map(drop),
        village.try_schedule(METER_ID, 0).map(drop),
        verdict(scheduler.try_execute_all(&list)).map(drop),
        verdict(scheduler.try_schedule_payments(&list, &0)).map(drop),
        verdict(scheduler.try_subscribe(&village.juma, &(METER_ID + 2))),
    ];
    for answer in answers {
        assert_eq!(answer, Err(paused));
    }
    scheduler.cancel_schedule(&village.amina, &first);
    scheduler.cancel_subscription(&village.amina, &METER_ID);
    assert_eq!(village.shown(second).status, Status::Cancelled);
    assert_eq!(village.holdings(), [GRANT, GRANT, 0]);
    scheduler.unpause();
    scheduler.subscribe(&village.amina, &METER_ID);
}

fn the_administration_changes_hands_in_two_steps(village: Village) {
    let heir = Address::generate(&village.env);
    let until = village.env.ledger().sequence() + 10;
    village.scheduler.transfer_admin_role(&heir, &until);
    assert_eq!(village.scheduler.get_admin(), Some(village.admin.clone()));
    village.scheduler.transfer_admin_role(&heir, &0);
    let late = village.scheduler.try_accept_admin_transfer();
    assert!(late.is_err(), "the offer was withdrawn");
    village.scheduler.transfer_admin_role(&heir, &until);
    village.scheduler.accept_admin_transfer();
    assert_eq!(village.scheduler.get_admin(), Some(heir));
}
