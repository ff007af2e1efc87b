//! The ledger as a client meets it: JSON in, JSON out, real XDR both ways.

mod clock;
mod contracts;
mod events;
mod fee_bumps;
mod lifetimes;
mod process;
mod protocol;
mod sending;
mod support;
