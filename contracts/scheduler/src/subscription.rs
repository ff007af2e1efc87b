//! Who pays for a meter. A subscription begins with the first hour mark, so that nobody pays for an hour that was
//! half somebody else's, and leaves nothing open when it ends.

use soroban_sdk::{panic_with_error, Address, Env};

use crate::charging::oracle;
use crate::errors::Error;
use crate::events::{Subscribed, Unsubscribed};
use crate::hours;
use crate::settling::{announce_cancelled, announce_uncollected};
use crate::storage::{self, Line};
use crate::types::Subscription;

/// Lets `user` pay for a meter; the same user again changes nothing.
pub fn begin(e: &Env, user: Address, meter_id: u64) {
    if !oracle(e).is_streaming(&meter_id) {
        panic_with_error!(e, Error::NotStreaming);
    }
    let known = storage::line(e, meter_id);
    let mut line = known.unwrap_or_else(|| storage::new_line(e, meter_id));
    match &line.user {
        Some(known) if *known == user => return,
        Some(_) => panic_with_error!(e, Error::AlreadySubscribed),
        None => {}
    }
    let since = hours::mark_from(e.ledger().timestamp());
    line.user = Some(user.clone());
    line.book.since = hours::number(since);
    storage::put_line(e, &line);
    Subscribed {
        meter_id,
        user,
        since,
    }
    .publish(e);
}

/// Ends the subscription that `user` has to a meter.
pub fn cancel(e: &Env, user: &Address, meter_id: u64) {
    match storage::line(e, meter_id) {
        Some(line) if line.user.as_ref() == Some(user) => end(e, line, user.clone()),
        _ => panic_with_error!(e, Error::NotSubscriber),
    }
}

/// Ends whatever subscription a meter has.
pub fn remove(e: &Env, meter_id: u64) {
    let line = storage::line(e, meter_id);
    match line.and_then(|line| Some((line.user.clone()?, line))) {
        Some((user, line)) => end(e, line, user),
        None => panic_with_error!(e, Error::NotSubscribed),
    }
}

/// Leaves all that is open or rolled over to the invoice.
fn end(e: &Env, mut line: Line, user: Address) {
    let (meter_id, before) = (line.meter_id, line.book.uncollected);
    while let Some(open) = line.book.first_open() {
        let cancelled = line.book.cancel(open, e.ledger().timestamp());
        announce_cancelled(e, &line, &cancelled);
    }
    line.book.end_subscription();
    line.user = None;
    storage::put_line(e, &line);
    announce_uncollected(e, &line, line.book.uncollected - before);
    Unsubscribed { meter_id, user }.publish(e);
}

/// Who pays for a meter, if anybody does.
pub fn of(e: &Env, meter_id: u64) -> Option<Subscription> {
    let line = storage::line(e, meter_id)?;
    let user = line.user?;
    let since = hours::start(line.book.since?);
    Some(Subscription { user, since })
}
