//! The types of the ABI: what entry points take, return and store.

use soroban_sdk::{contracttype, Address, BytesN, Env, Vec};

use crate::record::Record;

/// How a payment is meant.
#[contracttype]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Plan {
    Daily = 1,
    Weekly = 2,
    UsageBased = 3,
}

impl Plan {
    /// Reads a number.
    pub const fn from_u32(plan: u32) -> Option<Self> {
        match plan {
            1 => Some(Self::Daily),
            2 => Some(Self::Weekly),
            3 => Some(Self::UsageBased),
            _ => None,
        }
    }
}

/// Who charges a meter's usage. Every Wh is charged by exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// This contract.
    Prepaid = 0,
    /// The scheduler; batches only count.
    Streaming = 1,
    /// Invoices; batches only count.
    Postpaid = 2,
}

impl Mode {
    /// Reads the two bits of a record's flags; 3 is never written.
    pub const fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Prepaid,
            1 => Self::Streaming,
            _ => Self::Postpaid,
        }
    }

    /// Reads an argument.
    pub const fn from_u32(mode: u32) -> Option<Self> {
        match mode {
            0 => Some(Self::Prepaid),
            1 => Some(Self::Streaming),
            2 => Some(Self::Postpaid),
            _ => None,
        }
    }
}

/// A village.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Who runs it, and owns every meter whose owner isn't stored.
    pub operator: Address,
    /// The slot that the next meter gets.
    pub next_slot: u32,
    /// Keys that may settle for it.
    pub signers: Vec<Address>,
}

/// Dated prices in token stroops.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Counts from 1.
    pub version: u32,
    /// First second it is in force, unix s on the grid.
    pub effective_from: u64,
    /// Stroops per kWh: off-peak, standard, peak.
    pub energy: Vec<i64>,
    /// Stroops for one daily plan; 0 = not offered.
    pub daily: i64,
    /// Stroops for one weekly plan; 0 = not offered.
    pub weekly: i64,
}

/// Proof of the last batch that a site had accepted.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Id of the database that settles.
    pub writer: BytesN<16>,
    /// Counts from 1.
    pub sequence: u64,
    /// Digest of the batch before; zeros for the first.
    pub previous_digest: BytesN<32>,
    pub digest: BytesN<32>,
    /// Period `[from, to)`, unix s.
    pub from: u64,
    pub to: u64,
    pub price_version: u32,
    /// Accepted by this batch.
    pub accepted_wh: u64,
    /// Reported in this batch and refused.
    pub residue_wh: u64,
    /// Accepted by the site, ever.
    pub total_wh: u64,
    /// Refused by the site, ever.
    pub total_residue_wh: u64,
    /// What the batch committed to; zeros for nothing.
    pub root: BytesN<32>,
    /// Ledger time at which it was accepted, unix s.
    pub closed_at: u64,
}

impl Receipt {
    /// What stands before the first batch of a site: sequence 0, and nothing of anything else.
    pub fn none(env: &Env) -> Self {
        let zeros = BytesN::from_array(env, &[0; 32]);
        Self {
            writer: BytesN::from_array(env, &[0; 16]),
            sequence: 0,
            previous_digest: zeros.clone(),
            digest: zeros.clone(),
            from: 0,
            to: 0,
            price_version: 0,
            accepted_wh: 0,
            residue_wh: 0,
            total_wh: 0,
            total_residue_wh: 0,
            root: zeros,
            closed_at: 0,
        }
    }
}

/// What a site has paid in ahead, and proof of the last credit that it had accepted (zeros before the first).
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Float {
    /// Stroops that are left.
    pub balance: i64,
    /// Credits count from 1.
    pub sequence: u64,
    /// Digest of the credit before; zeros for the first.
    pub previous_digest: BytesN<32>,
    pub digest: BytesN<32>,
    /// Stroops of this credit that meters got.
    pub credited: i64,
    /// Stroops of this credit that couldn't be applied and stay in the float.
    pub refused: i64,
    /// Stroops that the site's meters got, ever.
    pub total_credited: i64,
    /// Ledger time at which it was accepted, unix s.
    pub closed_at: u64,
}

/// A record as it is shown; units as in [`Record`].
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterRecord {
    pub total_wh: u64,
    pub balance: i64,
    pub paid_from: u64,
    pub paid_until: u64,
    pub last_read_at: u64,
    pub market_credit_wh: u32,
    /// Thousandths of a stroop.
    pub remainder: u32,
    pub max_power_w: u32,
    /// 0 none, 1 daily, 2 weekly, 3 usage-based.
    pub plan: u32,
    /// 0 prepaid, 1 streaming, 2 postpaid.
    pub mode: u32,
    pub deactivated: bool,
    /// May draw power at this ledger's time.
    pub active: bool,
    pub version: u32,
}

impl MeterRecord {
    /// Shows `record` as it stands at `now` (unix s).
    pub fn of(record: &Record, now: u64) -> Self {
        Self {
            total_wh: record.total_wh,
            balance: record.balance,
            paid_from: record.paid_from.into(),
            paid_until: record.paid_until.into(),
            last_read_at: record.last_read_at.into(),
            market_credit_wh: record.market_credit_wh,
            remainder: record.remainder.into(),
            max_power_w: record.max_power_w(),
            plan: record.plan.into(),
            mode: record.mode() as u32,
            deactivated: record.is_deactivated(),
            active: record.is_active(now),
            version: record.version.into(),
        }
    }
}
