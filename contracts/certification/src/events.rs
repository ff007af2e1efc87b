//! What the contract tells the world.

use soroban_sdk::{contractevent, Address, String, Symbol};

use crate::types::{Action, Source};

/// One line of the audit trail; `index` is its number there.
#[contractevent(topics = ["audit"])]
pub struct Audited {
    #[topic]
    pub producer: Address,
    pub action: Action,
    pub by: Address,
    pub index: u32,
    pub reason: String,
}

/// What was applied for; the audit line follows it.
#[contractevent(topics = ["applied"])]
pub struct Applied {
    #[topic]
    pub producer: Address,
    pub capacity_w: u32,
    pub fee: i128,
    pub source: Source,
}

/// The register moved; `counted_wh` of it may be sold.
#[contractevent(topics = ["produced"])]
pub struct Produced {
    #[topic]
    pub producer: Address,
    pub counted_wh: u64,
    pub exported_wh: u64,
    pub total_wh: u64,
}

/// `who` may act as `certifier` or `reporter`.
#[contractevent(topics = ["allowed"])]
pub struct Allowed {
    #[topic]
    pub role: Symbol,
    pub who: Address,
}

#[contractevent(topics = ["disallowed"])]
pub struct Disallowed {
    #[topic]
    pub role: Symbol,
    pub who: Address,
}

#[contractevent(topics = ["fee"])]
pub struct FeeSet {
    pub amount: i128,
}

#[contractevent(topics = ["capacity_limits"])]
pub struct CapacityLimitsSet {
    pub max_w: u32,
    pub min_w: u32,
}

#[contractevent(topics = ["withdrawn"])]
pub struct Withdrawn {
    pub to: Address,
    pub amount: i128,
}
