//! What the contract tells the world. A batch speaks once, and once more per page where something changed:
//! one event per meter would break the network's limit when a village runs dry together.

use soroban_sdk::{contractevent, Address, BytesN, Env, Vec};

use crate::types::{Plan, Price, Receipt};

#[contractevent(topics = ["batch"])]
pub struct BatchAccepted {
    #[topic]
    pub site: u32,
    pub sequence: u64,
    pub from: u64,
    pub to: u64,
    pub price_version: u32,
    pub accepted_wh: u64,
    pub residue_wh: u64,
    pub digest: BytesN<32>,
}

/// Bit i of each map stands for index i of the page.
#[contractevent(topics = ["page"])]
pub struct PageChanged {
    #[topic]
    pub site: u32,
    #[topic]
    pub page: u32,
    pub activated: u64,
    pub deactivated: u64,
    pub refused: u64,
}

#[contractevent(topics = ["take_over"])]
pub struct TakenOver {
    #[topic]
    pub site: u32,
    pub old_writer: BytesN<16>,
    pub new_writer: BytesN<16>,
    pub sequence: u64,
}

/// A site was added, or goes to another operator.
#[contractevent(topics = ["site"])]
pub struct SiteAdded {
    #[topic]
    pub site: u32,
    pub operator: Address,
}

#[contractevent(topics = ["allowed"])]
pub struct Allowed {
    #[topic]
    pub site: u32,
    pub signer: Address,
}

#[contractevent(topics = ["disallowed"])]
pub struct Disallowed {
    #[topic]
    pub site: u32,
    pub signer: Address,
}

#[contractevent(topics = ["registered"])]
pub struct MeterRegistered {
    #[topic]
    pub meter_id: u64,
    pub owner: Address,
    pub mode: u32,
    pub max_power_w: u32,
}

#[contractevent(topics = ["payment"])]
pub struct PaymentMade {
    #[topic]
    pub meter_id: u64,
    pub payer: Address,
    pub amount: i128,
    pub plan: Plan,
    pub balance: i64,
    pub paid_from: u64,
    pub paid_until: u64,
}

#[contractevent(topics = ["active"])]
pub struct MeterActive {
    #[topic]
    pub meter_id: u64,
}

#[contractevent(topics = ["inactive"])]
pub struct MeterInactive {
    #[topic]
    pub meter_id: u64,
}

#[contractevent(topics = ["price"])]
pub struct PriceSet {
    #[topic]
    pub version: u32,
    pub effective_from: u64,
    pub energy: Vec<i64>,
    pub daily: i64,
    pub weekly: i64,
}

#[contractevent(topics = ["withdrawn"])]
pub struct Withdrawn {
    pub to: Address,
    pub amount: i128,
}

#[contractevent(topics = ["market"])]
pub struct MarketNamed {
    pub market: Option<Address>,
}

#[contractevent(topics = ["market_credit"])]
pub struct MarketCredit {
    #[topic]
    pub meter_id: u64,
    pub credit_wh: u32,
}

#[contractevent(topics = ["site_removed"])]
pub struct SiteRemoved {
    #[topic]
    pub site: u32,
}

#[contractevent(topics = ["owner"])]
pub struct OwnerSet {
    #[topic]
    pub meter_id: u64,
    pub owner: Address,
}

#[contractevent(topics = ["max_power"])]
pub struct MaxPowerSet {
    #[topic]
    pub meter_id: u64,
    pub max_power_w: u32,
}

#[contractevent(topics = ["migrated"])]
pub struct Migrated {
    #[topic]
    pub meter_id: u64,
    pub version: u32,
}

#[contractevent(topics = ["usage"])]
pub struct UsageReported {
    #[topic]
    pub meter_id: u64,
    pub accepted_wh: u64,
    pub total_wh: u64,
    pub balance: i64,
}

#[contractevent(topics = ["written_off"])]
pub struct WrittenOff {
    #[topic]
    pub meter_id: u64,
    pub amount: i128,
    pub balance: i64,
}

#[contractevent(topics = ["reinstated"])]
pub struct Reinstated {
    #[topic]
    pub meter_id: u64,
    pub amount: i128,
    pub balance: i64,
}

#[contractevent(topics = ["float"])]
pub struct FloatChanged {
    #[topic]
    pub site: u32,
    pub balance: i64,
}

#[contractevent(topics = ["credit"])]
pub struct Credited {
    #[topic]
    pub site: u32,
    pub sequence: u64,
    pub credited: i64,
    pub refused: i64,
    pub digest: BytesN<32>,
}

#[contractevent(topics = ["price_withdrawn"])]
pub struct PriceWithdrawn {
    #[topic]
    pub version: u32,
}

/// Sums up an accepted batch.
pub fn batch(env: &Env, site: u32, receipt: &Receipt) {
    BatchAccepted {
        site,
        sequence: receipt.sequence,
        from: receipt.from,
        to: receipt.to,
        price_version: receipt.price_version,
        accepted_wh: receipt.accepted_wh,
        residue_wh: receipt.residue_wh,
        digest: receipt.digest.clone(),
    }
    .publish(env);
}

/// Tells that a meter became active or inactive outside a batch.
pub fn state(env: &Env, meter_id: u64, active: bool) {
    if active {
        MeterActive { meter_id }.publish(env);
    } else {
        MeterInactive { meter_id }.publish(env);
    }
}

/// Tells of a new price version.
pub fn price(env: &Env, price: &Price) {
    PriceSet {
        version: price.version,
        effective_from: price.effective_from,
        energy: price.energy.clone(),
        daily: price.daily,
        weekly: price.weekly,
    }
    .publish(env);
}
