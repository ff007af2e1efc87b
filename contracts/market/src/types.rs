//! The types of the ABI: what entry points take, return and store.

use soroban_sdk::{contracttype, Address};

/// What the admin has set. All zero at first: nothing is sold until the limits are set and a site is open.
#[contracttype]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What the platform takes of the energy's cost on top of it, hundredths of a percent.
    pub commission_rate: u32,
    /// Most Wh that all listings and the reserve may hold together.
    pub global_reserve_limit: u64,
    /// The platform's price, stroops per kWh: shown beside the producers' own; 0 = none.
    pub price: i64,
    /// What a buyer gets back of the energy's cost, hundredths of a percent; the commission is never returned.
    pub refund_rate: u32,
    /// Most Wh that one producer may have listed.
    pub user_reserve_limit: u64,
}

/// What a seller offers and has earned. `wh + sold_wh` of a producer never exceed what was exported.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Earned and not withdrawn, token stroops. Always 0 for the market's own listing, which earns for the reserve.
    pub balance: i128,
    /// Ten-thousandths of a stroop of commission, carried to the next sale.
    pub commission_remainder: u32,
    /// Stroops per kWh.
    pub price: i64,
    /// Thousandths of a stroop, carried to the next sale.
    pub remainder: u32,
    pub seller: Address,
    /// Sold, ever.
    pub sold_wh: u64,
    /// Offered now.
    pub wh: u64,
}

/// What energy costs now, in token stroops.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The platform's.
    pub commission: i64,
    /// The seller's.
    pub energy: i64,
    /// What the buyer pays.
    pub total: i64,
}

/// Bought energy that waits at a meter, and what was paid for it.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Who may have it refunded.
    pub buyer: Address,
    /// What was paid for `wh` without commission, token stroops, rounded down.
    pub cost: i64,
    pub wh: u32,
}

/// What belongs to the platform.
#[contracttype]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reserve {
    /// Commissions, money paid in, and what sold reserve earned; refunds are paid from it. Token stroops.
    pub funds: i128,
    /// Refunded energy that isn't offered again yet.
    pub wh: u64,
}
