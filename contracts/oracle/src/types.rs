//! The types of the ABI: what entry points take, return and store.

use soroban_sdk::{contracttype, Address, Bytes, Vec};

/// One closed hour of a site.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourUsage {
    /// Start of the hour, unix s, a multiple of 3600.
    pub hour: u64,
    /// 0 off-peak, 1 standard, 2 peak.
    pub tier: u32,
    /// 1 to 7 different prices, stroops per kWh, each fitting 32 bits.
    pub prices: Vec<i64>,
    /// Ascending by page.
    pub pages: Vec<PageUsage>,
}

/// What an hour says about one page of 64 slots.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageUsage {
    /// Number of the page: slot / 64.
    pub page: u32,
    /// Layout in `usage.rs`.
    pub data: Bytes,
}

/// What is known of one meter in one hour.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    pub usage_wh: u64,
    /// Stroops per kWh.
    pub price: i64,
    /// 0 off-peak, 1 standard, 2 peak.
    pub tier: u32,
    /// Start of the hour, unix s.
    pub timestamp: u64,
    /// What a day like the meter's last 24 recorded hours costs, in stroops.
    pub projected_daily_cost: i64,
}

/// A village as the oracle knows it.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Start of the newest hour recorded, unix s; 0 when there is none.
    pub newest: u64,
    /// The keys that may write.
    pub writers: Vec<Address>,
}
