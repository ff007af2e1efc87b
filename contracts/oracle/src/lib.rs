//! Usage and price of every streaming meter by the hour, for a week, in byte pages.
//!
//! Reading order: [`contract`] lists every entry point; [`recording`] is the heart (each hour counts once);
//! [`history`] reads it back; [`usage`] is the layout of what is sent, [`hour`] and [`day`] of what is stored.
//! It moves no money: the scheduler reads it and charges.
#![no_std]

pub mod contract;
pub mod day;
pub mod errors;
pub mod events;
pub mod history;
pub mod hour;
pub mod points;
pub mod recording;
pub mod storage;
pub mod types;
pub mod usage;
pub mod writers;

pub use contract::{Oracle, OracleClient};
