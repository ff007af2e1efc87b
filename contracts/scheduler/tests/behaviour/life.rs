//! The life of a schedule: every state, every way on, and no way around.

use scheduler::errors::Error;
use scheduler::types::{Reason, Status};

use crate::village::{
    assert_refused, numbers, verdict, Village, DAY, GRANT, HOUR, METER_ID, POSTPAID_ID, PRICE,
    START,
};

crate::laws!(
    a_schedule_is_created_pending_and_executed,
    a_schedule_can_not_be_executed_before_its_hour_mark,
    a_failure_is_visible_before_the_retry_is_queued,
    a_retry_waits_two_hours_and_pays_in_full_when_the_money_has_come,
    a_retry_pays_what_is_there_and_rolls_the_rest_into_the_next_period,
    a_retry_that_finds_nothing_rolls_everything,
    many_callers_racing_have_one_effect,
    an_hour_is_scheduled_once_however_often_it_is_asked_for,
    an_hour_is_scheduled_once_even_when_its_schedule_is_forgotten,
    only_hours_that_the_oracle_knows_are_scheduled,
    an_expired_schedule_is_moved_to_the_next_hour_mark_at_its_price,
    an_expired_retry_stays_a_retry,
    what_is_scheduled_late_is_due_at_the_next_hour_mark,
    a_user_cancels_one_schedule_and_the_invoice_charges_it,
    a_schedule_that_has_ended_stays_as_it_is,
    unknown_schedules_are_refused,
    open_schedules_are_never_forgotten,
);

/// Stroops of one kWh at the price.
const KWH: i128 = PRICE as i128;

fn a_schedule_is_created_pending_and_executed(village: Village) {
    let village = village.subscribed();
    village.wait_until(HOUR - 900);
    village.record(0, 1_000, PRICE);
    let id = village.schedule(0);
    let expected = [
        ("amount", KWH),
        ("due", i128::from(START + HOUR)),
        ("hour", i128::from(START)),
        ("id", i128::from(id)),
        ("price", KWH),
        ("rolled", 0),
        ("usage_wh", 1_000),
    ];
    assert_eq!(
        village.said(),
        [("scheduled".to_owned(), numbers(&expected))]
    );
    assert_eq!(village.state(id), (Status::Created, Reason::None));
    village.wait_until(HOUR);
    assert_eq!(village.state(id), (Status::Pending, Reason::None));
    assert_eq!(village.scheduler.execute(&id), Status::Executed);
    assert_eq!(village.said_names(), ["executed"]);
    let shown = village.shown(id);
    assert_eq!(
        (shown.meter_id, shown.hour, shown.due),
        (METER_ID, START, START + HOUR)
    );
    assert_eq!(
        (shown.amount, shown.paid, shown.settled_at),
        (PRICE, PRICE, village.now())
    );
    assert_eq!(village.holdings(), [GRANT - KWH, GRANT, KWH]);
    assert!(village.scheduler.get_open(&METER_ID).is_empty());
}

fn a_schedule_can_not_be_executed_before_its_hour_mark(village: Village) {
    let village = village.subscribed();
    village.wait_until(HOUR - 1);
    village.record(0, 1_000, PRICE);
    let id = village.schedule(0);
    assert_refused(village.try_execute(id), Error::NotDue);
    for early in [
        village.scheduler.try_handle_insufficient_funds(&id),
        village.scheduler.try_handle_schedule_failure(&id),
    ] {
        assert_refused(verdict(early), Error::NotDue);
    }
    village.wait(1);
    assert_eq!(village.try_execute(id), Ok(Status::Executed));
}

fn a_failure_is_visible_before_the_retry_is_queued(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    village.approve(&village.amina, KWH - 1);
    village.wait(600);
    assert_eq!(village.scheduler.execute(&id), Status::RetryQueued);
    let failed = [
        ("amount", KWH),
        ("id", id.into()),
        ("reason", Reason::AllowanceTooSmall as i128),
    ];
    let queued = [
        ("due", i128::from(village.now() + 2 * HOUR)),
        ("id", id.into()),
    ];
    let expected = [
        ("failed".to_owned(), numbers(&failed)),
        ("retry_queued".to_owned(), numbers(&queued)),
    ];
    assert_eq!(village.said(), expected);
    assert_eq!(
        village.state(id),
        (Status::RetryQueued, Reason::AllowanceTooSmall)
    );
    assert_eq!(village.holdings(), [GRANT, GRANT, 0]);
}

fn a_retry_waits_two_hours_and_pays_in_full_when_the_money_has_come(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    village.approve(&village.amina, 0);
    village.scheduler.execute(&id);
    village.approve(&village.amina, KWH);
    village.wait(2 * HOUR - 1);
    assert_refused(village.try_execute(id), Error::NotDue);
    village.wait(1);
    assert_eq!(village.try_execute(id), Ok(Status::Executed));
    assert_eq!(village.holdings(), [GRANT - KWH, GRANT, KWH]);
}

fn a_retry_pays_what_is_there_and_rolls_the_rest_into_the_next_period(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    village.approve(&village.amina, 500_000);
    village.scheduler.execute(&id);
    village.wait(2 * HOUR);
    assert_eq!(village.scheduler.execute(&id), Status::PartialPaid);
    let expected = [
        ("id", i128::from(id)),
        ("paid", 500_000),
        ("reason", Reason::AllowanceTooSmall as i128),
        ("rolled", 700_000),
    ];
    assert_eq!(
        village.said(),
        [("partial_paid".to_owned(), numbers(&expected))]
    );
    assert_eq!(
        (village.shown(id).paid, village.account().rolled),
        (500_000, 700_000)
    );
    let next = village.charge(2, 1_000, PRICE);
    assert_eq!(village.shown(next).amount, 700_000 + PRICE);
    assert_eq!(village.account().rolled, 0);
    village.approve(&village.amina, GRANT);
    assert_eq!(village.scheduler.execute(&next), Status::Executed);
    assert_eq!(village.holdings(), [GRANT - 2 * KWH, GRANT, 2 * KWH]);
}

fn a_retry_that_finds_nothing_rolls_everything(village: Village) {
    let village = village.subscribed();
    village
        .token
        .transfer(&village.amina, &village.juma, &GRANT);
    let id = village.charge(0, 1_000, PRICE);
    assert_eq!(village.scheduler.execute(&id), Status::RetryQueued);
    village.wait(2 * HOUR);
    assert_eq!(village.scheduler.execute(&id), Status::PartialPaid);
    assert_eq!(
        village.state(id),
        (Status::PartialPaid, Reason::InsufficientBalance)
    );
    assert_eq!(
        (village.account().rolled, village.account().open),
        (PRICE, 0)
    );
}

fn many_callers_racing_have_one_effect(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    for _ in 0..3 {
        assert_eq!(village.scheduler.execute(&id), Status::Executed);
    }
    assert!(village.said().is_empty(), "a repeat says nothing");
    assert_eq!(village.holdings(), [GRANT - KWH, GRANT, KWH]);
    let id = village.charge(1, 1_000, PRICE);
    village.approve(&village.amina, 1);
    village.scheduler.execute(&id);
    for _ in 0..2 {
        assert_refused(village.try_execute(id), Error::NotDue);
        let again = village.scheduler.try_handle_insufficient_funds(&id);
        assert_refused(verdict(again), Error::NotDue);
    }
    village.wait(2 * HOUR);
    for _ in 0..3 {
        assert_eq!(village.scheduler.execute(&id), Status::PartialPaid);
    }
    assert_eq!(village.holdings(), [GRANT - KWH - 1, GRANT, KWH + 1]);
}

fn an_hour_is_scheduled_once_however_often_it_is_asked_for(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    let before = village.account();
    for _ in 0..2 {
        assert_eq!(village.schedule(0), id);
        assert!(village.said().is_empty());
    }
    village.scheduler.execute(&id);
    assert_eq!(village.schedule(0), id);
    let later = village.charge(2, 1_000, PRICE);
    assert_ne!(later, id);
    village.scheduler.cancel_schedule(&village.amina, &later);
    assert_eq!(village.schedule(2), later, "also when it was cancelled");
    assert_eq!(village.account().paid, before.open);
    assert_eq!(village.account().uncollected, PRICE);
}

/// 48 schedules are kept, a week of hours is remembered, and no older hour is served by the oracle.
fn an_hour_is_scheduled_once_even_when_its_schedule_is_forgotten(village: Village) {
    let village = village.subscribed();
    let first = village.charge(0, 1_000, PRICE);
    village.scheduler.execute(&first);
    for number in 1..=48 {
        let id = village.charge(number, 1, PRICE);
        village.scheduler.execute(&id);
    }
    let forgotten = verdict(village.scheduler.try_get_schedule_status(&first));
    assert_refused(forgotten, Error::UnknownSchedule);
    assert_refused(village.try_execute(first), Error::UnknownSchedule);
    assert_eq!(village.schedule(0), first);
    assert_eq!(village.account().paid, PRICE + 48 * 1_200);
    village.charge(167, 1, PRICE);
    assert_eq!(village.schedule(0), first);
    village.charge(168, 1, PRICE);
    assert_refused(village.try_schedule(METER_ID, START), Error::HourTooOld);
}

fn only_hours_that_the_oracle_knows_are_scheduled(village: Village) {
    let village = village.subscribed();
    village.wait_until(2 * HOUR);
    village.record(0, 1_000, PRICE);
    for hour in [
        START + 1,
        START - 1_800,
        u64::MAX,
        u64::MAX - u64::MAX % HOUR,
    ] {
        assert_refused(village.try_schedule(METER_ID, hour), Error::InvalidHour);
    }
    for hour in [0, START - HOUR, START + HOUR, START + DAY] {
        assert_refused(village.try_schedule(METER_ID, hour), Error::NoUsage);
    }
    for stranger in [POSTPAID_ID, 0, u64::MAX] {
        assert_refused(village.try_schedule(stranger, START), Error::NoUsage);
    }
}

fn an_expired_schedule_is_moved_to_the_next_hour_mark_at_its_price(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    let early = verdict(village.scheduler.try_reschedule_expired(&id));
    assert_refused(early, Error::NotExpired);
    village.wait_until(HOUR + DAY - 1);
    assert_eq!(village.state(id).0, Status::Pending);
    village.wait(1 + 600);
    assert_eq!(village.state(id).0, Status::Expired);
    assert_refused(village.try_execute(id), Error::Expired);
    let again = verdict(village.scheduler.try_handle_insufficient_funds(&id));
    assert_refused(again, Error::Expired);
    let due = village.scheduler.reschedule_expired(&id);
    assert_eq!(due, START + DAY + 2 * HOUR);
    assert_eq!(village.said_names(), ["rescheduled"]);
    let twice = verdict(village.scheduler.try_reschedule_expired(&id));
    assert_refused(twice, Error::NotExpired);
    assert_eq!(
        (village.state(id).0, village.shown(id).amount),
        (Status::Created, PRICE)
    );
    village.wait_until(DAY + 2 * HOUR);
    assert_eq!(village.scheduler.execute(&id), Status::Executed);
    assert_eq!(village.shown(id).hour, START);
}

fn an_expired_retry_stays_a_retry(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    village.approve(&village.amina, 5);
    village.scheduler.execute(&id);
    village.wait(2 * HOUR + DAY);
    assert_eq!(village.state(id).0, Status::Expired);
    village.wait(village.scheduler.reschedule_expired(&id) - village.now());
    assert_eq!(village.state(id).0, Status::RetryQueued);
    assert_eq!(village.scheduler.execute(&id), Status::PartialPaid);
    assert_eq!(village.shown(id).paid, 5);
}

/// After an outage hours come days late: none of them is born expired.
fn what_is_scheduled_late_is_due_at_the_next_hour_mark(village: Village) {
    let village = village.subscribed();
    village.wait_until(HOUR + DAY - 1);
    village.record(0, 1_000, PRICE);
    let in_time = village.schedule(0);
    assert_eq!(village.shown(in_time).due, START + HOUR);
    village.wait_until(3 * DAY + 10);
    village.record(1, 1_000, PRICE);
    let late = village.schedule(1);
    assert_eq!(village.state(late).0, Status::Created);
    assert_eq!(village.shown(late).due, START + 3 * DAY + HOUR);
}

fn a_user_cancels_one_schedule_and_the_invoice_charges_it(village: Village) {
    let village = village.subscribed();
    let [first, second] = [0, 1].map(|number| village.charge(number, 1_000, PRICE));
    village.scheduler.cancel_schedule(&village.amina, &first);
    let cancelled = [("amount", KWH), ("id", i128::from(first))];
    let uncollected = [("amount", KWH), ("total", KWH)];
    let expected = [
        ("cancelled".to_owned(), numbers(&cancelled)),
        ("uncollected".to_owned(), numbers(&uncollected)),
    ];
    assert_eq!(village.said(), expected);
    assert_eq!(village.state(first).0, Status::Cancelled);
    assert_eq!(village.scheduler.get_uncollected(&METER_ID), PRICE);
    let open = village.scheduler.get_open(&METER_ID);
    assert_eq!(
        open.iter().map(|known| known.id).collect::<Vec<_>>(),
        [second]
    );
    assert_eq!(village.scheduler.execute(&second), Status::Executed);
    assert_eq!(village.scheduler.get_uncollected(&METER_ID), PRICE);
}

fn a_schedule_that_has_ended_stays_as_it_is(village: Village) {
    let village = village.subscribed();
    let [paid, cancelled, partial] = [0, 1, 2].map(|number| village.charge(number, 1_000, PRICE));
    village.scheduler.execute(&paid);
    village
        .scheduler
        .cancel_schedule(&village.amina, &cancelled);
    village.approve(&village.amina, 1);
    village.scheduler.execute(&partial);
    village.wait(2 * HOUR);
    village.scheduler.execute(&partial);
    village.approve(&village.amina, GRANT);
    let ends = [Status::Executed, Status::Cancelled, Status::PartialPaid];
    let before = village.account();
    for (id, end) in [paid, cancelled, partial].into_iter().zip(ends) {
        village.wait(2 * DAY);
        assert_eq!(village.try_execute(id), Ok(end));
        for refused in [
            village.scheduler.try_handle_insufficient_funds(&id),
            village.scheduler.try_handle_schedule_failure(&id),
        ] {
            assert_refused(verdict(refused), Error::AlreadyFinal);
        }
        let refused = village.scheduler.try_cancel_schedule(&village.amina, &id);
        assert_refused(verdict(refused), Error::AlreadyFinal);
        let refused = village.scheduler.try_reschedule_expired(&id);
        assert_refused(verdict(refused), Error::NotExpired);
        assert_eq!(village.state(id).0, end);
    }
    assert_eq!(village.account(), before);
}

fn unknown_schedules_are_refused(village: Village) {
    let village = village.subscribed();
    let id = village.charge(0, 1_000, PRICE);
    for unknown in [
        0,
        u64::MAX,
        id + 1,
        id - 1,
        id + (1 << 32),
        id & 0xffff_ffff,
    ] {
        let scheduler = &village.scheduler;
        assert_refused(village.try_execute(unknown), Error::UnknownSchedule);
        let answers = [
            verdict(scheduler.try_handle_insufficient_funds(&unknown)).map(drop),
            verdict(scheduler.try_handle_schedule_failure(&unknown)).map(drop),
            verdict(scheduler.try_reschedule_expired(&unknown)).map(drop),
            verdict(scheduler.try_cancel_schedule(&village.amina, &unknown)),
            verdict(scheduler.try_get_schedule_status(&unknown)).map(drop),
        ];
        for answer in answers {
            assert_refused(answer, Error::UnknownSchedule);
        }
    }
}

fn open_schedules_are_never_forgotten(village: Village) {
    let village = village.subscribed();
    let ids: Vec<u64> = (0..48)
        .map(|number| village.charge(number, 1_000, PRICE))
        .collect();
    village.wait_until(49 * HOUR);
    village.record(48, 1_000, PRICE);
    let next = START + 48 * HOUR;
    assert_refused(village.try_schedule(METER_ID, next), Error::BookFull);
    let open = village.scheduler.get_open(&METER_ID);
    assert_eq!(open.iter().map(|known| known.id).collect::<Vec<_>>(), ids);
    village.scheduler.execute(&ids[47]);
    assert_eq!(village.state(ids[47]).0, Status::Executed);
    village.schedule(48);
    assert_refused(village.try_execute(ids[47]), Error::UnknownSchedule);
    assert_eq!(village.scheduler.get_open(&METER_ID).len(), 48);
    assert_eq!(village.account().open, 48 * PRICE);
}
