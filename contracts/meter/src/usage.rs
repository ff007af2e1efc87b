//! What a batch says about one page: which slots were read, and a column of Wh for each way it was paid for.

use crate::record::swapped;

/// Columns of a batch in bit order: off-peak, standard, peak, what a running plan includes, what was bought on the market.
pub const COLUMNS: usize = 5;
/// Bytes before the first cell: bitmap of slots, mask of columns.
pub const USAGE_HEADER_LEN: usize = 9;
/// Bytes of one cell.
pub const CELL_LEN: usize = 4;
/// Bytes of the longest page data: 64 slots, every column.
pub const USAGE_MAX_LEN: usize = USAGE_HEADER_LEN + 64 * COLUMNS * CELL_LEN;

/// Usage of one meter within the batch's period, in Wh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Charged usage by tier: off-peak, standard, peak.
    pub tiers_wh: [u32; 3],
    /// Usage inside the plan window, which isn't charged again.
    pub included_wh: u32,
    /// Usage that the meter's market credit is to pay for.
    pub market_wh: u32,
}

impl Usage {
    /// Everything that went through the meter, in Wh.
    pub fn total_wh(&self) -> u64 {
        let [off_peak, standard, peak] = self.tiers_wh;
        [off_peak, standard, peak, self.included_wh, self.market_wh]
            .iter()
            .fold(0, |sum, wh| sum + u64::from(*wh))
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
        let mut wh = [0; COLUMNS];
        let mut cell = row;
        for (column, value) in wh.iter_mut().enumerate() {
            if self.columns & 1 << column != 0 {
                *value = (swapped(u32::from_le_bytes(self.cells[cell]).into()) >> 32) as u32;
                cell += rows;
            }
        }
        let [off_peak, standard, peak, included_wh, market_wh] = wh;
        Usage {
            tiers_wh: [off_peak, standard, peak],
            included_wh,
            market_wh,
        }
    }
}
