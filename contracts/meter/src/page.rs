//! A page: up to 64 records behind a header of 8 bytes, read and written whole in one ledger entry.
//!
//! The bytes live in one buffer on the stack, so that a batch costs two host calls per page and none per record.

use soroban_sdk::{Bytes, Env};

use crate::errors::Error;
use crate::record::{Record, RECORD_LEN};

/// Most records of one page.
pub const PAGE_RECORDS: usize = 64;
/// Bytes before the first record: layout version, record size, count, five zeros.
pub const HEADER_LEN: usize = 8;
/// Bytes of a full page.
pub const PAGE_LEN: usize = HEADER_LEN + PAGE_RECORDS * RECORD_LEN;
/// Version of the layout that this code writes.
pub const LAYOUT_VERSION: u8 = 1;

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

    /// Reads a page out of its ledger entry.
    ///
    /// # Errors
    /// [`Error::UnknownLayout`] when header and length aren't of this layout.
    pub fn decode(bytes: &Bytes) -> Result<Self, Error> {
        let len = bytes.len() as usize;
        let mut buffer = [0; PAGE_LEN];
        let Some(used) = buffer.get_mut(..len) else {
            return Err(Error::UnknownLayout);
        };
        bytes.copy_into_slice(used);
        let count = usize::from(buffer[2]);
        let known = buffer[0] == LAYOUT_VERSION && usize::from(buffer[1]) == RECORD_LEN;
        if known && len == HEADER_LEN + count * RECORD_LEN {
            Ok(Self { buffer, count })
        } else {
            Err(Error::UnknownLayout)
        }
    }

    /// The bytes as they are stored: as long as the page has records.
    pub fn encode(&self, env: &Env) -> Bytes {
        Bytes::from_slice(env, &self.buffer[..HEADER_LEN + self.count * RECORD_LEN])
    }

    /// Number of records.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The record at `index`, if the page has one there.
    pub fn record(&self, index: usize) -> Option<Record> {
        (index < self.count).then(|| Record::decode(self.cell(index)))
    }

    /// Overwrites the record at `index`, which must exist.
    pub fn put(&mut self, index: usize, record: &Record) {
        let start = HEADER_LEN + index * RECORD_LEN;
        if let Some(cell) = self.buffer[start..].first_chunk_mut() {
            record.encode_into(cell);
        }
    }

    /// Adds a record behind the last; the page must have room.
    pub fn push(&mut self, record: &Record) {
        self.put(self.count, record);
        self.count += 1;
        self.buffer[2] = self.count as u8;
    }

    fn cell(&self, index: usize) -> &[u8; RECORD_LEN] {
        let cells = self.buffer[HEADER_LEN..].as_chunks().0;
        &cells[index]
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new()
    }
}
