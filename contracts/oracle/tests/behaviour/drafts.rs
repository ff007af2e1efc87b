//! Hours as a gateway would write them, encoded here anew from the documented layout, not by the code under test.

use oracle::types::{HourUsage, PageUsage};
use soroban_sdk::{Bytes, Env, Vec};

use crate::village::{HOUR, START};

/// An hour before it is sent; every field may be spoilt.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub hour: u64,
    pub tier: u32,
    pub prices: std::vec::Vec<i64>,
    pub pages: std::vec::Vec<(u32, std::vec::Vec<u8>)>,
}

/// A meter's record: slot, index of its price (from 1), Wh.
pub type Record = (u32, u8, u16);

/// The hour `number` hours after the start, at the standard tier and one price.
pub fn hour(number: u64) -> Draft {
    Draft {
        hour: START + number * HOUR,
        tier: 1,
        prices: vec![1_200_000],
        pages: vec![],
    }
}

impl Draft {
    /// The same hour with records, ascending by slot, put on the pages where the slots live.
    pub fn with(mut self, records: &[Record]) -> Self {
        for page in records.chunk_by(|a, b| a.0 / 64 == b.0 / 64) {
            self.pages.push((page[0].0 / 64, page_data(page)));
        }
        self
    }

    pub fn at(self, tier: u32, prices: &[i64]) -> Self {
        Self {
            tier,
            prices: prices.to_vec(),
            ..self
        }
    }

    pub fn encode(&self, env: &Env) -> HourUsage {
        let mut pages = Vec::new(env);
        for (page, data) in &self.pages {
            let data = Bytes::from_slice(env, data);
            pages.push_back(PageUsage { page: *page, data });
        }
        HourUsage {
            hour: self.hour,
            tier: self.tier,
            prices: Vec::from_slice(env, &self.prices),
            pages,
        }
    }
}

/// Encodes one page: bitmap, then price index and Wh of each slot.
pub fn page_data(records: &[Record]) -> std::vec::Vec<u8> {
    let bitmap = records
        .iter()
        .fold(0_u64, |map, (slot, _, _)| map | 1 << (slot % 64));
    let mut data = bitmap.to_be_bytes().to_vec();
    for (_, price_index, wh) in records {
        data.push(*price_index);
        data.extend(wh.to_be_bytes());
    }
    data
}
