//! Energy sold between neighbours: listings backed by exported energy, bought for a meter, refunded unused.
#![no_std]

pub mod contract;

pub use contract::{Market, MarketClient};
