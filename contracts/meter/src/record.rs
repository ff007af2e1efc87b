//! One meter's record: 48 bytes, big endian. The layout is read by other programs and never changes in place.

use crate::types::Mode;

/// Bytes of one record.
pub const RECORD_LEN: usize = 48;
/// Version written into records by this code.
pub const RECORD_VERSION: u16 = 1;
/// Watts per unit of `max_power_10w`.
pub const POWER_UNIT_W: u32 = 10;

const REGISTERED: u8 = 1;
const DEACTIVATED: u8 = 1 << 1;
const ACTIVE: u8 = 1 << 2;
const MODE_SHIFT: u8 = 3;
const MODE_MASK: u8 = 0b11 << MODE_SHIFT;

/// A decoded record. Money in token stroops, energy in Wh, times in unix seconds (0 = never).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// All usage ever accepted.
    pub total_wh: u64,
    /// Credit left; below zero it is arrears.
    pub balance: i64,
    /// Start of the plan window.
    pub paid_from: u32,
    /// End of the plan window, not part of it.
    pub paid_until: u32,
    /// Usage is settled up to here.
    pub last_read_at: u32,
    /// Energy bought on the market and not yet drawn, in Wh.
    pub market_credit_wh: u32,
    /// Charge below one stroop that waits for the next batch, in thousandths of a stroop (0..1000).
    pub remainder: u16,
    /// The most the connection can carry, in units of 10 W.
    pub max_power_10w: u16,
    /// 0 none, 1 daily, 2 weekly, 3 usage-based.
    pub plan: u8,
    /// Bits 0 registered, 1 deactivated, 2 last announced as active, 3-4 settlement mode.
    pub flags: u8,
    /// Version of the record.
    pub version: u16,
}

impl Record {
    /// A new meter that has used and paid nothing.
    pub fn new(mode: Mode, max_power_10w: u16, last_read_at: u32) -> Self {
        Self {
            last_read_at,
            max_power_10w,
            flags: REGISTERED | (mode as u8) << MODE_SHIFT,
            version: RECORD_VERSION,
            ..Self::default()
        }
    }

    /// A record of the earlier layout's terms: mode by number, power in W, and its two switches.
    pub fn of(mode: u32, max_power_w: u32, deactivated: bool, active: bool) -> Self {
        let mode = Mode::from_u32(mode).unwrap_or(Mode::Postpaid);
        let mut record = Self::new(mode, max_power_w.div_ceil(POWER_UNIT_W) as u16, 0);
        record.set_flag(DEACTIVATED, deactivated);
        record.set_flag(ACTIVE, active);
        record
    }

    /// Reads a record; every sequence of 48 bytes is one.
    pub fn decode(bytes: &[u8; RECORD_LEN]) -> Self {
        let [total_wh, balance, paid, metered, small] =
            core::array::from_fn(|position| word(bytes, position));
        Self {
            total_wh,
            balance: balance as i64,
            paid_from: (paid >> 32) as u32,
            paid_until: paid as u32,
            last_read_at: (metered >> 32) as u32,
            market_credit_wh: metered as u32,
            remainder: (small >> 48) as u16,
            max_power_10w: (small >> 32) as u16,
            plan: (small >> 24) as u8,
            flags: (small >> 16) as u8,
            version: small as u16,
        }
    }

    /// Writes the record over `bytes`; the reserved bytes 40..48 stay as they are.
    pub fn encode_into(&self, bytes: &mut [u8; RECORD_LEN]) {
        let words = [
            self.total_wh,
            self.balance as u64,
            u64::from(self.paid_from) << 32 | u64::from(self.paid_until),
            u64::from(self.last_read_at) << 32 | u64::from(self.market_credit_wh),
            u64::from(self.remainder) << 48
                | u64::from(self.max_power_10w) << 32
                | u64::from(self.plan) << 24
                | u64::from(self.flags) << 16
                | u64::from(self.version),
        ];
        for (cell, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *cell = swapped(word).to_le_bytes();
        }
    }

    /// The most the connection can carry, in W.
    pub fn max_power_w(&self) -> u32 {
        u32::from(self.max_power_10w) * POWER_UNIT_W
    }

    /// Who charges this meter's usage.
    pub fn mode(&self) -> Mode {
        Mode::from_bits((self.flags & MODE_MASK) >> MODE_SHIFT)
    }

    pub fn is_registered(&self) -> bool {
        self.flags & REGISTERED != 0
    }

    pub fn is_deactivated(&self) -> bool {
        self.flags & DEACTIVATED != 0
    }

    pub fn set_deactivated(&mut self, deactivated: bool) {
        self.set_flag(DEACTIVATED, deactivated);
    }

    /// Tells whether the meter may draw power at `now` (unix s): not switched off by the admin, and either paid for
    /// (by a plan, by credit or on the market) or not prepaid.
    pub fn is_active(&self, now: u64) -> bool {
        let paid =
            now < u64::from(self.paid_until) || self.balance > 0 || self.market_credit_wh > 0;
        !self.is_deactivated() && (paid || self.mode() != Mode::Prepaid)
    }

    /// Brings the announced state up to date; returns the new state when it has changed.
    pub fn announce(&mut self, now: u64) -> Option<bool> {
        let active = self.is_active(now);
        let changed = active != (self.flags & ACTIVE != 0);
        self.set_flag(ACTIVE, active);
        changed.then_some(active)
    }

    fn set_flag(&mut self, flag: u8, on: bool) {
        if on {
            self.flags |= flag;
        } else {
            self.flags &= !flag;
        }
    }
}

/// Eight bytes of the record as one number: the layout is made of words, so that few instructions read it.
fn word(bytes: &[u8; RECORD_LEN], position: usize) -> u64 {
    swapped(u64::from_le_bytes(bytes.as_chunks().0[position]))
}

/// The bytes of a word in the other order: big endian outside, little endian for the machine.
///
/// Not inlined, because that machine has no instruction for it: rent is paid for every instruction of the code.
#[inline(never)]
pub const fn swapped(word: u64) -> u64 {
    word.swap_bytes()
}

/// The same for half a word.
pub const fn swapped_u32(half: u32) -> u32 {
    (swapped(half as u64) >> 32) as u32
}
