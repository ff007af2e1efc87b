//! ELECTRIC: the SEP-41 token that streaming payments are made in (1 ELECTRIC = $0.01, seven decimals).
//!
//! Balances, allowances and burning are OpenZeppelin's; this crate adds who may mint, and the grant that each user
//! gets once. It never holds anybody's tokens and knows nothing about meters.
#![no_std]

pub mod contract;
pub mod errors;
pub mod grant;

pub use contract::{Electric, ElectricClient};
