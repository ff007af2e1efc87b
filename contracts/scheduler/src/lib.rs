//! Hourly payments of streaming meters: drawn by allowance, executed by anyone when due.
#![no_std]

pub mod contract;

pub use contract::{Scheduler, SchedulerClient};
