//! A token that doesn't pay never ends a call: whatever it does becomes a failure with a name.

use scheduler::errors::Error;
use scheduler::types::{Reason, Status};

use crate::village::{assert_refused, verdict, Village, DAY, GRANT, HOUR, METER_ID, PRICE, START};

crate::laws!(
    every_shortage_has_its_name,
    an_allowance_expires_and_is_named,
    a_paused_token_is_a_failure_and_not_an_abort,
    a_token_that_goes_on_refusing_rolls_everything_over,
    a_token_that_is_gone_is_a_failure_and_not_an_abort,
    insufficient_funds_are_handled_only_where_they_are,
    a_refusal_is_handled_only_where_it_is,
    a_handler_ends_a_retry_as_execute_does,
    an_hour_without_usage_needs_no_allowance,
);

const KWH: i128 = PRICE as i128;

fn every_shortage_has_its_name(village: Village) {
    let village = village.subscribed();
    let spender = village.scheduler.address.clone();
    let fail = |number: u64| {
        let id = village.charge(number, 1_000, PRICE);
        assert_eq!(village.scheduler.execute(&id), Status::RetryQueued);
        village.state(id).1
    };
    village.approve(&village.amina, KWH - 1);
    assert_eq!(
        fail(0),
        Reason::AllowanceTooSmall,
        "overwritten by a smaller one"
    );
    village.token.approve(&village.amina, &spender, &0, &0);
    assert_eq!(fail(1), Reason::AllowanceExpired, "withdrawn");
    village.approve(&village.amina, GRANT);
    let rest = GRANT - KWH + 1;
    village.token.transfer(&village.amina, &village.juma, &rest);
    assert_eq!(fail(2), Reason::InsufficientBalance);
    village.approve(&village.amina, 1);
    assert_eq!(
        fail(3),
        Reason::AllowanceTooSmall,
        "the allowance is named first"
    );
    assert_eq!(village.holdings()[2], 0);
}

fn an_allowance_expires_and_is_named(village: Village) {
    let village = village.subscribed();
    let until = village.env.ledger().sequence() + 100;
    let spender = &village.scheduler.address;
    village
        .token
        .approve(&village.amina, spender, &GRANT, &until);
    let id = village.charge(0, 1_000, PRICE);
    assert_eq!(village.scheduler.execute(&id), Status::RetryQueued);
    assert_eq!(village.state(id).1, Reason::AllowanceExpired);
}

fn a_paused_token_is_a_failure_and_not_an_abort(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    village.electric.pause();
    assert_eq!(village.scheduler.execute(&id), Status::RetryQueued);
    assert_eq!(village.said_names(), ["failed", "retry_queued"]);
    assert_eq!(
        village.state(id),
        (Status::RetryQueued, Reason::TokenRefused)
    );
    village.electric.unpause();
    village.wait(2 * HOUR);
    assert_eq!(village.scheduler.execute(&id), Status::Executed);
}

fn a_token_that_goes_on_refusing_rolls_everything_over(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    village.electric.pause();
    village.scheduler.execute(&id);
    village.wait(2 * HOUR);
    assert_eq!(village.scheduler.execute(&id), Status::PartialPaid);
    assert_eq!(
        village.state(id),
        (Status::PartialPaid, Reason::TokenRefused)
    );
    assert_eq!(
        (village.account().paid, village.account().rolled),
        (0, PRICE)
    );
    village.electric.unpause();
    let next = village.charge(2, 0, PRICE);
    assert_eq!(village.scheduler.execute(&next), Status::Executed);
    assert_eq!(village.holdings(), [GRANT - KWH, GRANT, KWH]);
}

fn a_token_that_is_gone_is_a_failure_and_not_an_abort(village: Village) {
    let scheduler = village.without_token();
    scheduler.subscribe(&village.amina, &METER_ID);
    village.wait_until(HOUR);
    village.record(0, 1_000, PRICE);
    let id = scheduler.schedule_payment(&METER_ID, &START);
    assert_eq!(scheduler.execute(&id), Status::RetryQueued);
    assert_eq!(
        scheduler.get_schedule_status(&id).reason,
        Reason::TokenRefused
    );
}

fn insufficient_funds_are_handled_only_where_they_are(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    let handle = || verdict(village.scheduler.try_handle_insufficient_funds(&id));
    assert_refused(handle(), Error::FundsSuffice);
    assert_eq!(village.state(id).0, Status::Pending);
    assert_eq!(
        village.holdings(),
        [GRANT, GRANT, 0],
        "nothing was drawn on the way"
    );
    village.electric.pause();
    assert_refused(handle(), Error::FundsSuffice);
    village.electric.unpause();
    village.approve(&village.amina, 1);
    assert_eq!(handle(), Ok(Status::RetryQueued));
    assert_eq!(village.said_names(), ["failed", "retry_queued"]);
}

fn a_refusal_is_handled_only_where_it_is(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    let handle = || verdict(village.scheduler.try_handle_schedule_failure(&id));
    assert_refused(handle(), Error::NotRefused);
    village.approve(&village.amina, 1);
    assert_refused(handle(), Error::NotRefused);
    village.approve(&village.amina, GRANT);
    village.electric.pause();
    assert_eq!(handle(), Ok(Status::RetryQueued));
    assert_eq!(village.state(id).1, Reason::TokenRefused);
    assert_eq!(village.holdings(), [GRANT, GRANT, 0]);
}

fn a_handler_ends_a_retry_as_execute_does(village: Village) {
    let village = village.subscribed();
    let [short, refused] = [0, 1].map(|number| village.charge(number, 1_000, PRICE));
    village.approve(&village.amina, 7);
    village.scheduler.execute(&short);
    village.wait(2 * HOUR);
    let ended = village.scheduler.handle_insufficient_funds(&short);
    assert_eq!((ended, village.shown(short).paid), (Status::PartialPaid, 7));
    village.approve(&village.amina, GRANT);
    village.electric.pause();
    village.scheduler.execute(&refused);
    village.wait(2 * HOUR);
    let ended = village.scheduler.handle_schedule_failure(&refused);
    assert_eq!(
        (ended, village.shown(refused).paid),
        (Status::PartialPaid, 0)
    );
    assert_eq!(village.account().rolled, 2 * PRICE - 7);
}

fn an_hour_without_usage_needs_no_allowance(village: Village) {
    village.scheduler.subscribe(&village.amina, &METER_ID);
    let id = village.charge(0, 0, PRICE);
    assert_eq!(village.scheduler.execute(&id), Status::Executed);
    assert_eq!((village.shown(id).amount, village.holdings()[2]), (0, 0));
    village.wait(DAY);
    assert_eq!(village.account(), scheduler::types::Account::default());
}
