//! The entry points that a village lives by, named and authorised as `meter`'s are; what `meter` has besides is left out.

use soroban_sdk::{contract, contractimpl, Address, Bytes, BytesN, Env, Vec};
use stellar_macros::when_not_paused;
use upkeep::{life, Administered, Upgrade};

use crate::batch::{self, Batch};
use crate::events;
use crate::storage::{self, Key};
use crate::types::{MeterRecord, Plan, Receipt};
use crate::{payment, price, registry, site};

#[contract]
pub struct Entries;

#[contractimpl]
impl Entries {
    /// Creates the provider's instance; it has no sites and no price yet.
    pub fn __constructor(e: &Env, admin: Address, token: Address) {
        upkeep::begin(e, &admin);
        e.storage().instance().set(&Key::Token, &token);
    }

    /// Adds a village. Only the admin may.
    pub fn add_site(e: &Env, site: u32, operator: Address) {
        upkeep::enforce_admin(e);
        site::add(e, site, operator.clone());
        events::SiteAdded { site, operator }.publish(e);
    }

    /// Lets `signer` settle for a site. Only the admin may.
    pub fn allow(e: &Env, site: u32, signer: Address) {
        upkeep::enforce_admin(e);
        if site::allow(e, site, &signer) {
            events::Allowed { site, signer }.publish(e);
        }
    }

    /// Registers a meter in its site's next slot. Only the admin may.
    pub fn register_meter(e: &Env, meter_id: u64, owner: Address, max_power_w: u32, mode: u32) {
        upkeep::enforce_admin(e);
        registry::register(e, meter_id, owner.clone(), max_power_w, mode);
        events::MeterRegistered {
            meter_id,
            owner,
            mode,
            max_power_w,
        }
        .publish(e);
    }

    /// Sets the next price version and returns its number. Only the admin may.
    pub fn set_price(
        e: &Env,
        effective_from: u64,
        energy: Vec<i64>,
        daily: i64,
        weekly: i64,
    ) -> u32 {
        upkeep::enforce_admin(e);
        let price = price::add(e, effective_from, energy, daily, weekly);
        events::price(e, &price);
        price.version
    }

    /// Pays for a meter: anyone may, for any meter. Returns the new balance.
    #[when_not_paused]
    pub fn make_payment(e: &Env, payer: Address, meter_id: u64, amount: i128, plan: Plan) -> i64 {
        payer.require_auth();
        let record = payment::pay(e, &payer, meter_id, amount, plan);
        events::PaymentMade {
            meter_id,
            payer,
            amount,
            plan,
            balance: record.balance,
            paid_from: record.paid_from.into(),
            paid_until: record.paid_until.into(),
        }
        .publish(e);
        record.balance
    }

    /// Settles a site's usage of `[from, to)`, exactly once; the same batch again returns the stored receipt.
    #[when_not_paused]
    #[allow(clippy::too_many_arguments)] // The arguments of `meter`.
    pub fn batch_update_usage(
        e: &Env,
        signer: Address,
        site: u32,
        writer: BytesN<16>,
        sequence: u64,
        from: u64,
        to: u64,
        price_version: u32,
        pages: Bytes,
        root: Option<BytesN<32>>,
    ) -> Receipt {
        site::enforce_signer(e, site, &signer);
        life::keep_instance(e);
        let batch = Batch {
            site,
            writer,
            sequence,
            from,
            to,
            price_version,
            pages,
            root: root.unwrap_or_else(|| BytesN::from_array(e, &[0; 32])),
        };
        batch::accept(e, &batch)
    }

    /// A meter's record, decoded.
    pub fn get_meter(e: &Env, meter_id: u64) -> MeterRecord {
        let opened = registry::open(e, meter_id);
        MeterRecord::of(&opened.record, e.ledger().timestamp())
    }

    /// The last receipt of a site, if it has settled anything.
    pub fn get_receipt(e: &Env, site: u32) -> Option<Receipt> {
        storage::receipt(e, site)
    }
}

#[contractimpl(contracttrait)]
impl Administered for Entries {}
