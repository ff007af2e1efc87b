//! Exactly-once settlement: a batch is the next one of its site and is applied, or repeats the last one and
//! changes nothing, or is refused whole. A single meter's bad usage never blocks the rest: it is counted as residue.

use soroban_sdk::{panic_with_error, BytesN, Env, Vec};

use crate::digest::digest;
use crate::errors::Error;
use crate::events;
use crate::page::{Page, PAGE_RECORDS};
use crate::price;
use crate::settle::{settle, Terms};
use crate::storage::{self, Key};
use crate::time::{on_grid, INTERVAL_S};
use crate::types::{PageUsage, Receipt};
use crate::usage::{PageData, USAGE_MAX_LEN};

/// Everything that a gateway says in one call, but who signed it.
pub struct Batch {
    pub site: u32,
    pub writer: BytesN<16>,
    pub sequence: u64,
    /// Period `[from, to)`, unix s on the grid.
    pub from: u64,
    pub to: u64,
    pub price_version: u32,
    pub pages: Vec<PageUsage>,
    /// Commitment to what lies behind the batch; zeros for none.
    pub root: BytesN<32>,
}

/// What pages add up to.
#[derive(Clone, Copy, Default)]
struct Tally {
    accepted_wh: u64,
    residue_wh: u64,
}

/// What happened within one page: bit i stands for index i.
#[derive(Clone, Copy, Default)]
struct Marks {
    activated: u64,
    deactivated: u64,
    refused: u64,
}

/// Applies `batch`, or returns the stored receipt when it was applied before.
pub fn accept(env: &Env, batch: &Batch) -> Receipt {
    let to = checked_end(env, batch);
    let last = storage::receipt(env, batch.site);
    if let Some(last) = &last {
        if batch.sequence == last.sequence {
            return repeated(env, batch, last);
        }
    }
    check_succession(env, batch, last.as_ref());
    let rates = price::rates_for(env, batch.price_version, batch.from, batch.to);
    let tally = settle_pages(env, batch, &Terms { to, rates });
    let receipt = receipt(env, batch, last, tally);
    storage::put(env, &Key::Receipt(batch.site), &receipt);
    events::batch(env, batch.site, &receipt);
    receipt
}

fn checked_end(env: &Env, batch: &Batch) -> u32 {
    if batch.from >= batch.to || !on_grid(batch.from) || !on_grid(batch.to) {
        panic_with_error!(env, Error::InvalidPeriod);
    }
    if batch.to > env.ledger().timestamp().saturating_add(INTERVAL_S) {
        panic_with_error!(env, Error::PeriodInFuture);
    }
    u32::try_from(batch.to).unwrap_or_else(|_| panic_with_error!(env, Error::InvalidPeriod))
}

fn repeated(env: &Env, batch: &Batch, last: &Receipt) -> Receipt {
    let same =
        batch.writer == last.writer && digest(env, &last.previous_digest, batch) == last.digest;
    if !same {
        panic_with_error!(env, Error::SequenceUsed);
    }
    last.clone()
}

fn check_succession(env: &Env, batch: &Batch, last: Option<&Receipt>) {
    let error = match last {
        None if batch.sequence != 1 => Error::SequenceGap,
        None => return,
        Some(last) if batch.sequence.checked_sub(1) != Some(last.sequence) => Error::SequenceGap,
        Some(last) if batch.writer != last.writer => Error::WrongWriter,
        Some(last) if batch.from != last.to => Error::NotContiguous,
        Some(_) => return,
    };
    panic_with_error!(env, error);
}

fn settle_pages(env: &Env, batch: &Batch, terms: &Terms) -> Tally {
    let mut tally = Tally::default();
    let mut last_page = None;
    for usage in &batch.pages {
        // `None` is less than every page.
        if Some(usage.page) <= last_page {
            panic_with_error!(env, Error::InvalidBatchData);
        }
        last_page = Some(usage.page);
        settle_page(env, batch.site, &usage, terms, &mut tally);
    }
    tally
}

fn settle_page(env: &Env, site: u32, usage: &PageUsage, terms: &Terms, tally: &mut Tally) {
    let mut buffer = [0; USAGE_MAX_LEN];
    let data = copied(usage, &mut buffer)
        .and_then(PageData::decode)
        .unwrap_or_else(|| panic_with_error!(env, Error::InvalidBatchData));
    let key = Key::Page(site, usage.page);
    let Some(mut page) = storage::page(env, &key) else {
        // Nobody is registered there: all of it is residue.
        let marks = apply(&mut Page::new(), &data, terms, tally);
        return publish(env, site, usage.page, marks);
    };
    let mut marks = apply(&mut page, &data, terms, tally);
    announce(&mut page, env.ledger().timestamp(), &mut marks);
    storage::put(env, &key, &page.encode(env));
    publish(env, site, usage.page, marks);
}

fn publish(env: &Env, site: u32, page: u32, marks: Marks) {
    let Marks {
        activated,
        deactivated,
        refused,
    } = marks;
    if activated | deactivated | refused != 0 {
        events::PageChanged {
            site,
            page,
            activated,
            deactivated,
            refused,
        }
        .publish(env);
    }
}

fn copied<'a>(usage: &PageUsage, buffer: &'a mut [u8; USAGE_MAX_LEN]) -> Option<&'a [u8]> {
    let data = buffer.get_mut(..usage.data.len() as usize)?;
    usage.data.copy_into_slice(data);
    Some(data)
}

/// Settles every slot that was read; what is refused leaves its record untouched.
fn apply(page: &mut Page, data: &PageData, terms: &Terms, tally: &mut Tally) -> Marks {
    let mut marks = Marks::default();
    for (index, usage) in data.iter() {
        let record = page.record(index);
        match record.and_then(|record| settle(&record, &usage, terms)) {
            Some(next) => {
                page.put(index, &next);
                tally.accepted_wh += usage.total_wh();
            }
            None => {
                marks.refused |= 1 << index;
                tally.residue_wh += usage.total_wh();
            }
        }
    }
    marks
}

/// Brings the announced state of the whole page up to date: a plan also ends for a meter that wasn't read.
fn announce(page: &mut Page, now: u64, marks: &mut Marks) {
    for index in 0..page.count().min(PAGE_RECORDS) {
        let Some(mut record) = page.record(index) else {
            continue;
        };
        match record.announce(now) {
            Some(true) => marks.activated |= 1 << index,
            Some(false) => marks.deactivated |= 1 << index,
            None => continue,
        }
        page.put(index, &record);
    }
}

fn receipt(env: &Env, batch: &Batch, last: Option<Receipt>, tally: Tally) -> Receipt {
    let (previous_digest, total_wh, total_residue_wh) = match last {
        Some(last) => (last.digest, last.total_wh, last.total_residue_wh),
        None => (BytesN::from_array(env, &[0; 32]), 0, 0),
    };
    Receipt {
        writer: batch.writer.clone(),
        sequence: batch.sequence,
        digest: digest(env, &previous_digest, batch),
        previous_digest,
        from: batch.from,
        to: batch.to,
        price_version: batch.price_version,
        accepted_wh: tally.accepted_wh,
        residue_wh: tally.residue_wh,
        total_wh: total_wh + tally.accepted_wh,
        total_residue_wh: total_residue_wh + tally.residue_wh,
        root: batch.root.clone(),
        closed_at: env.ledger().timestamp(),
    }
}
