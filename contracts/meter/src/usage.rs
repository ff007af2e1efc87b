//! What a batch says about one page: which slots were read, and a column of Wh for each way it was paid for.

use crate::record::{swapped, swapped_u32};

/// Columns of a batch in bit order: off-peak, standard, peak, what a running plan includes, what was bought on the market.
pub const COLUMNS: usize = 5;
/// Bytes before the first cell: bitmap of slots, mask of columns.
pub const USAGE_HEADER_LEN: usize = 9;
/// Bytes of one cell.
pub const CELL_LEN: usize = 4;
/// Bytes of the longest page data: 64 slots, every column.
pub const USAGE_MAX_LEN: usize = USAGE_HEADER_LEN + 64 * COLUMNS * CELL_LEN;
/// Most bytes of all pages of a batch: fifty pages of the longest data, when a transaction writes no more than forty-two.
pub const PAGES_MAX_LEN: usize = 65_536;

/// The pages of a batch, still encoded: their count (4 bytes), then number (4), length (4) and data of each.
pub struct Pages<'a> {
    left: u32,
    rest: &'a [u8],
}

impl<'a> Pages<'a> {
    /// Begins to read; `None` without a count.
    pub fn of(text: &'a [u8]) -> Option<Self> {
        let (count, rest) = text.split_first_chunk()?;
        Some(Self {
            left: swapped_u32(u32::from_le_bytes(*count)),
            rest,
        })
    }

    /// Tells whether every page was read, and every byte with them.
    pub const fn are_read(&self) -> bool {
        self.left == 0 && self.rest.is_empty()
    }
}

/// Ends early where the text does.
impl<'a> Iterator for Pages<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let left = self.left.checked_sub(1)?;
        let (header, rest) = self.rest.split_first_chunk()?;
        let header = swapped(u64::from_le_bytes(*header));
        let (data, rest) = rest.split_at_checked(header as u32 as usize)?;
        *self = Self { left, rest };
        Some(((header >> 32) as u32, data))
    }
}

/// Usage of one meter within the batch's period, in Wh by column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Charged usage by tier (off-peak, standard, peak), then [`INCLUDED`] and [`MARKET`].
    pub wh: [u32; COLUMNS],
}

/// The column of usage inside the plan window, which isn't charged again.
pub const INCLUDED: usize = 3;
/// The column of usage that the meter's market credit is to pay for.
pub const MARKET: usize = 4;

impl Usage {
    /// Everything that went through the meter, in Wh.
    pub fn total_wh(&self) -> u64 {
        self.wh.iter().fold(0, |sum, wh| sum + u64::from(*wh))
    }
}

/// One page's usage, still encoded.
#[derive(Clone, Copy, Debug)]
pub struct PageData<'a> {
    present: u64,
    columns: u8,
    cells: &'a [[u8; CELL_LEN]],
}

impl<'a> PageData<'a> {
    /// Checks the encoding; `None` unless it is exact to the byte.
    pub fn decode(data: &'a [u8]) -> Option<Self> {
        let (header, cells) = data.split_first_chunk::<8>()?;
        let (columns, cells) = cells.split_first()?;
        let present = swapped(u64::from_le_bytes(*header));
        let (cells, rest) = cells.as_chunks();
        let expected = present.count_ones() * columns.count_ones();
        let sane = present != 0 && usize::from(*columns) < 1 << COLUMNS;
        (sane && rest.is_empty() && cells.len() == expected as usize).then_some(Self {
            present,
            columns: *columns,
            cells,
        })
    }

    /// The slots that were read: bit i stands for index i of the page.
    pub const fn present(&self) -> u64 {
        self.present
    }

    /// The slots that were read, in ascending order, with their usage.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Usage)> + '_ {
        let mut left = self.present;
        (0..self.present.count_ones() as usize).map(move |row| {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            (index, self.row(row))
        })
    }

    fn row(&self, row: usize) -> Usage {
        let rows = self.present.count_ones() as usize;
        let mut usage = Usage::default();
        let mut cell = row;
        for (column, wh) in usage.wh.iter_mut().enumerate() {
            if self.columns & 1 << column != 0 {
                *wh = swapped_u32(u32::from_le_bytes(self.cells[cell]));
                cell += rows;
            }
        }
        usage
    }
}
