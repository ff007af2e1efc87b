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
    /// Energy bought on the market and not yet drawn.
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

    /// Reads a record; every sequence of 48 bytes is one.
    pub fn decode(bytes: &[u8; RECORD_LEN]) -> Self {
        Self {
            total_wh: u64_at(bytes, 0),
            balance: u64_at(bytes, 8) as i64,
            paid_from: u32_at(bytes, 16),
            paid_until: u32_at(bytes, 20),
            last_read_at: u32_at(bytes, 24),
            market_credit_wh: u32_at(bytes, 28),
            remainder: u16_at(bytes, 32),
            max_power_10w: u16_at(bytes, 34),
            plan: bytes[36],
            flags: bytes[37],
            version: u16_at(bytes, 38),
        }
    }

    /// Writes the record over `bytes`; the reserved bytes 40..48 stay as they are.
    pub fn encode_into(&self, bytes: &mut [u8; RECORD_LEN]) {
        put(bytes, 0, self.total_wh.to_be_bytes());
        put(bytes, 8, self.balance.to_be_bytes());
        put(bytes, 16, self.paid_from.to_be_bytes());
        put(bytes, 20, self.paid_until.to_be_bytes());
        put(bytes, 24, self.last_read_at.to_be_bytes());
        put(bytes, 28, self.market_credit_wh.to_be_bytes());
        put(bytes, 32, self.remainder.to_be_bytes());
        put(bytes, 34, self.max_power_10w.to_be_bytes());
        bytes[36] = self.plan;
        bytes[37] = self.flags;
        put(bytes, 38, self.version.to_be_bytes());
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

    /// Tells whether the meter may draw power at `now` (unix s): not switched off by the admin, and either paid for or not prepaid.
    pub fn is_active(&self, now: u64) -> bool {
        let paid = now < u64::from(self.paid_until) || self.balance > 0;
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

// Positions are constants of the layout, inside the record. Not inlined: rent is paid for every instruction of the code.

#[inline(never)]
fn u64_at(bytes: &[u8; RECORD_LEN], start: usize) -> u64 {
    u64::from_be_bytes(part(bytes, start))
}

#[inline(never)]
fn u32_at(bytes: &[u8; RECORD_LEN], start: usize) -> u32 {
    u32::from_be_bytes(part(bytes, start))
}

#[inline(never)]
fn u16_at(bytes: &[u8; RECORD_LEN], start: usize) -> u16 {
    u16::from_be_bytes(part(bytes, start))
}

fn part<const N: usize>(bytes: &[u8; RECORD_LEN], start: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[start..start + N]);
    out
}

#[inline(never)]
fn put<const N: usize>(bytes: &mut [u8; RECORD_LEN], start: usize, value: [u8; N]) {
    bytes[start..start + N].copy_from_slice(&value);
}
