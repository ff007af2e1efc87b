//! The ledger entries: one key type, one place that reads, writes and keeps them alive.

use soroban_sdk::unwrap::UnwrapOptimized;
use soroban_sdk::{contracttype, panic_with_error, Address, Bytes, Env};
use upkeep::life;

use crate::book::{Book, BOOK_MAX_LEN};
use crate::errors::Error;

/// Names of the entries. `Book` and `Meter` are persistent, the rest lives in the instance.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The token that is paid in.
    Token,
    /// The contract that knows usage and price.
    Oracle,
    /// Who receives the money.
    Provider,
    /// How many meters have a number.
    MeterCount,
    /// A meter's accounts, by its id.
    Book(u64),
    /// The id of the meter with a number.
    Meter(u32),
}

/// A book as it is stored: the user who pays apart from the bytes, for an address isn't one.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookEntry {
    /// Layout in `book.rs`.
    pub state: Bytes,
    pub user: Option<Address>,
}

/// A meter with its accounts and the user who pays.
pub struct Line {
    pub meter_id: u64,
    pub user: Option<Address>,
    pub book: Book,
}

/// An address of the instance.
pub fn address(e: &Env, key: &Key) -> Address {
    // The constructor has set them all: there is no instance without them.
    e.storage().instance().get(key).unwrap_optimized()
}

/// The meter's line, if it was ever subscribed or scheduled.
pub fn line(e: &Env, meter_id: u64) -> Option<Line> {
    let entry: BookEntry = e.storage().persistent().get(&Key::Book(meter_id))?;
    let mut buffer = [0; BOOK_MAX_LEN];
    let book = buffer
        .get_mut(..entry.state.len() as usize)
        .and_then(|bytes| {
            entry.state.copy_into_slice(bytes);
            Book::decode(bytes)
        });
    Some(Line {
        meter_id,
        user: entry.user,
        book: book.unwrap_or_else(|| panic_with_error!(e, Error::UnknownLayout)),
    })
}

/// A line for a meter that comes for the first time: it gets the next number.
pub fn new_line(e: &Env, meter_id: u64) -> Line {
    let count: u32 = e.storage().instance().get(&Key::MeterCount).unwrap_or(0);
    let number = count + 1;
    e.storage().instance().set(&Key::MeterCount, &number);
    life::put(e, &Key::Meter(number), &meter_id);
    Line {
        meter_id,
        user: None,
        book: Book::new(number),
    }
}

/// Writes the line and renews it.
pub fn put_line(e: &Env, line: &Line) {
    let mut buffer = [0; BOOK_MAX_LEN];
    let len = line.book.encode_into(&mut buffer);
    let entry = BookEntry {
        state: Bytes::from_slice(e, &buffer[..len]),
        user: line.user.clone(),
    };
    life::put(e, &Key::Book(line.meter_id), &entry);
}

/// The id of the meter with a number, if that was given out.
pub fn meter_id(e: &Env, number: u32) -> Option<u64> {
    e.storage().persistent().get(&Key::Meter(number))
}
