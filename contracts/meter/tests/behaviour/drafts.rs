//! Batches as a gateway would write them, encoded here anew from the documented layout, not by the code under test.

use meter::credit::TopUp;
use soroban_sdk::{Address, Bytes, Env};

/// Wh of one meter: off-peak, standard, peak, included, bought on the market.
pub type Columns = [u32; 5];

/// A batch before it is sent; every field may be spoilt.
#[derive(Clone)]
pub struct Draft {
    /// The village's signer unless set.
    pub signer: Option<Address>,
    pub site: u32,
    pub writer: [u8; 16],
    pub sequence: u64,
    pub from: u64,
    pub to: u64,
    pub price_version: u32,
    pub pages: Vec<(u32, Vec<u8>)>,
    pub root: Option<[u8; 32]>,
}

impl Draft {
    /// The same batch with usage by slot, put on the pages where the slots live.
    pub fn with(mut self, usage: &[(u32, Columns)]) -> Self {
        let mut slots = usage.to_vec();
        slots.sort_unstable_by_key(|(slot, _)| *slot);
        for page in slots.chunk_by(|a, b| a.0 / 64 == b.0 / 64) {
            let rows: Vec<_> = page.iter().map(|(slot, wh)| (slot % 64, *wh)).collect();
            self.pages.push((page[0].0 / 64, page_data(&rows)));
        }
        self
    }
}

/// Usage of one tier.
pub const fn standard(wh: u32) -> Columns {
    [0, wh, 0, 0, 0]
}

/// Usage inside a plan.
pub const fn included(wh: u32) -> Columns {
    [0, 0, 0, wh, 0]
}

/// Usage that market credit is to pay for.
pub const fn market(wh: u32) -> Columns {
    [0, 0, 0, 0, wh]
}

/// Encodes one page: bitmap, mask of the columns that aren't all zero, columns.
pub fn page_data(rows: &[(u32, Columns)]) -> Vec<u8> {
    let bitmap = rows.iter().fold(0_u64, |map, (index, _)| map | 1 << index);
    let used: Vec<usize> = (0..5)
        .filter(|column| rows.iter().any(|(_, wh)| wh[*column] != 0))
        .collect();
    let mask = used.iter().fold(0_u8, |mask, column| mask | 1 << column);
    let mut data = bitmap.to_be_bytes().to_vec();
    data.push(mask);
    for column in used {
        for (_, wh) in rows {
            data.extend(wh[column].to_be_bytes());
        }
    }
    data
}

/// Encodes the top-ups of a credit.
pub fn top_ups_text(env: &Env, top_ups: &[TopUp]) -> Bytes {
    let plain = top_ups
        .iter()
        .map(|one| (one.meter_id, one.amount, one.plan as u32));
    laws::batches::top_ups(env, &plain.collect::<Vec<_>>())
}
