//! What a call says about one page in one hour: which slots were read, and for each its price and its Wh.
//!
//! Big endian: bitmap of slots (8) ‖ for each slot present, ascending: index of its price, counted from 1 (1) ‖ Wh (2).

/// Slots of a page, as in the meter contract.
pub const PAGE_SLOTS: usize = 64;
/// Bytes before the first record.
pub const USAGE_HEADER_LEN: usize = 8;
/// Bytes of one record.
pub const USAGE_RECORD_LEN: usize = 3;
/// Bytes of the longest page data.
pub const USAGE_MAX_LEN: usize = USAGE_HEADER_LEN + PAGE_SLOTS * USAGE_RECORD_LEN;

/// One meter's hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Which of the hour's prices, counted from 1; 0 marks a record that was refused and doesn't count.
    pub price_index: u8,
    pub usage_wh: u16,
}

/// What was refused: it keeps its place, so that the same hour is known again.
pub const REFUSED: Cell = Cell {
    price_index: 0,
    usage_wh: 0,
};

/// The slots that were read and their cells: row n is the n-th slot present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells {
    pub present: u64,
    pub rows: [Cell; PAGE_SLOTS],
}

impl Cells {
    /// Checks the encoding; `None` unless it is exact to the byte.
    pub fn decode(data: &[u8]) -> Option<Self> {
        let (header, records) = data.split_first_chunk()?;
        let present = u64::from_be_bytes(*header);
        let (records, rest) = records.as_chunks();
        let exact = rest.is_empty() && records.len() == present.count_ones() as usize;
        if present == 0 || !exact {
            return None;
        }
        let mut rows = [REFUSED; PAGE_SLOTS];
        for (row, [price_index, high, low]) in rows.iter_mut().zip(records) {
            *row = Cell {
                price_index: *price_index,
                usage_wh: u16::from_be_bytes([*high, *low]),
            };
        }
        Some(Self { present, rows })
    }

    /// Number of slots present.
    pub const fn count(&self) -> usize {
        self.present.count_ones() as usize
    }

    /// The cell of a slot (0..64), if it is present.
    pub fn at(&self, index: usize) -> Option<Cell> {
        let row = (self.present & ((1 << index) - 1)).count_ones() as usize;
        (self.present >> index & 1 == 1).then(|| self.rows[row])
    }

    /// The cells present, each with its slot's index, ascending.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Cell)> {
        let mut left = self.present;
        let count = self.count();
        self.rows[..count].iter_mut().map(move |cell| {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            (index, cell)
        })
    }
}
