//! Ledger time: the wall clock, moved and stretched as a test or a demo needs.
//!
//! `ledger time = origin + (wall now - wall at origin) * factor + advanced`.
//! Several processes given the same origin and factor agree without talking.
//! The clock only says what time it would be; [`super::Ledger`] sees to it that
//! closed ledgers never go back.

use std::time::{SystemTime, UNIX_EPOCH};

/// Reads the wall clock, in seconds since 1970.
pub type WallClock = Box<dyn Fn() -> f64 + Send + Sync>;

/// How wall time maps to ledger time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Ledger time at `wall_s`, unix seconds.
    pub origin_s: u64,
    /// Wall time at which ledger time is `origin_s`, unix seconds.
    pub wall_s: f64,
    /// Ledger seconds per wall second; 0 holds the clock still.
    pub factor: f64,
}

impl Scale {
    /// Ledger time is wall time.
    pub const WALL: Self = Self {
        origin_s: 0,
        wall_s: 0.0,
        factor: 1.0,
    };

    /// Maps a wall time to ledger time, both in unix seconds.
    pub fn ledger_time_s(&self, wall_s: f64) -> u64 {
        // A float beyond either end of u64 saturates: before 1970 is 1970.
        (self.origin_s as f64 + (wall_s - self.wall_s) * self.factor) as u64
    }
}

/// The clock that ledgers are closed by.
pub struct Clock {
    wall: WallClock,
    scale: Scale,
    advanced_s: u64,
}

impl Clock {
    /// Builds a clock from a source of wall time and its scale.
    pub fn new(wall: WallClock, scale: Scale) -> Self {
        Self {
            wall,
            scale,
            advanced_s: 0,
        }
    }

    /// Builds a clock on the system's wall clock.
    pub fn system(scale: Scale) -> Self {
        Self::new(Box::new(system_wall_s), scale)
    }

    /// Returns ledger time now, unix seconds.
    pub fn now_s(&self) -> u64 {
        self.scale
            .ledger_time_s((self.wall)())
            .saturating_add(self.advanced_s)
    }

    /// Returns how far ledger time was moved ahead of its scale, in seconds.
    pub fn advanced_s(&self) -> u64 {
        self.advanced_s
    }

    /// Moves ledger time forward by `seconds`, for good.
    pub fn advance(&mut self, seconds: u64) {
        self.advanced_s = self.advanced_s.saturating_add(seconds);
    }
}

/// Returns the system's wall time in seconds since 1970.
pub fn system_wall_s() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::Arc;

    #[test]
    fn a_faster_clock_runs_from_its_origin() {
        let scale = Scale {
            origin_s: 1_000_000,
            wall_s: 500.5,
            factor: 60.0,
        };
        assert_eq!(scale.ledger_time_s(500.5), 1_000_000);
        assert_eq!(scale.ledger_time_s(510.5), 1_000_600);
    }

    #[test]
    fn a_time_before_1970_is_1970() {
        let scale = Scale {
            origin_s: 10,
            wall_s: 1_000.0,
            factor: 1.0,
        };
        assert_eq!(scale.ledger_time_s(0.0), 0);
    }

    #[test]
    fn an_advance_is_kept_while_the_wall_clock_moves_on() {
        let wall = Arc::new(AtomicU64::new(100));
        let source = wall.clone();
        let mut clock = Clock::new(
            Box::new(move || source.load(Ordering::Relaxed) as f64),
            Scale::WALL,
        );
        clock.advance(3_600);
        assert_eq!(clock.now_s(), 3_700);
        wall.store(101, Ordering::Relaxed);
        assert_eq!(clock.now_s(), 3_701);
    }
}
