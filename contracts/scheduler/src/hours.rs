//! Hours and hour marks, in unix seconds and in hours since 1970. Pure arithmetic.

/// Seconds of an hour.
pub const HOUR_S: u64 = 3600;

/// The number of the hour that begins at `at` (unix s); `None` when none begins there.
pub fn number(at: u64) -> Option<u32> {
    let whole = at.is_multiple_of(HOUR_S);
    u32::try_from(at / HOUR_S).ok().filter(|_| whole)
}

/// Start of the hour with a number, unix s.
pub fn start(number: u32) -> u64 {
    u64::from(number) * HOUR_S
}

/// The first hour mark at or after `at` (unix s).
pub const fn mark_from(at: u64) -> u64 {
    at.div_ceil(HOUR_S) * HOUR_S
}

/// The first hour mark after `at` (unix s).
pub const fn mark_after(at: u64) -> u64 {
    (at / HOUR_S + 1) * HOUR_S
}
