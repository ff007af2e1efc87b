//! The types of the ABI: what entry points take, return and store.

use soroban_sdk::{contracttype, Address, String};

/// What a producer makes energy from.
#[contracttype]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Source {
    Solar = 1,
    Wind = 2,
    Hydro = 3,
    Biomass = 4,
    Other = 5,
}

/// Where a producer stands. Only `Certified` may sell.
#[contracttype]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// Never applied, or took the first application back.
    None = 0,
    /// Applied, never certified before.
    Applied = 1,
    Certified = 2,
    Revoked = 3,
    /// The last application was rejected, and there was no certification before.
    Rejected = 4,
}

/// An open application: of a newcomer, or of a producer whose plant has changed.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Unix s.
    pub applied_at: u64,
    pub capacity_w: u32,
    /// Token stroops that the contract holds until the application is decided.
    pub fee: i128,
    /// Where it stands in the certifiers' queue.
    pub place: u32,
    pub producer: Address,
    pub source: Source,
}

/// Where a producer stands, and what was certified last: a revocation leaves that as it is.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Number of entries in the audit trail.
    pub acts: u32,
    /// 0 = never certified.
    pub capacity_w: u32,
    /// Unix s; 0 = never.
    pub certified_at: u64,
    pub certifier: Option<Address>,
    pub producer: Address,
    /// As in [`Source`]; 0 = never certified.
    pub source: u32,
    pub status: Status,
}

/// What somebody did about a producer.
#[contracttype]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Action {
    Applied = 1,
    Withdrawn = 2,
    Certified = 3,
    Rejected = 4,
    Revoked = 5,
    Reinstated = 6,
}

/// One act, kept for ever.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub action: Action,
    /// Unix s.
    pub at: u64,
    pub by: Address,
    /// Why; empty where none is asked for.
    pub reason: String,
}

/// Smallest and greatest plant that may be certified.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapacityLimits {
    pub max_w: u32,
    pub min_w: u32,
}

/// A producer's energy.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Production {
    /// Exported while certified: what may be sold, ever.
    pub exported_wh: u64,
    /// When the register last moved, or the certification that it counts from; unix s, 0 for never.
    pub reported_at: u64,
    /// The register as it was reported last.
    pub total_wh: u64,
}
