//! Pages of a batch and top-ups of a credit as `meter` takes them: the documented layout, written here anew, so that
//! tests don't encode by the code that they test.

use soroban_sdk::{Bytes, Env};

/// A batch's pages: their count, then number, length and data of each.
pub fn pages<D: AsRef<[u8]>>(env: &Env, pages: &[(u32, D)]) -> Bytes {
    let mut text = counted(pages.len());
    for (number, data) in pages {
        let data = data.as_ref();
        text.extend(number.to_be_bytes());
        text.extend((data.len() as u32).to_be_bytes());
        text.extend(data);
    }
    Bytes::from_slice(env, &text)
}

/// A credit's top-ups: their count, then meter, amount in stroops and plan of each.
pub fn top_ups(env: &Env, top_ups: &[(u64, i64, u32)]) -> Bytes {
    let mut text = counted(top_ups.len());
    for (meter_id, amount, plan) in top_ups {
        text.extend(meter_id.to_be_bytes());
        text.extend(amount.to_be_bytes());
        text.extend(plan.to_be_bytes());
    }
    Bytes::from_slice(env, &text)
}

fn counted(count: usize) -> Vec<u8> {
    (count as u32).to_be_bytes().to_vec()
}
