//! The earlier layout, one ledger entry per meter: built for comparison and for the test of migration only, and
//! never deployed for a village.
//!
//! It says and charges exactly what `meter` does, with `meter`'s own sources: what a batch is, how a record is
//! settled, what a receipt holds and which events are told. Only where a meter is kept differs: [`entry`], [`pages`]
//! and [`registry`].
#![no_std]

pub mod contract;
pub mod entry;
pub mod pages;
pub mod registry;

#[path = "../../meter/src/batch.rs"]
pub mod batch;
#[path = "../../meter/src/digest.rs"]
pub mod digest;
#[path = "../../meter/src/errors.rs"]
pub mod errors;
#[path = "../../meter/src/events.rs"]
pub mod events;
#[path = "../../meter/src/ids.rs"]
pub mod ids;
#[path = "../../meter/src/legacy.rs"]
pub mod legacy;
#[path = "../../meter/src/page.rs"]
pub mod page;
#[path = "../../meter/src/payment.rs"]
pub mod payment;
#[path = "../../meter/src/plan.rs"]
pub mod plan;
#[path = "../../meter/src/price.rs"]
pub mod price;
#[path = "../../meter/src/record.rs"]
pub mod record;
#[path = "../../meter/src/settle.rs"]
pub mod settle;
#[path = "../../meter/src/site.rs"]
pub mod site;
#[path = "../../meter/src/storage.rs"]
pub mod storage;
#[path = "../../meter/src/time.rs"]
pub mod time;
#[path = "../../meter/src/types.rs"]
pub mod types;
#[path = "../../meter/src/usage.rs"]
pub mod usage;

pub use contract::{Entries, EntriesClient};
