//! What the contract tells the world: every step in the life of a schedule, by the meter it belongs to.

use soroban_sdk::{contractevent, Address};

use crate::types::Reason;

/// CREATED: the amount is fixed; `rolled` of it comes from payments made in part.
#[contractevent(topics = ["scheduled"])]
pub struct Scheduled {
    #[topic]
    pub meter_id: u64,
    pub id: u64,
    pub hour: u64,
    pub due: u64,
    pub usage_wh: u64,
    pub price: i64,
    pub rolled: i64,
    pub amount: i64,
}

#[contractevent(topics = ["executed"])]
pub struct Executed {
    #[topic]
    pub meter_id: u64,
    pub id: u64,
    pub user: Address,
    pub amount: i64,
}

/// FAILED: RETRY_QUEUED follows at once.
#[contractevent(topics = ["failed"])]
pub struct Failed {
    #[topic]
    pub meter_id: u64,
    pub id: u64,
    pub amount: i64,
    pub reason: Reason,
}

#[contractevent(topics = ["retry_queued"])]
pub struct RetryQueued {
    #[topic]
    pub meter_id: u64,
    pub id: u64,
    pub due: u64,
}

/// The retry paid what was there; `rolled` goes into the meter's next schedule.
#[contractevent(topics = ["partial_paid"])]
pub struct PartialPaid {
    #[topic]
    pub meter_id: u64,
    pub id: u64,
    pub user: Address,
    pub paid: i64,
    pub rolled: i64,
    pub reason: Reason,
}

#[contractevent(topics = ["rescheduled"])]
pub struct Rescheduled {
    #[topic]
    pub meter_id: u64,
    pub id: u64,
    pub due: u64,
}

#[contractevent(topics = ["cancelled"])]
pub struct Cancelled {
    #[topic]
    pub meter_id: u64,
    pub id: u64,
    pub amount: i64,
}

/// `amount` more is left to the invoice, which makes `total`.
#[contractevent(topics = ["uncollected"])]
pub struct Uncollected {
    #[topic]
    pub meter_id: u64,
    pub amount: i64,
    pub total: i64,
}

#[contractevent(topics = ["subscribed"])]
pub struct Subscribed {
    #[topic]
    pub meter_id: u64,
    pub user: Address,
    pub since: u64,
}

#[contractevent(topics = ["unsubscribed"])]
pub struct Unsubscribed {
    #[topic]
    pub meter_id: u64,
    pub user: Address,
}

#[contractevent(topics = ["provider"])]
pub struct ProviderSet {
    pub provider: Address,
}
