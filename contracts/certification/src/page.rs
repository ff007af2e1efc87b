//! A producer's energy in one ledger entry of fixed size: register, what counts of it, and a ring of days.
//!
//! Big endian: layout version 1 (1) ‖ flags (1: bit 0 = the next report only sets the register) ‖ zeros (2) ‖ newest day (4) ‖
//! total_wh (8) ‖ exported_wh (8) ‖ reported_at (8) ‖ 64 days of Wh (4 each), day d at index d % 64. A day is unix s / 86 400.

use soroban_sdk::{Bytes, Env};

use crate::errors::Error;

/// Days that are kept.
pub const HISTORY_DAYS: u32 = 64;
const HEADER_LEN: usize = 32;
/// Bytes of a page.
pub const PAGE_LEN: usize = HEADER_LEN + HISTORY_DAYS as usize * 4;
/// Version of the layout that this code writes.
pub const LAYOUT_VERSION: u8 = 1;
const RESUMING: u8 = 1;

/// A page in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The register as it was reported last, Wh.
    pub total_wh: u64,
    /// Exported while certified, Wh.
    pub exported_wh: u64,
    /// When the register last moved, or the certification that it counts from; unix s.
    pub reported_at: u64,
    /// The next report only sets the register: what it adds was exported while revoked.
    pub resuming: bool,
    newest_day: u32,
    days: [u32; HISTORY_DAYS as usize],
}

impl Page {
    /// The page of a producer who is certified at `now` (unix s).
    pub const fn new(now: u64) -> Self {
        Self {
            total_wh: 0,
            exported_wh: 0,
            reported_at: now,
            resuming: false,
            newest_day: day_of(now),
            days: [0; HISTORY_DAYS as usize],
        }
    }

    /// Reads a page out of its ledger entry.
    ///
    /// # Errors
    /// [`Error::UnknownLayout`] when version, flags or length aren't of this layout.
    pub fn decode(bytes: &Bytes) -> Result<Self, Error> {
        let mut buffer = [0; PAGE_LEN];
        if bytes.len() as usize != PAGE_LEN {
            return Err(Error::UnknownLayout);
        }
        bytes.copy_into_slice(&mut buffer);
        let [LAYOUT_VERSION, flags @ 0..=RESUMING, 0, 0, ..] = buffer else {
            return Err(Error::UnknownLayout);
        };
        let mut days = [0; HISTORY_DAYS as usize];
        for (day, cell) in days.iter_mut().zip(buffer[HEADER_LEN..].chunks_exact(4)) {
            *day = u32::from_be_bytes(first(cell));
        }
        Ok(Self {
            total_wh: u64::from_be_bytes(first(&buffer[8..])),
            exported_wh: u64::from_be_bytes(first(&buffer[16..])),
            reported_at: u64::from_be_bytes(first(&buffer[24..])),
            resuming: flags == RESUMING,
            newest_day: u32::from_be_bytes(first(&buffer[4..])),
            days,
        })
    }

    /// The bytes as they are stored.
    pub fn encode(&self, e: &Env) -> Bytes {
        let mut buffer = [0; PAGE_LEN];
        buffer[0] = LAYOUT_VERSION;
        buffer[1] = u8::from(self.resuming);
        buffer[4..8].copy_from_slice(&self.newest_day.to_be_bytes());
        buffer[8..16].copy_from_slice(&self.total_wh.to_be_bytes());
        buffer[16..24].copy_from_slice(&self.exported_wh.to_be_bytes());
        buffer[24..32].copy_from_slice(&self.reported_at.to_be_bytes());
        for (day, cell) in self
            .days
            .iter()
            .zip(buffer[HEADER_LEN..].chunks_exact_mut(4))
        {
            cell.copy_from_slice(&day.to_be_bytes());
        }
        Bytes::from_slice(e, &buffer)
    }

    /// Adds energy to the day of `now` (unix s), which is never before the newest day.
    ///
    /// A day holds at most 4 294 967 295 Wh; what is above is only left out here, never in `exported_wh`.
    pub fn count(&mut self, now: u64, wh: u64) {
        let day = day_of(now);
        let passed = day.saturating_sub(self.newest_day).min(HISTORY_DAYS);
        for gone in 0..passed {
            self.days[index_of(day.wrapping_sub(gone))] = 0;
        }
        self.newest_day = self.newest_day.max(day);
        let cell = &mut self.days[index_of(self.newest_day)];
        *cell = cell.saturating_add(u32::try_from(wh).unwrap_or(u32::MAX));
    }

    /// Wh of a day; `None` when the ring has gone over it.
    pub fn day(&self, day: u32) -> Option<u32> {
        if day > self.newest_day {
            return Some(0);
        }
        let age = self.newest_day - day;
        (age < HISTORY_DAYS).then(|| self.days[index_of(day)])
    }
}

/// The UTC day of a time (unix s).
pub const fn day_of(now: u64) -> u32 {
    // Days fit for eleven million years.
    (now / 86_400) as u32
}

const fn index_of(day: u32) -> usize {
    (day % HISTORY_DAYS) as usize
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut word = [0; N];
    word.copy_from_slice(&bytes[..N]);
    word
}
