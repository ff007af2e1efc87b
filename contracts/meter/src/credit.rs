//! Top-ups made without internet, credited out of the site's float exactly once: a credit is the next one of its site
//! and is applied, or repeats the last one and changes nothing, or is refused whole.

use soroban_sdk::{Bytes, Env, Vec};

use crate::digest::{chained, put_u32, put_u64};
use crate::errors::{refuse, Error};
use crate::events;
use crate::float;
use crate::ids::Place;
use crate::pages::OpenPage;
use crate::plan;
use crate::price;
use crate::storage::{self, Key};
use crate::types::{Float, TopUp};

/// Most top-ups of one credit: as many as fit into a transaction, wherever the meters are.
pub const MOST_TOP_UPS: u32 = 100;
/// What tells a credit's digest from a batch's.
const NAME: &[u8] = b"credit";

/// Applies a credit, or returns the float as it is when the credit was applied before.
pub fn accept(env: &Env, site: u32, sequence: u64, top_ups: &Vec<TopUp>) -> Float {
    if top_ups.is_empty() || top_ups.len() > MOST_TOP_UPS {
        refuse(env, Error::InvalidTopUps);
    }
    let (said, due) = canonical(env, site, sequence, top_ups);
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
    if float.balance < i128::from(due) {
        refuse(env, Error::FloatTooSmall);
    }
    let credited = apply(env, site, top_ups);
    float.balance -= i128::from(credited);
    float.total_credited += i128::from(credited);
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

/// The credit as bytes, and its sum in stroops. Every number is big endian:
/// "credit" ‖ site ‖ sequence ‖ count ‖ (meter id ‖ amount ‖ plan) for each top-up.
pub fn canonical(env: &Env, site: u32, sequence: u64, top_ups: &Vec<TopUp>) -> (Bytes, i64) {
    let mut text = Bytes::from_slice(env, NAME);
    put_u32(&mut text, site);
    put_u64(&mut text, sequence);
    put_u32(&mut text, top_ups.len());
    let mut due: i64 = 0;
    for top_up in top_ups {
        if top_up.amount <= 0 {
            refuse(env, Error::AmountNotPositive);
        }
        due = due
            .checked_add(top_up.amount)
            .unwrap_or_else(|| refuse(env, Error::AmountTooLarge));
        put_u64(&mut text, top_up.meter_id);
        put_u64(&mut text, top_up.amount as u64);
        put_u32(&mut text, top_up.plan as u32);
    }
    (text, due)
}

/// Applies what can be applied and returns its sum in stroops. Neighbours in one page share its reading and writing.
fn apply(env: &Env, site: u32, top_ups: &Vec<TopUp>) -> i64 {
    let now = env.ledger().timestamp();
    let price = price::in_force(env, now);
    let mut credited = 0;
    let first = Place::of(top_ups.get_unchecked(0).meter_id);
    let mut page = OpenPage::read(env, site, first.page());
    for top_up in top_ups {
        let place = Place::of(top_up.meter_id);
        if place.site != site {
            continue;
        }
        if page.number() != place.page() {
            page.close(env);
            page = OpenPage::read(env, site, place.page());
        }
        let index = place.index();
        let record = page.record(env, index).and_then(|mut record| {
            plan::buy(&mut record, top_up.plan, top_up.amount, price.as_ref(), now).ok()?;
            Some(record)
        });
        match record {
            Some(record) => {
                page.put(index, &record);
                credited += top_up.amount;
            }
            None => page.refuse(index),
        }
    }
    page.close(env);
    credited
}
