//! One page's hour as it is stored. Rent is paid for every byte, so a cell is two bytes long unless somebody
//! used more than 8 191 Wh in that hour.
//!
//! Big endian: hours since 1970 (4) ‖ shape (1: bits 0-1 tier, bit 2 wide, bits 3-5 number of prices) ‖ prices (4 each) ‖
//! bitmap of slots (8) ‖ cells: narrow (2: price index in the upper 3 bits, Wh in the lower 13) or wide (3: price index, Wh).

use crate::usage::{Cell, Cells, PAGE_SLOTS};

/// Most prices of one hour: a price index has three bits, and 0 marks what was refused.
pub const MAX_PRICES: usize = 7;
/// Bytes of the longest hour.
pub const HOUR_MAX_LEN: usize = FIXED_LEN + MAX_PRICES * PRICE_LEN + PAGE_SLOTS * WIDE_LEN;

/// Hour number, shape and bitmap.
const FIXED_LEN: usize = 13;
const PRICE_LEN: usize = 4;
const NARROW_LEN: usize = 2;
const WIDE_LEN: usize = 3;
const NARROW_BITS: u16 = 13;
const NARROW_MAX_WH: u16 = (1 << NARROW_BITS) - 1;
const TIER_MASK: u8 = 0b11;
const WIDE: u8 = 1 << 2;
const COUNT_SHIFT: u8 = 3;

/// The hour's own prices, stroops per kWh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    list: [u32; MAX_PRICES],
    count: usize,
}

impl Prices {
    /// Adds a price; `None` when there are seven, or this one is there already.
    pub fn push(&mut self, price: u32) -> Option<()> {
        if self.as_slice().contains(&price) {
            return None;
        }
        *self.list.get_mut(self.count)? = price;
        self.count += 1;
        Some(())
    }

    pub fn as_slice(&self) -> &[u32] {
        &self.list[..self.count]
    }

    /// The price that an index, counted from 1, stands for.
    pub fn at(&self, price_index: u8) -> Option<u32> {
        let position = usize::from(price_index).checked_sub(1)?;
        self.as_slice().get(position).copied()
    }
}

/// One page's hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Hours since 1970.
    pub number: u32,
    /// 0 off-peak, 1 standard, 2 peak.
    pub tier: u8,
    pub prices: Prices,
    pub cells: Cells,
}

impl Hour {
    /// Reads the hour at the start of `bytes`, which may go on behind it.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let shape = *bytes.get(4)?;
        let mut prices = Prices::default();
        let (list, rest) = bytes
            .get(5..)?
            .split_at_checked(price_count(shape) * PRICE_LEN)?;
        for price in list.as_chunks().0 {
            prices.push(u32::from_be_bytes(*price))?;
        }
        let (present, rest) = rest.split_first_chunk()?;
        let mut cells = Cells {
            present: u64::from_be_bytes(*present),
            rows: [crate::usage::REFUSED; PAGE_SLOTS],
        };
        let width = cell_len(shape);
        let stored = rest.get(..cells.count() * width)?.chunks_exact(width);
        for (row, cell) in cells.rows.iter_mut().zip(stored) {
            *row = decode_cell(cell);
        }
        Some(Self {
            number: number(bytes)?,
            tier: shape & TIER_MASK,
            prices,
            cells,
        })
    }

    /// Writes the hour to the start of `bytes` and returns its length.
    pub fn encode_into(&self, bytes: &mut [u8; HOUR_MAX_LEN]) -> usize {
        let rows = &self.cells.rows[..self.cells.count()];
        let wide = rows.iter().any(|cell| cell.usage_wh > NARROW_MAX_WH);
        let prices = self.prices.as_slice();
        let mut shape = self.tier | (prices.len() as u8) << COUNT_SHIFT;
        if wide {
            shape |= WIDE;
        }
        let mut end = 0;
        let mut put = |part: &[u8]| {
            bytes[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        };
        put(&self.number.to_be_bytes());
        put(&[shape]);
        prices.iter().for_each(|price| put(&price.to_be_bytes()));
        put(&self.cells.present.to_be_bytes());
        for cell in rows {
            let [high, low] = cell.usage_wh.to_be_bytes();
            if wide {
                put(&[cell.price_index, high, low]);
            } else {
                put(&[cell.price_index << 5 | high, low]);
            }
        }
        end
    }

    /// Tells whether `reported` says again what is stored here; what was refused then may say anything.
    pub fn is_repeated_by(&self, reported: &Self) -> bool {
        let rows = self.cells.rows.iter().zip(&reported.cells.rows);
        self.number == reported.number
            && self.tier == reported.tier
            && self.prices == reported.prices
            && self.cells.present == reported.cells.present
            && rows.fold(true, |same, (stored, said)| {
                same && (stored.price_index == 0 || stored == said)
            })
    }
}

/// Number of the hour at the start of `bytes`, in hours since 1970.
pub fn number(bytes: &[u8]) -> Option<u32> {
    bytes
        .first_chunk()
        .map(|number| u32::from_be_bytes(*number))
}

/// Length of the hour at the start of `bytes`; `None` when it isn't all there.
pub fn len(bytes: &[u8]) -> Option<usize> {
    let shape = *bytes.get(4)?;
    let fixed = FIXED_LEN + price_count(shape) * PRICE_LEN;
    let present = bytes.get(fixed - 8..fixed)?.first_chunk()?;
    let cells = u64::from_be_bytes(*present).count_ones() as usize;
    let len = fixed + cells * cell_len(shape);
    (len <= bytes.len()).then_some(len)
}

const fn price_count(shape: u8) -> usize {
    (shape >> COUNT_SHIFT) as usize & MAX_PRICES
}

const fn cell_len(shape: u8) -> usize {
    if shape & WIDE == 0 {
        NARROW_LEN
    } else {
        WIDE_LEN
    }
}

fn decode_cell(bytes: &[u8]) -> Cell {
    match *bytes {
        [price_index, high, low] => Cell {
            price_index,
            usage_wh: u16::from_be_bytes([high, low]),
        },
        [high, low] => Cell {
            price_index: high >> 5,
            usage_wh: u16::from_be_bytes([high, low]) & NARROW_MAX_WH,
        },
        _ => crate::usage::REFUSED,
    }
}
