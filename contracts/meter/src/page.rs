//! A page: up to 64 records behind a header of 8 bytes, read and written whole in one ledger entry.
//!
//! The bytes live in one buffer on the stack, so that a batch costs two host calls per page and none per record.

use soroban_sdk::{Bytes, Env};

use crate::record::{Record, RECORD_LEN};

/// Most records of one page.
pub const PAGE_RECORDS: usize = 64;
/// Bytes before the first record: layout version, record size, count, five zeros.
pub const HEADER_LEN: usize = 8;
/// Bytes of a full page.
pub const PAGE_LEN: usize = HEADER_LEN + PAGE_RECORDS * RECORD_LEN;
/// Version of the layout that this code writes.
pub const LAYOUT_VERSION: u8 = 1;

/// The bytes in a buffer on the stack; `None` where they are longer than it.
#[inline(never)]
pub fn copied<'a>(bytes: &Bytes, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let copy = buffer.get_mut(..bytes.len() as usize)?;
    bytes.copy_into_slice(copy);
    Some(copy)
}

/// A page in memory.
pub struct Page {
    buffer: [u8; PAGE_LEN],
    count: usize,
}

impl Page {
    /// A page without records.
    pub const fn new() -> Self {
        let mut buffer = [0; PAGE_LEN];
        buffer[0] = LAYOUT_VERSION;
        buffer[1] = RECORD_LEN as u8;
        Self { buffer, count: 0 }
    }

    /// Reads a page out of its ledger entry; `None` when header and length aren't of this layout.
    pub fn decode(bytes: &Bytes) -> Option<Self> {
        let mut buffer = [0; PAGE_LEN];
        let len = copied(bytes, &mut buffer)?.len();
        let [version, size, count, ..] = buffer;
        let count = usize::from(count);
        let known = version == LAYOUT_VERSION && usize::from(size) == RECORD_LEN;
        (known && len == HEADER_LEN + count * RECORD_LEN).then_some(Self { buffer, count })
    }

    /// The bytes as they are stored: as long as the page has records.
    pub fn encode(&self, env: &Env) -> Bytes {
        Bytes::from_slice(env, &self.buffer[..HEADER_LEN + self.count * RECORD_LEN])
    }

    /// Number of records.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The record at `index`, if a meter is registered there: meters of the earlier layout leave holes until they
    /// are migrated.
    pub fn record(&self, index: usize) -> Option<Record> {
        let cell = self.buffer[HEADER_LEN..].as_chunks().0.get(index)?;
        Some(Record::decode(cell)).filter(Record::is_registered)
    }

    /// Writes the record at `index` (0..64); the page grows up to it, with holes in between.
    pub fn put(&mut self, index: usize, record: &Record) {
        let cells = self.buffer[HEADER_LEN..].as_chunks_mut().0;
        record.encode_into(&mut cells[index]);
        self.count = self.count.max(index + 1);
        self.buffer[2] = self.count as u8;
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new()
    }
}
