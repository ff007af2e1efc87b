//! Pay-as-you-go electricity for one provider: its villages are sites, its meters are records in paged storage.
//!
//! Reading order: [`contract`] lists every entry point; [`batch`] is the heart (exactly-once settlement), [`credit`]
//! the same for money; [`settle`] charges one record; [`record`], [`page`] and [`usage`] are the byte layouts.
//! Nothing here reads a clock but the ledger's, and nothing is rounded against a household.
#![no_std]

pub mod arrears;
pub mod batch;
pub mod contract;
pub mod credit;
pub mod digest;
pub mod errors;
pub mod events;
pub mod float;
pub mod ids;
pub mod legacy;
pub mod market;
pub mod page;
pub mod pages;
pub mod payment;
pub mod plan;
pub mod price;
pub mod record;
pub mod registry;
pub mod report;
pub mod settle;
pub mod site;
pub mod storage;
pub mod till;
pub mod time;
pub mod types;
pub mod usage;

pub use contract::{Meter, MeterClient};
