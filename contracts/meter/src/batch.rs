//! Exactly-once settlement: a batch is the next one of its site and is applied, or repeats the last one and
//! changes nothing, or is refused whole. A single meter's bad usage never blocks the rest: it is counted as residue.

use soroban_sdk::{Bytes, BytesN, Env};

use crate::digest::digest;
use crate::errors::{refuse, Error};
use crate::events;
use crate::page::copied;
use crate::pages::OpenPage;
use crate::price;
use crate::settle::{settle, Terms};
use crate::storage::{self, Key};
use crate::time::{on_grid, INTERVAL_S};
use crate::types::Receipt;
use crate::usage::{PageData, Pages, PAGES_MAX_LEN};

/// Everything that a gateway says in one call, but who signed it.
pub struct Batch {
    pub site: u32,
    pub writer: BytesN<16>,
    pub sequence: u64,
    /// Period `[from, to)`, unix s on the grid.
    pub from: u64,
    pub to: u64,
    pub price_version: u32,
    /// Usage by page, ascending: layout in [`crate::usage`].
    pub pages: Bytes,
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
    let mut receipt = storage::receipt(env, batch.site).unwrap_or_else(|| Receipt::none(env));
    if receipt.sequence > 0 && batch.sequence == receipt.sequence {
        check_repetition(env, batch, &receipt);
        return receipt;
    }
    check_succession(env, batch, &receipt);
    let rates = price::rates_for(env, batch.price_version, batch.from, batch.to);
    let tally = settle_pages(env, batch, &Terms { to, rates })
        .unwrap_or_else(|| refuse(env, Error::InvalidBatchData));
    advance(env, batch, &mut receipt, tally);
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

fn check_repetition(env: &Env, batch: &Batch, last: &Receipt) {
    let same =
        batch.writer == last.writer && digest(env, &last.previous_digest, batch) == last.digest;
    if !same {
        refuse(env, Error::SequenceUsed);
    }
}

fn check_succession(env: &Env, batch: &Batch, last: &Receipt) {
    if batch.sequence.checked_sub(1) != Some(last.sequence) {
        refuse(env, Error::SequenceGap);
    }
    if last.sequence == 0 {
        return;
    }
    if batch.writer != last.writer {
        refuse(env, Error::WrongWriter);
    }
    if batch.from != last.to {
        refuse(env, Error::NotContiguous);
    }
}

/// Settles every page; `None` when they can't be decoded, or don't ascend.
fn settle_pages(env: &Env, batch: &Batch, terms: &Terms) -> Option<Tally> {
    let mut buffer = [0; PAGES_MAX_LEN];
    let mut pages = Pages::of(copied(&batch.pages, &mut buffer)?)?;
    let mut tally = Tally::default();
    let mut last_page = None;
    for (number, data) in pages.by_ref() {
        // `None` is less than every page.
        if Some(number) <= last_page {
            return None;
        }
        last_page = Some(number);
        let mut page = OpenPage::read(env, batch.site, number);
        settle_page(env, &mut page, PageData::decode(data)?, terms, &mut tally);
        page.close(env);
    }
    pages.are_read().then_some(tally)
}

/// Settles every slot that was read; what is refused leaves its record untouched.
fn settle_page(env: &Env, page: &mut OpenPage, data: PageData, terms: &Terms, tally: &mut Tally) {
    for (index, usage) in data.iter() {
        let wh = usage.total_wh();
        let settled = page.record(env, index).and_then(|mut record| {
            settle(&mut record, &usage, terms)?;
            Some(record)
        });
        match settled {
            Some(record) => {
                page.put(index, &record);
                tally.accepted_wh += wh;
            }
            None => {
                page.refuse(index);
                tally.residue_wh += wh;
            }
        }
    }
}

/// Makes the last receipt the one of this batch.
fn advance(env: &Env, batch: &Batch, receipt: &mut Receipt, tally: Tally) {
    receipt.writer = batch.writer.clone();
    receipt.sequence = batch.sequence;
    receipt.previous_digest = receipt.digest.clone();
    receipt.digest = digest(env, &receipt.previous_digest, batch);
    receipt.from = batch.from;
    receipt.to = batch.to;
    receipt.price_version = batch.price_version;
    receipt.accepted_wh = tally.accepted_wh;
    receipt.residue_wh = tally.residue_wh;
    receipt.total_wh += tally.accepted_wh;
    receipt.total_residue_wh += tally.residue_wh;
    receipt.root = batch.root.clone();
    receipt.closed_at = env.ledger().timestamp();
}
