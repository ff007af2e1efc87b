//! Hourly payments of streaming meters: drawn by allowance, executed by anyone when due.
//!
//! Reading order: [`contract`] lists every entry point; [`schedule`] is the life of one payment; [`book`] is a meter's
//! accounts, where every Wh is charged exactly once; [`charging`] opens a schedule from the oracle's hour, [`settling`]
//! pays, fails or ends it; [`funds`] is the only module that touches the token.
//! It holds nobody's tokens: they go from the user to the provider.
#![no_std]

pub mod book;
pub mod charging;
pub mod contract;
pub mod errors;
pub mod events;
pub mod funds;
pub mod hours;
pub mod schedule;
pub mod settling;
pub mod storage;
pub mod subscription;
pub mod types;

pub use contract::{Scheduler, SchedulerClient};
