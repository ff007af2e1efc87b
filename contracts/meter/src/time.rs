//! The grid that every period, price and plan window lies on. Pure arithmetic on unix seconds.

/// Length of one metering interval, in seconds.
pub const INTERVAL_S: u64 = 900;

/// Tells whether `at` (unix s) lies on the grid.
pub const fn on_grid(at: u64) -> bool {
    at.is_multiple_of(INTERVAL_S)
}

/// The last grid point at or before `at` (unix s).
pub const fn floor(at: u64) -> u64 {
    at - at % INTERVAL_S
}

/// The first grid point at or after `at` (unix s); `None` beyond the end of time.
pub const fn ceil(at: u64) -> Option<u64> {
    match at % INTERVAL_S {
        0 => Some(at),
        rest => at.checked_add(INTERVAL_S - rest),
    }
}

/// Seconds that `[from, to)` and `[open, close)` have in common.
pub fn overlap_s(from: u32, to: u32, open: u32, close: u32) -> u32 {
    to.min(close).saturating_sub(from.max(open))
}
