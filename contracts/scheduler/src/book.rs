//! A meter's accounts: its schedules, and where each stroop of its usage is. Decided without the ledger.
//!
//! The law: usage x price of all scheduled hours, in thousandths of a stroop, is always
//! 1000 x (paid + open + rolled + uncollected) + remainder. Each function here moves money between these, or adds an
//! hour's cost once.
//!
//! Big endian: layout version (1) ‖ number of schedules (1) ‖ remainder (2) ‖ the meter's number (4) ‖ newest hour (4) ‖
//! hours scheduled (21) ‖ zeros (3) ‖ paid (8) ‖ rolled (8) ‖ uncollected (8) ‖ since (4) ‖ schedules (30 each).

use crate::errors::Error;
use crate::hours;
use crate::schedule::{seconds, Schedule, State, EXPIRY_S, RETRY_S, SCHEDULE_LEN};
use crate::types::{Account, Reason};

/// Most schedules that are kept; final ones give way to new ones, open ones never do.
pub const MAX_SCHEDULES: usize = 48;
/// Hours back from the newest within which it is known whether an hour was scheduled: as many as the oracle serves.
pub const WINDOW_HOURS: u32 = 168;
/// Bytes before the first schedule.
pub const BOOK_HEADER_LEN: usize = 64;
/// Bytes of a full book.
pub const BOOK_MAX_LEN: usize = BOOK_HEADER_LEN + MAX_SCHEDULES * SCHEDULE_LEN;
/// Version of the layout that this code writes.
pub const LAYOUT_VERSION: u8 = 1;

const WINDOW_BYTES: usize = WINDOW_HOURS as usize / 8;
/// Thousandths of a stroop per stroop: a price is per kWh, usage is in Wh.
const MILLI: u128 = 1000;
const VACANT: Schedule = Schedule {
    hour: 0,
    due: 0,
    settled_at: 0,
    state: State::Cancelled,
    reason: Reason::None,
    amount: 0,
    paid: 0,
};

/// A meter's accounts. Money in stroops, hours in hours since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    /// The meter's number, the upper half of its schedules' ids.
    pub number: u32,
    /// First hour of the running subscription; `None` when nobody pays.
    pub since: Option<u32>,
    pub paid: i64,
    pub rolled: i64,
    pub uncollected: i64,
    /// Thousandths of a stroop that wait for the next schedule (0..1000).
    pub remainder: u16,
    newest: u32,
    /// Bit n % 168 stands for hour n, of the 168 hours up to the newest.
    scheduled: [u8; WINDOW_BYTES],
    schedules: [Schedule; MAX_SCHEDULES],
    count: usize,
}

impl Book {
    /// A meter that nothing was ever scheduled for.
    pub const fn new(number: u32) -> Self {
        Self {
            number,
            since: None,
            paid: 0,
            rolled: 0,
            uncollected: 0,
            remainder: 0,
            newest: 0,
            scheduled: [0; WINDOW_BYTES],
            schedules: [VACANT; MAX_SCHEDULES],
            count: 0,
        }
    }

    /// The schedules that are kept, oldest first.
    pub fn schedules(&self) -> &[Schedule] {
        &self.schedules[..self.count]
    }

    /// The schedule of an hour, if it is kept.
    pub fn find(&self, hour: u32) -> Option<&Schedule> {
        self.schedules().iter().find(|known| known.hour == hour)
    }

    /// The oldest schedule that hasn't ended.
    pub fn first_open(&self) -> Option<Schedule> {
        let mut open = self.schedules().iter().filter(|known| !known.is_final());
        open.next().copied()
    }

    /// Puts the schedule of the same hour in its place.
    pub fn put(&mut self, schedule: &Schedule) {
        let known = self.schedules[..self.count].iter_mut();
        for place in known.filter(|known| known.hour == schedule.hour) {
            *place = *schedule;
        }
    }

    /// Tells whether an hour was ever scheduled.
    ///
    /// # Errors
    /// [`Error::HourTooOld`] when it lies so far back that it isn't known any more.
    pub fn is_scheduled(&self, hour: u32) -> Result<bool, Error> {
        if hour > self.newest {
            return Ok(false);
        }
        if hour.saturating_add(WINDOW_HOURS) <= self.newest {
            return Err(Error::HourTooOld);
        }
        let (byte, bit) = position(hour);
        Ok(self.scheduled[byte] & bit != 0)
    }

    /// Opens the schedule of an hour that wasn't scheduled before. An hour outside the subscription is nobody's here:
    /// it is cancelled at once, and the invoice charges it.
    ///
    /// # Errors
    /// [`Error::BookFull`], [`Error::AmountTooLarge`].
    pub fn open(
        &mut self,
        hour: u32,
        usage_wh: u64,
        price: i64,
        now: u64,
    ) -> Result<Schedule, Error> {
        let (cost, remainder) = self.cost(usage_wh, price)?;
        let subscribed = self.since.is_some_and(|since| hour >= since);
        let amount = if subscribed { cost + self.rolled } else { cost };
        let mark = hours::start(hour) + hours::HOUR_S;
        let in_time = now < mark + EXPIRY_S;
        let schedule = Schedule {
            hour,
            due: seconds(if in_time {
                mark
            } else {
                hours::mark_after(now)
            }),
            state: State::Open,
            amount,
            ..VACANT
        };
        self.push(schedule)?;
        self.mark_scheduled(hour);
        self.remainder = remainder;
        if subscribed {
            self.rolled = 0;
            return Ok(schedule);
        }
        Ok(self.cancel(schedule, now))
    }

    /// The user has paid all of it.
    pub fn execute(&mut self, mut schedule: Schedule, now: u64) -> Schedule {
        self.paid += schedule.amount;
        schedule.end(State::Executed, schedule.amount, now);
        self.put(&schedule);
        schedule
    }

    /// The payment failed for the first time: it is tried again in two hours.
    pub fn fail(&mut self, mut schedule: Schedule, reason: Reason, now: u64) -> Schedule {
        schedule.state = State::RetryQueued;
        schedule.reason = reason;
        schedule.postpone(now.saturating_add(RETRY_S));
        self.put(&schedule);
        schedule
    }

    /// The payment failed again: `paid` stroops were there, the rest goes into the next schedule.
    pub fn settle_partly(
        &mut self,
        mut schedule: Schedule,
        paid: i64,
        reason: Reason,
        now: u64,
    ) -> Schedule {
        self.paid += paid;
        self.rolled += schedule.amount - paid;
        schedule.reason = reason;
        schedule.end(State::PartialPaid, paid, now);
        self.put(&schedule);
        schedule
    }

    /// The payment won't be made here: the invoice charges it.
    pub fn cancel(&mut self, mut schedule: Schedule, now: u64) -> Schedule {
        self.uncollected += schedule.amount;
        schedule.end(State::Cancelled, 0, now);
        self.put(&schedule);
        schedule
    }

    /// Nobody pays for the meter from now on: what is rolled over is left to the invoice. Open schedules come first.
    pub fn end_subscription(&mut self) {
        self.uncollected += self.rolled;
        self.rolled = 0;
        self.since = None;
    }

    /// Where the meter's money is.
    pub fn account(&self) -> Account {
        Account {
            paid: self.paid,
            open: self.open_amount(),
            rolled: self.rolled,
            uncollected: self.uncollected,
            remainder: self.remainder.into(),
        }
    }

    fn open_amount(&self) -> i64 {
        let open = self.schedules().iter().filter(|known| !known.is_final());
        open.map(|known| known.amount).sum()
    }

    /// Whole stroops of an hour with the remainder before it, and the remainder after it.
    ///
    /// Checked against all that the accounts hold, so that no later move between them can overflow.
    fn cost(&self, usage_wh: u64, price: i64) -> Result<(i64, u16), Error> {
        let price = u128::try_from(price).map_err(|_| Error::AmountTooLarge)?;
        // Below 2^127 + 1000.
        let cost_milli = u128::from(usage_wh) * price + u128::from(self.remainder);
        let cost = i64::try_from(cost_milli / MILLI).map_err(|_| Error::AmountTooLarge)?;
        let held = [self.paid, self.rolled, self.uncollected, self.open_amount()];
        held.iter()
            .try_fold(cost, |sum, part| sum.checked_add(*part))
            .ok_or(Error::AmountTooLarge)?;
        Ok((cost, (cost_milli % MILLI) as u16))
    }

    /// Adds a schedule behind the last; in a full book the oldest final one gives way.
    fn push(&mut self, schedule: Schedule) -> Result<(), Error> {
        if self.count == MAX_SCHEDULES {
            let oldest = self.schedules.iter().position(Schedule::is_final);
            let oldest = oldest.ok_or(Error::BookFull)?;
            self.schedules.copy_within(oldest + 1.., oldest);
            self.count -= 1;
        }
        self.schedules[self.count] = schedule;
        self.count += 1;
        Ok(())
    }

    fn mark_scheduled(&mut self, hour: u32) {
        if hour > self.newest {
            let passed = (hour - self.newest).min(WINDOW_HOURS);
            for later in hour - passed + 1..=hour {
                let (byte, bit) = position(later);
                self.scheduled[byte] &= !bit;
            }
            self.newest = hour;
        }
        let (byte, bit) = position(hour);
        self.scheduled[byte] |= bit;
    }

    /// Reads a book; `None` when the bytes aren't of this layout.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<BOOK_HEADER_LEN>()?;
        let (records, beyond) = rest.as_chunks();
        let count = usize::from(header[1]);
        let whole = header[0] == LAYOUT_VERSION && records.len() == count && beyond.is_empty();
        if !whole || count > MAX_SCHEDULES {
            return None;
        }
        let since = u32::from_be_bytes(part(header, 60));
        let mut book = Self {
            since: (since != 0).then_some(since),
            paid: i64::from_be_bytes(part(header, 36)),
            rolled: i64::from_be_bytes(part(header, 44)),
            uncollected: i64::from_be_bytes(part(header, 52)),
            remainder: u16::from_be_bytes(part(header, 2)),
            newest: u32::from_be_bytes(part(header, 8)),
            scheduled: part(header, 12),
            count,
            ..Self::new(u32::from_be_bytes(part(header, 4)))
        };
        for (schedule, record) in book.schedules.iter_mut().zip(records) {
            *schedule = Schedule::decode(record)?;
        }
        Some(book)
    }

    /// Writes the book to the start of `bytes` and returns its length.
    pub fn encode_into(&self, bytes: &mut [u8; BOOK_MAX_LEN]) -> usize {
        bytes[0] = LAYOUT_VERSION;
        bytes[1] = self.count as u8;
        bytes[2..4].copy_from_slice(&self.remainder.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.number.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.newest.to_be_bytes());
        bytes[12..33].copy_from_slice(&self.scheduled);
        bytes[33..36].fill(0);
        bytes[36..44].copy_from_slice(&self.paid.to_be_bytes());
        bytes[44..52].copy_from_slice(&self.rolled.to_be_bytes());
        bytes[52..60].copy_from_slice(&self.uncollected.to_be_bytes());
        bytes[60..64].copy_from_slice(&self.since.unwrap_or(0).to_be_bytes());
        let records = bytes[BOOK_HEADER_LEN..].as_chunks_mut().0;
        for (record, schedule) in records.iter_mut().zip(self.schedules()) {
            schedule.encode_into(record);
        }
        BOOK_HEADER_LEN + self.count * SCHEDULE_LEN
    }
}

const fn position(hour: u32) -> (usize, u8) {
    let place = hour % WINDOW_HOURS;
    (place as usize / 8, 1 << (place % 8))
}

fn part<const N: usize>(bytes: &[u8; BOOK_HEADER_LEN], start: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[start..start + N]);
    out
}
