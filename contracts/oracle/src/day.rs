//! The hours of one page that lie on one weekday: a queue in one ledger entry, so that an hourly call rewrites a
//! seventh of the week. An hour that comes in drops the one a week before it: 168 hours are kept, never fewer.
//!
//! Big endian: layout version (1) ‖ number of hours (1) ‖ bytes in use (2) ‖ hours, oldest first ‖ zeros.
//! The entry never gets shorter: the network charges rent whenever an entry grows, so room once paid for is kept.

use soroban_sdk::{Bytes, Env};

use crate::hour::{self, Hour, HOUR_MAX_LEN};

/// Entries of a page: one for each weekday.
pub const DAYS: u32 = 7;
/// Hours that are kept.
pub const WEEK_HOURS: u32 = 24 * DAYS;
/// Bytes before the first hour.
pub const DAY_HEADER_LEN: usize = 4;
/// Bytes of the longest day.
pub const DAY_MAX_LEN: usize = DAY_HEADER_LEN + 24 * HOUR_MAX_LEN;
/// Version of the layout that this code writes.
pub const LAYOUT_VERSION: u8 = 1;

/// A weekday's hours in memory.
pub struct Day {
    buffer: [u8; DAY_MAX_LEN],
    count: u8,
    /// Bytes in use, with the header.
    used: usize,
    /// Bytes that the entry already has.
    room: usize,
}

impl Day {
    /// A day without hours.
    pub const fn new() -> Self {
        Self {
            buffer: [0; DAY_MAX_LEN],
            count: 0,
            used: DAY_HEADER_LEN,
            room: 0,
        }
    }

    /// Reads a day out of its ledger entry; `None` when it isn't of this layout.
    pub fn decode(bytes: &Bytes) -> Option<Self> {
        let mut day = Self::new();
        day.room = bytes.len() as usize;
        bytes.copy_into_slice(day.buffer.get_mut(..day.room)?);
        let [version, count, high, low] = *day.buffer.first_chunk()?;
        day.count = count;
        day.used = usize::from(u16::from_be_bytes([high, low]));
        let fits = (DAY_HEADER_LEN..=day.room).contains(&day.used);
        (version == LAYOUT_VERSION && fits).then_some(day)
    }

    /// The bytes as they are stored.
    pub fn encode(&self, e: &Env) -> Bytes {
        let [high, low] = (self.used as u16).to_be_bytes();
        let mut bytes = Bytes::from_array(e, &[LAYOUT_VERSION, self.count, high, low]);
        bytes.extend_from_slice(&self.buffer[DAY_HEADER_LEN..self.used.max(self.room)]);
        bytes
    }

    /// The hours that are here, oldest first.
    pub fn hours(&self) -> impl Iterator<Item = Hour> + '_ {
        let mut rest = &self.buffer[DAY_HEADER_LEN..self.used];
        core::iter::from_fn(move || {
            let hour = Hour::decode(rest)?;
            rest = &rest[hour::len(rest)?..];
            Some(hour)
        })
    }

    /// The hour with a number (hours since 1970), if it is here.
    pub fn find(&self, number: u32) -> Option<Hour> {
        let mut rest = &self.buffer[DAY_HEADER_LEN..self.used];
        while hour::number(rest)? != number {
            rest = &rest[hour::len(rest)?..];
        }
        Hour::decode(rest)
    }

    /// Adds an hour, which must be newer than those that are here, and drops what is a week older or more.
    pub fn push(&mut self, hour: &Hour) {
        while self
            .oldest()
            .is_some_and(|old| old.saturating_add(WEEK_HOURS) <= hour.number)
        {
            self.drop_oldest();
        }
        let mut bytes = [0; HOUR_MAX_LEN];
        let len = hour.encode_into(&mut bytes);
        self.buffer[self.used..self.used + len].copy_from_slice(&bytes[..len]);
        self.used += len;
        self.count += 1;
    }

    fn oldest(&self) -> Option<u32> {
        hour::number(&self.buffer[DAY_HEADER_LEN..self.used])
    }

    fn drop_oldest(&mut self) {
        let hours = &self.buffer[DAY_HEADER_LEN..self.used];
        let len = hour::len(hours).unwrap_or(hours.len());
        let end = self.used;
        self.buffer
            .copy_within(DAY_HEADER_LEN + len..end, DAY_HEADER_LEN);
        self.used -= len;
        self.buffer[self.used..end].fill(0);
        self.count = self.count.saturating_sub(1);
    }
}

impl Default for Day {
    fn default() -> Self {
        Self::new()
    }
}
