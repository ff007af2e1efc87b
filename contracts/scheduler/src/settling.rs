//! Moving a schedule on: paying it, letting it fail, rescheduling it, cancelling it. However many callers race,
//! only one call has an effect, for each leaves the schedule where the others' conditions don't hold any more.

use soroban_sdk::{panic_with_error, Address, Env};
use upkeep::life;

use crate::errors::Error;
use crate::events;
use crate::funds::{self, Draw};
use crate::hours;
use crate::schedule::Schedule;
use crate::storage::{self, Key, Line};
use crate::types::{Reason, ScheduleStatus, Status};

/// What the caller says will happen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Whatever happens.
    Any,
    /// The user's balance or allowance is too small.
    Shortage,
    /// The token refuses though the money is there.
    Refusal,
}

/// Tries to pay a schedule that is due, and returns its status. A `claim` that doesn't hold undoes everything.
///
/// # Errors
/// Why it can't be tried now; nothing has changed then.
pub fn attempt(e: &Env, id: u64, claim: Claim) -> Result<Status, Error> {
    let (mut line, schedule) = find(e, id)?;
    let now = e.ledger().timestamp();
    if schedule.is_final() && claim == Claim::Any {
        return Ok(schedule.status(now));
    }
    check_ready(&schedule, now)?;
    // Without a subscriber nothing is open: ending a subscription cancels all of it.
    let user = line.user.clone().ok_or(Error::NotSubscribed)?;
    let draw = funds::draw(e, &user, schedule.amount, schedule.is_retry());
    check_claim(e, claim, draw.reason);
    let next = apply(e, &mut line, schedule, draw, &user);
    storage::put_line(e, &line);
    life::keep(e, &Key::Meter(line.book.number));
    Ok(next.status(now))
}

fn check_ready(schedule: &Schedule, now: u64) -> Result<(), Error> {
    if schedule.is_final() {
        Err(Error::AlreadyFinal)
    } else if !schedule.is_due(now) {
        Err(Error::NotDue)
    } else if schedule.is_expired(now) {
        Err(Error::Expired)
    } else {
        Ok(())
    }
}

/// Ends the call when its claim doesn't hold, so that what was drawn to find out isn't drawn.
fn check_claim(e: &Env, claim: Claim, reason: Reason) {
    let is_shortage = !matches!(reason, Reason::None | Reason::TokenRefused);
    match claim {
        Claim::Shortage if !is_shortage => panic_with_error!(e, Error::FundsSuffice),
        Claim::Refusal if reason != Reason::TokenRefused => {
            panic_with_error!(e, Error::NotRefused)
        }
        _ => {}
    }
}

/// Writes what came of an attempt into the book, and tells of it.
fn apply(e: &Env, line: &mut Line, schedule: Schedule, draw: Draw, user: &Address) -> Schedule {
    let (meter_id, id) = (line.meter_id, id_of(line, schedule.hour));
    let (now, user) = (e.ledger().timestamp(), user.clone());
    let Draw { paid, reason } = draw;
    let amount = schedule.amount;
    if reason == Reason::None {
        events::Executed {
            meter_id,
            id,
            user,
            amount,
        }
        .publish(e);
        return line.book.execute(schedule, now);
    }
    if schedule.is_retry() {
        events::PartialPaid {
            meter_id,
            id,
            user,
            paid,
            rolled: amount - paid,
            reason,
        }
        .publish(e);
        return line.book.settle_partly(schedule, paid, reason, now);
    }
    events::Failed {
        meter_id,
        id,
        amount,
        reason,
    }
    .publish(e);
    let queued = line.book.fail(schedule, reason, now);
    let due = queued.due.into();
    events::RetryQueued { meter_id, id, due }.publish(e);
    queued
}

/// Moves an expired schedule to the next hour mark, at the same amount; a retry stays one. Returns when it is due.
pub fn reschedule(e: &Env, id: u64) -> Result<u64, Error> {
    let (mut line, mut schedule) = find(e, id)?;
    let now = e.ledger().timestamp();
    if !schedule.is_expired(now) {
        return Err(Error::NotExpired);
    }
    schedule.postpone(hours::mark_after(now));
    line.book.put(&schedule);
    storage::put_line(e, &line);
    let (meter_id, due) = (line.meter_id, schedule.due.into());
    events::Rescheduled { meter_id, id, due }.publish(e);
    Ok(due)
}

/// Cancels one schedule for the user who pays for its meter.
pub fn cancel(e: &Env, user: &Address, id: u64) -> Result<(), Error> {
    let (mut line, schedule) = find(e, id)?;
    if line.user.as_ref() != Some(user) {
        return Err(Error::NotSubscriber);
    }
    if schedule.is_final() {
        return Err(Error::AlreadyFinal);
    }
    let cancelled = line.book.cancel(schedule, e.ledger().timestamp());
    announce_cancelled(e, &line, &cancelled);
    announce_uncollected(e, &line, cancelled.amount);
    storage::put_line(e, &line);
    Ok(())
}

/// A schedule as it stands now.
pub fn show(e: &Env, line: &Line, schedule: &Schedule) -> ScheduleStatus {
    ScheduleStatus {
        id: id_of(line, schedule.hour),
        meter_id: line.meter_id,
        hour: hours::start(schedule.hour),
        due: schedule.due.into(),
        amount: schedule.amount,
        paid: schedule.paid,
        status: schedule.status(e.ledger().timestamp()),
        reason: schedule.reason,
        settled_at: schedule.settled_at.into(),
    }
}

/// The line and the schedule with an id.
///
/// # Errors
/// [`Error::UnknownSchedule`].
pub fn find(e: &Env, id: u64) -> Result<(Line, Schedule), Error> {
    let line = storage::meter_id(e, (id >> 32) as u32)
        .and_then(|meter_id| storage::line(e, meter_id))
        .ok_or(Error::UnknownSchedule)?;
    let schedule = line.book.find(id as u32).copied();
    Ok((line, schedule.ok_or(Error::UnknownSchedule)?))
}

/// The id of a meter's schedule: its number in the upper half, the hour since 1970 in the lower.
pub fn id_of(line: &Line, hour: u32) -> u64 {
    u64::from(line.book.number) << 32 | u64::from(hour)
}

/// Tells that a schedule was cancelled.
pub fn announce_cancelled(e: &Env, line: &Line, schedule: &Schedule) {
    events::Cancelled {
        meter_id: line.meter_id,
        id: id_of(line, schedule.hour),
        amount: schedule.amount,
    }
    .publish(e);
}

/// Tells that `amount` more stroops, if any, are left to the invoice.
pub fn announce_uncollected(e: &Env, line: &Line, amount: i64) {
    if amount == 0 {
        return;
    }
    events::Uncollected {
        meter_id: line.meter_id,
        amount,
        total: line.book.uncollected,
    }
    .publish(e);
}
