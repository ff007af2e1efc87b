//! ELECTRIC: the SEP-41 token that streaming payments are made in (1 ELECTRIC = $0.01, seven decimals).
//!
//! Balances, allowances and burning are OpenZeppelin's; this crate adds who may mint, pause and upgrade.
//! It never holds anybody's tokens and knows nothing about meters.
#![no_std]

mod contract;

pub use contract::{Electric, ElectricClient};
