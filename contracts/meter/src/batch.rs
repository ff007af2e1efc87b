//! Exactly-once settlement: a batch is the next one of its site and is applied, or repeats the last one and
//! changes nothing, or is refused whole. A single meter's bad usage never blocks the rest: it is counted as residue.

use soroban_sdk::{BytesN, Env, Vec};

use crate::digest::digest;
use crate::errors::{refuse, Error};
use crate::events;
use crate::pages::OpenPage;
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
        refuse(env, Error::InvalidPeriod);
    }
    if batch.to > env.ledger().timestamp().saturating_add(INTERVAL_S) {
        refuse(env, Error::PeriodInFuture);
    }
    u32::try_from(batch.to).unwrap_or_else(|_| refuse(env, Error::InvalidPeriod))
}

fn repeated(env: &Env, batch: &Batch, last: &Receipt) -> Receipt {
    let same =
        batch.writer == last.writer && digest(env, &last.previous_digest, batch) == last.digest;
    if !same {
        refuse(env, Error::SequenceUsed);
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
    refuse(env, error);
}

fn settle_pages(env: &Env, batch: &Batch, terms: &Terms) -> Tally {
    let mut tally = Tally::default();
    let mut last_page = None;
    for usage in &batch.pages {
        // `None` is less than every page.
        if Some(usage.page) <= last_page {
            refuse(env, Error::InvalidBatchData);
        }
        last_page = Some(usage.page);
        settle_page(env, batch.site, &usage, terms, &mut tally);
    }
    tally
}

/// Settles every slot that was read; what is refused leaves its record untouched.
fn settle_page(env: &Env, site: u32, usage: &PageUsage, terms: &Terms, tally: &mut Tally) {
    let mut buffer = [0; USAGE_MAX_LEN];
    let data = copied(usage, &mut buffer)
        .and_then(PageData::decode)
        .unwrap_or_else(|| refuse(env, Error::InvalidBatchData));
    let mut page = OpenPage::read(env, site, usage.page);
    for (index, usage) in data.iter() {
        let record = page.record(env, index);
        let wh = usage.total_wh();
        match record.and_then(|record| settle(&record, &usage, terms)) {
            Some(next) => {
                page.put(index, &next);
                tally.accepted_wh += wh;
            }
            None => {
                page.refuse(index);
                tally.residue_wh += wh;
            }
        }
    }
    page.close(env);
}

fn copied<'a>(usage: &PageUsage, buffer: &'a mut [u8; USAGE_MAX_LEN]) -> Option<&'a [u8]> {
    let data = buffer.get_mut(..usage.data.len() as usize)?;
    usage.data.copy_into_slice(data);
    Some(data)
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
