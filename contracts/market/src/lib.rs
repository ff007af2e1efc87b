//! Energy sold between neighbours: listings backed by exported energy, bought for a meter, refunded unused.
//!
//! Reading order: [`contract`] lists every entry point; [`listing`] is what is offered, [`purchase`] what happens when it is
//! bought, [`holding`] what a meter still has of it, [`reserve`] the platform's own money and energy.
//! Nothing here says who is certified or what a meter used: [`certification`] and [`meter`] are asked each time.
#![no_std]

pub mod certification;
pub mod contract;
pub mod errors;
pub mod events;
pub mod holding;
pub mod listing;
pub mod meter;
pub mod purchase;
pub mod quote;
pub mod reserve;
pub mod storage;
pub mod terms;
pub mod types;

pub use contract::{Market, MarketClient};
