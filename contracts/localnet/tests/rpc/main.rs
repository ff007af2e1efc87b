//! The ledger as a client meets it: JSON in, JSON out, real XDR both ways.

mod assets;
mod clock;
mod contracts;
mod events;
mod fee_bumps;
mod glutton;
mod lifetimes;
mod limits;
mod overuse;
mod process;
mod protocol;
mod sending;
mod snapshots;
mod support;
