//! One payment and its life. 30 bytes, big endian: hour (4, since 1970) ‖ due (4) ‖ settled at (4) ‖ state (1) ‖
//! reason (1) ‖ amount (8) ‖ paid (8).
//!
//! ```text
//! CREATED ─due─► PENDING ─┬─────────────────────────────► EXECUTED
//!                         └─► FAILED ► RETRY_QUEUED ─2 h─┬─► EXECUTED
//!                                                        └─► PARTIAL_PAID
//! any of the open ones ─24 h after due─► EXPIRED ─rescheduled─► as before, at the next hour mark
//! any of the open ones ─user─► CANCELLED
//! ```

use crate::hours;
use crate::types::{Reason, Status};

/// Bytes of one schedule.
pub const SCHEDULE_LEN: usize = 30;
/// How long after a failure the payment is tried again, in seconds.
pub const RETRY_S: u64 = 2 * hours::HOUR_S;
/// How long after it was due a schedule may be executed, in seconds.
pub const EXPIRY_S: u64 = 24 * hours::HOUR_S;

/// What is stored of a schedule's status; the rest of it is told by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    Open = 1,
    Executed = 3,
    RetryQueued = 5,
    PartialPaid = 6,
    Cancelled = 7,
}

/// One payment of one meter for one hour. Times in unix s, money in stroops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The hour that is charged, in hours since 1970.
    pub hour: u32,
    pub due: u32,
    /// 0 while it is open.
    pub settled_at: u32,
    pub state: State,
    pub reason: Reason,
    pub amount: i64,
    pub paid: i64,
}

impl Schedule {
    /// Tells whether it has ended.
    pub const fn is_final(&self) -> bool {
        !matches!(self.state, State::Open | State::RetryQueued)
    }

    /// Tells whether the next failure is the last.
    pub const fn is_retry(&self) -> bool {
        matches!(self.state, State::RetryQueued)
    }

    pub fn is_due(&self, now: u64) -> bool {
        now >= u64::from(self.due)
    }

    /// Tells whether it is open and nobody executed it in time.
    pub fn is_expired(&self, now: u64) -> bool {
        !self.is_final() && now >= u64::from(self.due) + EXPIRY_S
    }

    /// Where it stands at `now` (unix s).
    pub fn status(&self, now: u64) -> Status {
        match self.state {
            State::Executed => Status::Executed,
            State::PartialPaid => Status::PartialPaid,
            State::Cancelled => Status::Cancelled,
            State::Open | State::RetryQueued if self.is_expired(now) => Status::Expired,
            State::RetryQueued => Status::RetryQueued,
            State::Open if self.is_due(now) => Status::Pending,
            State::Open => Status::Created,
        }
    }

    /// Ends the schedule; `paid` of its amount (stroops) has reached the provider.
    pub fn end(&mut self, state: State, paid: i64, now: u64) {
        self.state = state;
        self.paid = paid;
        self.settled_at = seconds(now);
    }

    /// Lets the schedule be due at another time.
    pub fn postpone(&mut self, due: u64) {
        self.due = seconds(due);
    }

    /// Reads a schedule; `None` when it isn't one.
    pub fn decode(bytes: &[u8; SCHEDULE_LEN]) -> Option<Self> {
        Some(Self {
            hour: u32::from_be_bytes(part(bytes, 0)),
            due: u32::from_be_bytes(part(bytes, 4)),
            settled_at: u32::from_be_bytes(part(bytes, 8)),
            state: state(bytes[12])?,
            reason: reason(bytes[13])?,
            amount: i64::from_be_bytes(part(bytes, 14)),
            paid: i64::from_be_bytes(part(bytes, 22)),
        })
    }

    /// Writes the schedule over `bytes`.
    pub fn encode_into(&self, bytes: &mut [u8; SCHEDULE_LEN]) {
        bytes[0..4].copy_from_slice(&self.hour.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.due.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.settled_at.to_be_bytes());
        bytes[12] = self.state as u8;
        bytes[13] = self.reason as u8;
        bytes[14..22].copy_from_slice(&self.amount.to_be_bytes());
        bytes[22..30].copy_from_slice(&self.paid.to_be_bytes());
    }
}

/// A time as it is stored: unix s in 32 bits, which last until 2106.
pub fn seconds(at: u64) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

const fn state(byte: u8) -> Option<State> {
    match byte {
        1 => Some(State::Open),
        3 => Some(State::Executed),
        5 => Some(State::RetryQueued),
        6 => Some(State::PartialPaid),
        7 => Some(State::Cancelled),
        _ => None,
    }
}

const fn reason(byte: u8) -> Option<Reason> {
    match byte {
        0 => Some(Reason::None),
        1 => Some(Reason::InsufficientBalance),
        2 => Some(Reason::AllowanceTooSmall),
        3 => Some(Reason::AllowanceExpired),
        4 => Some(Reason::TokenRefused),
        _ => None,
    }
}

fn part<const N: usize>(bytes: &[u8; SCHEDULE_LEN], start: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[start..start + N]);
    out
}
