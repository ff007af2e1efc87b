//! What the contract tells the world.

use soroban_sdk::{contractevent, Address};

/// A listing grew by `added_wh`, or only changed its price; `wh` is what it offers now.
#[contractevent(topics = ["listed"])]
pub struct Listed {
    #[topic]
    pub seller: Address,
    pub added_wh: u64,
    pub price: i64,
    pub wh: u64,
}

#[contractevent(topics = ["unlisted"])]
pub struct Unlisted {
    #[topic]
    pub seller: Address,
    pub removed_wh: u64,
    pub wh: u64,
}

/// `energy` went to the seller, `commission` to the platform.
#[contractevent(topics = ["bought"])]
pub struct Bought {
    #[topic]
    pub seller: Address,
    #[topic]
    pub meter_id: u64,
    pub buyer: Address,
    pub commission: i64,
    pub energy: i64,
    pub wh: u32,
}

/// Energy that wasn't used went to the reserve, `amount` to the buyer.
#[contractevent(topics = ["refunded"])]
pub struct Refunded {
    #[topic]
    pub meter_id: u64,
    pub amount: i64,
    pub buyer: Address,
    pub wh: u32,
}

#[contractevent(topics = ["funded"])]
pub struct Funded {
    pub amount: i128,
    pub payer: Address,
}

#[contractevent(topics = ["funds_withdrawn"])]
pub struct FundsWithdrawn {
    pub amount: i128,
    pub to: Address,
}

#[contractevent(topics = ["balance_withdrawn"])]
pub struct BalanceWithdrawn {
    #[topic]
    pub user: Address,
    pub amount: i128,
}

/// All terms as they are from now on.
#[contractevent(topics = ["terms"])]
pub struct TermsSet {
    pub commission_rate: u32,
    pub global_reserve_limit: u64,
    pub price: i64,
    pub refund_rate: u32,
    pub user_reserve_limit: u64,
}

#[contractevent(topics = ["site"])]
pub struct SiteSet {
    #[topic]
    pub site: u32,
    pub open: bool,
}
