//! Where a meter lives, told by its id alone: no lookup entry is needed.

use crate::page::PAGE_RECORDS;
use crate::storage::Key;

/// A meter's place: the site, and the slot within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub site: u32,
    pub slot: u32,
}

impl Place {
    /// Reads the place out of an id: the site in the high half, the slot in the low half.
    pub const fn of(meter_id: u64) -> Self {
        Self {
            site: (meter_id >> 32) as u32,
            slot: meter_id as u32,
        }
    }

    /// The place at `index` (0..64) of a page; `None` where no site can have one.
    pub const fn at(site: u32, page: u32, index: usize) -> Option<Self> {
        match page.checked_mul(PAGE_RECORDS as u32) {
            Some(first) => Some(Self {
                site,
                slot: first | index as u32,
            }),
            None => None,
        }
    }

    /// The id of the meter at this place.
    pub const fn meter_id(self) -> u64 {
        (self.site as u64) << 32 | self.slot as u64
    }

    /// Number of the page that holds the slot.
    pub const fn page(self) -> u32 {
        self.slot / PAGE_RECORDS as u32
    }

    /// The entry of the page that holds the slot. Not inlined: each of its callers would hold the same instructions.
    #[inline(never)]
    pub const fn page_key(self) -> Key {
        Key::Page(self.site, self.page())
    }

    /// Position of the slot within its page, 0..64.
    pub const fn index(self) -> usize {
        self.slot as usize % PAGE_RECORDS
    }
}
