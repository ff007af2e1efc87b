//! What the contract tells the world: one event per call that recorded something.

use soroban_sdk::{contractevent, Address};

/// Hours were recorded; a call that only repeats says nothing.
#[contractevent(topics = ["usage"])]
pub struct UsageRecorded {
    #[topic]
    pub site: u32,
    /// Number of hours that were new, in whole or in part.
    pub hours: u32,
    /// Start of the first and end of the last of them, unix s.
    pub from: u64,
    pub to: u64,
    pub accepted_wh: u64,
    /// Records that don't count: unknown or not streaming, no such price, or more than the connection can carry.
    pub refused: u32,
}

#[contractevent(topics = ["allowed"])]
pub struct Allowed {
    #[topic]
    pub site: u32,
    pub writer: Address,
}

#[contractevent(topics = ["disallowed"])]
pub struct Disallowed {
    #[topic]
    pub site: u32,
    pub writer: Address,
}
