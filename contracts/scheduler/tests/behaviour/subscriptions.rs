//! Who pays for a meter, from when and until when, and where the rest goes.

use scheduler::errors::Error;
use scheduler::types::Status;

use crate::village::{
    assert_refused, numbers, verdict, Village, GRANT, HOUR, METER_ID, OTHER_ID, POSTPAID_ID, PRICE,
    START,
};

crate::laws!(
    a_user_subscribes_once_and_for_one_meter,
    only_a_streaming_meter_can_be_subscribed,
    nobody_takes_over_a_running_subscription,
    hours_before_the_subscription_are_left_to_the_invoice,
    hours_after_the_subscription_are_left_to_the_invoice,
    a_meter_that_nobody_subscribed_is_left_to_the_invoice,
    ending_a_subscription_leaves_nothing_open,
    who_moves_in_starts_clean,
    only_the_subscriber_cancels,
    the_admin_ends_a_subscription_when_a_household_moves_out,
);

fn a_user_subscribes_once_and_for_one_meter(village: Village) {
    let village = village.subscribed();
    village.wait(100);
    village.scheduler.subscribe(&village.amina, &METER_ID);
    assert!(village.said().is_empty());
    let known = village
        .scheduler
        .get_subscription(&METER_ID)
        .expect("it runs");
    assert_eq!((known.user, known.since), (village.amina.clone(), START));
    assert_eq!(village.scheduler.get_subscription(&OTHER_ID), None);
    village.scheduler.subscribe(&village.amina, &OTHER_ID);
    let next = numbers(&[("since", i128::from(START + HOUR))]);
    assert_eq!(village.said(), [("subscribed".to_owned(), next)]);
}

fn only_a_streaming_meter_can_be_subscribed(village: Village) {
    for stranger in [POSTPAID_ID, METER_ID + 3, 0, u64::MAX] {
        let answer = village.scheduler.try_subscribe(&village.amina, &stranger);
        assert_refused(verdict(answer), Error::NotStreaming);
    }
}

fn nobody_takes_over_a_running_subscription(village: Village) {
    let village = village.subscribed();
    let answer = village.scheduler.try_subscribe(&village.juma, &METER_ID);
    assert_refused(verdict(answer), Error::AlreadySubscribed);
    village
        .scheduler
        .cancel_subscription(&village.amina, &METER_ID);
    village.scheduler.subscribe(&village.juma, &METER_ID);
}

fn hours_before_the_subscription_are_left_to_the_invoice(village: Village) {
    village.wait(1);
    let village = village.subscribed();
    let early = village.charge(0, 1_000, PRICE);
    assert_eq!(
        village.said_names(),
        ["scheduled", "cancelled", "uncollected"]
    );
    assert_eq!(village.shown(early).status, Status::Cancelled);
    assert_eq!(village.scheduler.get_uncollected(&METER_ID), PRICE);
    assert_eq!(village.scheduler.execute(&early), Status::Cancelled);
    let own = village.charge(1, 1_000, PRICE);
    assert_eq!(village.scheduler.execute(&own), Status::Executed);
}

fn hours_after_the_subscription_are_left_to_the_invoice(village: Village) {
    let village = village.subscribed();
    village.wait_until(HOUR);
    village.record(0, 1_000, PRICE);
    village
        .scheduler
        .cancel_subscription(&village.amina, &METER_ID);
    village.schedule(0);
    assert_eq!(village.scheduler.get_uncollected(&METER_ID), PRICE);
    assert_eq!(village.holdings(), [GRANT, GRANT, 0]);
}

fn a_meter_that_nobody_subscribed_is_left_to_the_invoice(village: Village) {
    let id = village.charge(0, 1_000, PRICE);
    assert_eq!(village.shown(id).status, Status::Cancelled);
    assert_eq!(village.scheduler.get_uncollected(&METER_ID), PRICE);
    assert_eq!(village.scheduler.get_uncollected(&OTHER_ID), 0);
    assert!(village.scheduler.get_open(&OTHER_ID).is_empty());
}

fn ending_a_subscription_leaves_nothing_open(village: Village) {
    let village = village.subscribed();
    let [partial, retried] = [0, 1].map(|number| village.charge(number, 1_000, PRICE));
    village.approve(&village.amina, 500_000);
    village.scheduler.execute(&partial);
    village.wait(2 * HOUR);
    village.scheduler.execute(&partial);
    village.scheduler.execute(&retried);
    let account = village.account();
    assert_eq!(
        (account.paid, account.rolled, account.open),
        (500_000, 700_000, PRICE)
    );
    village
        .scheduler
        .cancel_subscription(&village.amina, &METER_ID);
    let names = village.said_names();
    assert_eq!(names, ["cancelled", "uncollected", "unsubscribed"]);
    assert_eq!(village.shown(retried).status, Status::Cancelled);
    let account = village.account();
    assert_eq!((account.rolled, account.open), (0, 0));
    assert_eq!(account.uncollected, 700_000 + PRICE);
    assert_eq!(village.scheduler.get_subscription(&METER_ID), None);
    let again = village
        .scheduler
        .try_cancel_subscription(&village.amina, &METER_ID);
    assert_refused(verdict(again), Error::NotSubscriber);
}

fn who_moves_in_starts_clean(village: Village) {
    let village = village.subscribed();
    let old = village.charge(0, 1_000, PRICE);
    village.approve(&village.amina, 0);
    village.scheduler.execute(&old);
    village.wait(2 * HOUR);
    village.scheduler.execute(&old);
    assert_eq!(village.account().rolled, PRICE);
    village
        .scheduler
        .cancel_subscription(&village.amina, &METER_ID);
    village.scheduler.subscribe(&village.juma, &METER_ID);
    village.approve(&village.juma, GRANT);
    // Amina's last hours, which nobody had scheduled yet.
    village.record(1, 1_000, PRICE);
    assert_eq!(village.shown(village.schedule(1)).status, Status::Cancelled);
    let own = village.charge(3, 1_000, PRICE);
    assert_eq!(
        village.shown(own).amount,
        PRICE,
        "nothing is rolled over to Juma"
    );
    village.scheduler.execute(&own);
    let kwh = i128::from(PRICE);
    assert_eq!(village.holdings(), [GRANT, GRANT - kwh, kwh]);
    assert_eq!(village.scheduler.get_uncollected(&METER_ID), 2 * PRICE);
}

fn only_the_subscriber_cancels(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    let answer = village.scheduler.try_cancel_schedule(&village.juma, &id);
    assert_refused(verdict(answer), Error::NotSubscriber);
    for meter_id in [METER_ID, OTHER_ID, 0, u64::MAX] {
        let answer = village
            .scheduler
            .try_cancel_subscription(&village.juma, &meter_id);
        assert_refused(verdict(answer), Error::NotSubscriber);
    }
    assert_eq!(village.scheduler.execute(&id), Status::Executed);
}

fn the_admin_ends_a_subscription_when_a_household_moves_out(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    village.scheduler.end_subscription(&METER_ID);
    assert_eq!(village.shown(id).status, Status::Cancelled);
    assert_eq!(village.scheduler.get_subscription(&METER_ID), None);
    for nobody in [METER_ID, OTHER_ID, 0] {
        let answer = village.scheduler.try_end_subscription(&nobody);
        assert_refused(verdict(answer), Error::NotSubscribed);
    }
}
