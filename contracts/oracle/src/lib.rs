//! Usage and price of every streaming meter by the hour, for a week, in byte pages.
#![no_std]

pub mod contract;

pub use contract::{Oracle, OracleClient};
