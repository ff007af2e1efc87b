//! Energy that a producer exported, as a gateway reports it: a cumulative register, so a repeat counts nothing twice.
//!
//! Only what was exported while certified may be sold. While revoked nothing is taken, and the first report after that only
//! sets the register: what it adds can't be told apart from what was exported in between, so none of it counts.
//! A report is booked whole on the UTC day of the ledger that takes it, also when it covers an outage.

use soroban_sdk::{panic_with_error, Address, Env, Vec};
use upkeep::life;

use crate::errors::Error;
use crate::events;
use crate::page::{Page, HISTORY_DAYS};
use crate::standing;
use crate::storage::Key;
use crate::types::{Certificate, Production};

/// Starts to count at 0: what was exported before the certification can't be sold.
pub fn begin(e: &Env, producer: &Address, now: u64) {
    save(e, producer, &Page::new(now));
}

/// Goes on after a revocation: the next report only sets the register.
pub fn resume(e: &Env, producer: &Address) {
    let mut page = page(e, producer).unwrap_or_else(|| Page::new(e.ledger().timestamp()));
    page.resuming = true;
    save(e, producer, &page);
}

/// Takes a register reading; returns what the producer has exported while certified, Wh.
///
/// # Arguments
/// * `total_wh` - the register: Wh since the first certification, never going back.
pub fn report(e: &Env, producer: &Address, total_wh: u64) -> u64 {
    let certificate = standing::certified(e, producer);
    let now = e.ledger().timestamp();
    let mut page = page(e, producer).unwrap_or_else(|| Page::new(now));
    if total_wh == page.total_wh && !page.resuming {
        return page.exported_wh;
    }
    let added_wh = plausible(e, &certificate, &page, total_wh, now);
    let counted_wh = if page.resuming { 0 } else { added_wh };
    page.resuming = false;
    page.total_wh = total_wh;
    page.exported_wh += counted_wh;
    page.reported_at = now;
    page.count(now, counted_wh);
    save(e, producer, &page);
    events::Produced {
        producer: producer.clone(),
        counted_wh,
        exported_wh: page.exported_wh,
        total_wh,
    }
    .publish(e);
    page.exported_wh
}

/// The producer's energy; zeros for somebody who was never certified.
pub fn production(e: &Env, producer: &Address) -> Production {
    let page = page(e, producer).unwrap_or_else(|| Page::new(0));
    Production {
        exported_wh: page.exported_wh,
        reported_at: page.reported_at,
        total_wh: page.total_wh,
    }
}

/// What was counted on each UTC day from `from_day` (unix s / 86 400) on.
pub fn history(e: &Env, producer: &Address, from_day: u32, days: u32) -> Vec<u32> {
    if !(1..=HISTORY_DAYS).contains(&days) {
        panic_with_error!(e, Error::InvalidDays);
    }
    let page = page(e, producer).unwrap_or_else(|| Page::new(0));
    let mut history = Vec::new(e);
    for index in 0..days {
        match page.day(from_day.saturating_add(index)) {
            Some(wh) => history.push_back(wh),
            None => panic_with_error!(e, Error::HistoryGone),
        }
    }
    history
}

/// What the register moved on, if the certified capacity can have exported it since it last moved (and 1 Wh for rounding).
fn plausible(e: &Env, certificate: &Certificate, page: &Page, total_wh: u64, now: u64) -> u64 {
    let Some(added_wh) = total_wh.checked_sub(page.total_wh) else {
        panic_with_error!(e, Error::RegisterGoesBack);
    };
    let elapsed_s = now.saturating_sub(page.reported_at);
    let most_wh = u64::from(certificate.capacity_w).saturating_mul(elapsed_s) / 3_600 + 1;
    if added_wh > most_wh {
        panic_with_error!(e, Error::ImplausibleProduction);
    }
    added_wh
}

fn page(e: &Env, producer: &Address) -> Option<Page> {
    let bytes = e
        .storage()
        .persistent()
        .get(&Key::Production(producer.clone()))?;
    Some(Page::decode(&bytes).unwrap_or_else(|error| panic_with_error!(e, error)))
}

fn save(e: &Env, producer: &Address, page: &Page) {
    life::put(e, &Key::Production(producer.clone()), &page.encode(e));
}
