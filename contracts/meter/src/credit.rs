//! Top-ups made without internet, credited out of the site's float exactly once: a credit is the next one of its site
//! and is applied, or repeats the last one and changes nothing, or is refused whole.

use soroban_sdk::{Bytes, Env};

use crate::digest::{chained, put_u32, put_u64};
use crate::errors::{refuse, Error};
use crate::events;
use crate::float;
use crate::ids::Place;
use crate::page::copied;
use crate::pages::OpenPage;
use crate::payment;
use crate::plan;
use crate::price;
use crate::record::{swapped, swapped_u32};
use crate::storage::{self, Key};
use crate::types::{Float, Plan};

/// Most top-ups of one credit: as many as fit into a transaction, wherever the meters are.
pub const MOST_TOP_UPS: usize = 100;
/// Bytes of one top-up.
pub const TOP_UP_LEN: usize = 20;
/// Bytes before the first top-up: their count.
pub const COUNT_LEN: usize = 4;
/// What tells a credit's digest from a batch's.
const NAME: &[u8] = b"credit";

/// Money that a household has paid on site, to be credited out of the float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopUp {
    pub meter_id: u64,
    /// Stroops, above zero.
    pub amount: i64,
    pub plan: Plan,
}

impl TopUp {
    /// Reads meter id (8 bytes), amount (8) and plan (4), big endian; `None` for a plan that there isn't.
    pub fn decode(cell: &[u8; TOP_UP_LEN]) -> Option<Self> {
        let (words, plan) = cell.as_chunks();
        let [meter_id, amount] = [0, 1].map(|word| swapped(u64::from_le_bytes(words[word])));
        let plan = u32::from_le_bytes(*plan.first_chunk()?);
        Some(Self {
            meter_id,
            amount: amount as i64,
            plan: Plan::from_u32(swapped_u32(plan))?,
        })
    }
}

/// Applies a credit, or returns the float as it is when the credit was applied before.
///
/// `top_ups` is their count (4 bytes, big endian) and as many of them, exact to the byte.
pub fn accept(env: &Env, site: u32, sequence: u64, top_ups: &Bytes) -> Float {
    let said = canonical(env, site, sequence, top_ups);
    let mut float = float::get(env, site);
    if float.sequence > 0 && sequence == float.sequence {
        if chained(env, &float.previous_digest, &said) != float.digest {
            refuse(env, Error::SequenceUsed);
        }
        return float;
    }
    if sequence.checked_sub(1) != Some(float.sequence) {
        refuse(env, Error::SequenceGap);
    }
    let mut buffer = [0; COUNT_LEN + MOST_TOP_UPS * TOP_UP_LEN];
    let (due, credited) = copied(top_ups, &mut buffer)
        .and_then(cells)
        .and_then(|cells| apply(env, site, cells))
        .unwrap_or_else(|| refuse(env, Error::InvalidTopUps));
    if float.balance < due {
        refuse(env, Error::FloatTooSmall);
    }
    float.balance -= credited;
    float.total_credited = payment::sum(env, float.total_credited, credited);
    float.credited = credited;
    float.refused = due - credited;
    float.sequence = sequence;
    float.previous_digest = float.digest;
    float.digest = chained(env, &float.previous_digest, &said);
    float.closed_at = env.ledger().timestamp();
    float::set(env, site, &float, -credited);
    storage::keep(env, &Key::Float(site));
    events::Credited {
        site,
        sequence,
        credited,
        refused: float.refused,
        digest: float.digest.clone(),
    }
    .publish(env);
    float
}

/// The credit as bytes, big endian: "credit" ‖ site ‖ sequence ‖ top-ups as they were sent.
pub fn canonical(env: &Env, site: u32, sequence: u64, top_ups: &Bytes) -> Bytes {
    let mut text = Bytes::from_slice(env, NAME);
    put_u32(&mut text, site);
    put_u64(&mut text, sequence);
    text.append(top_ups);
    text
}

/// The top-ups, still encoded; `None` unless there are some, and as many as their count says.
fn cells(text: &[u8]) -> Option<&[[u8; TOP_UP_LEN]]> {
    let (count, cells) = text.split_first_chunk()?;
    let (cells, rest) = cells.as_chunks();
    let expected = swapped_u32(u32::from_le_bytes(*count)) as usize;
    (rest.is_empty() && !cells.is_empty() && cells.len() == expected).then_some(cells)
}

/// Applies what can be applied; returns what was to be credited and what was, in stroops.
///
/// Neighbours in one page share its reading and writing.
fn apply(env: &Env, site: u32, cells: &[[u8; TOP_UP_LEN]]) -> Option<(i64, i64)> {
    let now = env.ledger().timestamp();
    let price = price::in_force(env, now);
    let (mut due, mut credited) = (0_i64, 0);
    let first = Place::of(TopUp::decode(cells.first()?)?.meter_id);
    let mut page = OpenPage::read(env, site, first.page());
    for cell in cells {
        let TopUp {
            meter_id,
            amount,
            plan,
        } = TopUp::decode(cell)?;
        if amount <= 0 {
            refuse(env, Error::AmountNotPositive);
        }
        due = payment::sum(env, due, amount);
        let place = Place::of(meter_id);
        if place.site != site {
            continue;
        }
        if page.number() != place.page() {
            page.close(env);
            page = OpenPage::read(env, site, place.page());
        }
        let index = place.index();
        let record = page.record(env, index).and_then(|mut record| {
            plan::buy(&mut record, plan, amount, price.as_ref(), now).ok()?;
            Some(record)
        });
        match record {
            Some(record) => {
                page.put(index, &record);
                credited += amount;
            }
            None => page.refuse(index),
        }
    }
    page.close(env);
    Some((due, credited))
}
