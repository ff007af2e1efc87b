//! The entry points: authorise, validate, call, announce. Whatever is decided is decided in the module of its noun.

use soroban_sdk::{contract, contractimpl, Address, Bytes, BytesN, Env, Vec};
use stellar_macros::when_not_paused;
use upkeep::{enforce_admin, life, Administered, Upgrade};

use crate::batch::{self, Batch};
use crate::errors::{refuse, Error};
use crate::events;
use crate::ids::Place;
use crate::storage::{self, Key};
use crate::types::{Float, MeterRecord, Plan, Price, Receipt, Site};
use crate::{arrears, credit, float, market, payment, price, registry, report, site, till};

#[contract]
pub struct Meter;

#[contractimpl]
impl Meter {
    /// Creates the provider's instance; it has no sites and no price yet.
    ///
    /// # Arguments
    /// * `token` - the SEP-41 stablecoin that households pay in.
    pub fn __constructor(e: &Env, admin: Address, token: Address) {
        e.storage().instance().set(&Key::Token, &token);
        upkeep::begin(e, &admin);
    }

    /// Adds a village. Only the admin may.
    pub fn add_site(e: &Env, site: u32, operator: Address) {
        enforce_admin(e);
        site::add(e, site, operator.clone());
        events::SiteAdded { site, operator }.publish(e);
    }

    /// Removes a site that never had a meter, a batch or a float. Only the admin may.
    pub fn remove_site(e: &Env, site: u32) {
        enforce_admin(e);
        site::remove(e, site);
        events::SiteRemoved { site }.publish(e);
    }

    /// Hands a site over, with its float. Only the admin may.
    pub fn set_operator(e: &Env, site: u32, operator: Address) {
        enforce_admin(e);
        site::set_operator(e, site, operator.clone());
        events::SiteAdded { site, operator }.publish(e);
    }

    /// Lets `signer` settle for a site. Only the admin may.
    pub fn allow(e: &Env, site: u32, signer: Address) {
        enforce_admin(e);
        if site::allow(e, site, &signer) {
            events::Allowed { site, signer }.publish(e);
        }
    }

    /// Stops `signer` from settling for a site. Only the admin may.
    pub fn disallow(e: &Env, site: u32, signer: Address) {
        enforce_admin(e);
        site::disallow(e, site, &signer);
        events::Disallowed { site, signer }.publish(e);
    }

    /// Registers a meter in its site's next slot. Only the admin may.
    ///
    /// # Arguments
    /// * `meter_id` - site << 32 | slot.
    /// * `max_power_w` - the most the connection can carry, 1 to 655 350 W; kept in units of 10 W, rounded up.
    /// * `mode` - who charges: 0 this contract (prepaid), 1 the scheduler (streaming), 2 invoices (postpaid).
    pub fn register_meter(e: &Env, meter_id: u64, owner: Address, max_power_w: u32, mode: u32) {
        enforce_admin(e);
        registry::register(e, meter_id, &owner, max_power_w, mode);
        events::MeterRegistered {
            meter_id,
            owner,
            mode,
            max_power_w,
        }
        .publish(e);
    }

    /// Moves a meter of the earlier layout into its page; returns its version. Only the admin may, also again.
    pub fn migrate_meter(e: &Env, meter_id: u64) -> u32 {
        enforce_admin(e);
        registry::migrate(e, meter_id)
    }

    /// Gives a meter to another owner. Only the admin may.
    pub fn set_owner(e: &Env, meter_id: u64, owner: Address) {
        enforce_admin(e);
        registry::set_owner(e, meter_id, &owner);
        events::OwnerSet { meter_id, owner }.publish(e);
    }

    /// Sets what a connection can carry. Only the admin may. It also bounds usage not yet settled.
    ///
    /// # Arguments
    /// * `max_power_w` - as for `register_meter`.
    pub fn set_max_power(e: &Env, meter_id: u64, max_power_w: u32) {
        enforce_admin(e);
        registry::set_max_power(e, meter_id, max_power_w);
        events::MaxPowerSet {
            meter_id,
            max_power_w,
        }
        .publish(e);
    }

    /// Switches a meter off, whatever it has paid. Only the admin may.
    pub fn deactivate_meter(e: &Env, meter_id: u64) {
        enforce_admin(e);
        registry::set_deactivated(e, meter_id, true);
    }

    /// Takes `deactivate_meter` back. Only the admin may.
    pub fn activate_meter(e: &Env, meter_id: u64) {
        enforce_admin(e);
        registry::set_deactivated(e, meter_id, false);
    }

    /// Sets the next price version and returns its number. Only the admin may, a day ahead.
    ///
    /// # Arguments
    /// * `effective_from` - unix s, a multiple of 900.
    /// * `energy` - three rates in stroops per kWh: off-peak, standard, peak.
    /// * `daily`, `weekly` - stroops per plan; 0 when it isn't offered.
    pub fn set_price(
        e: &Env,
        effective_from: u64,
        energy: Vec<i64>,
        daily: i64,
        weekly: i64,
    ) -> u32 {
        enforce_admin(e);
        let price = price::add(e, effective_from, energy, daily, weekly);
        events::price(e, &price);
        price.version
    }

    /// Takes the latest price back before it starts. Only the admin may. Its number is given out again.
    pub fn withdraw_price(e: &Env, version: u32) {
        enforce_admin(e);
        price::withdraw(e, version);
        events::PriceWithdrawn { version }.publish(e);
    }

    /// Forgives arrears; returns the balance. Only the admin may, at most what is owed.
    pub fn write_off(e: &Env, meter_id: u64, amount: i128) -> i64 {
        enforce_admin(e);
        arrears::write_off(e, meter_id, amount)
    }

    /// Takes `write_off` back; returns the balance. Only the admin may, at most what is written off.
    pub fn reinstate(e: &Env, meter_id: u64, amount: i128) -> i64 {
        enforce_admin(e);
        arrears::reinstate(e, meter_id, amount)
    }

    /// Pays for a meter: anyone may, for any meter, also for one that is switched off. Returns the new balance.
    ///
    /// # Arguments
    /// * `amount` - token stroops, above zero.
    /// * `plan` - daily and weekly ones are for prepaid meters only.
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
    ///
    /// # Arguments
    /// * `signer` - a key on the site's list.
    /// * `writer` - id of the database that settles; changes only by `take_over`.
    /// * `sequence` - the last receipt's plus one.
    /// * `from`, `to` - unix s, multiples of 900; `from` is where the last batch ended.
    /// * `price_version` - the one in force for the whole period.
    /// * `pages` - ascending, as the digest covers them: layout in `usage.rs`.
    /// * `root` - commitment to the readings behind the batch.
    #[when_not_paused]
    #[allow(clippy::too_many_arguments)] // One call is one transaction: these are the facts it settles.
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

    /// Settles one meter's usage, for a gateway that never batches; the same units again change nothing.
    ///
    /// # Arguments
    /// * `units` - all usage ever, in Wh.
    #[when_not_paused]
    pub fn update_usage(e: &Env, signer: Address, meter_id: u64, units: u64) -> u64 {
        site::enforce_signer(e, Place::of(meter_id).site, &signer);
        life::keep_instance(e);
        report::accept(e, meter_id, units)
    }

    /// Credits top-ups out of the site's float, exactly once; the same credit again changes nothing.
    ///
    /// Returns the float with the receipt of its last credit.
    ///
    /// # Arguments
    /// * `signer` - a key on the site's list.
    /// * `sequence` - the last credit's plus one.
    /// * `top_ups` - 1 to 100, as the digest covers them (layout in `credit.rs`), best in the order of their meters:
    ///   neighbours in a page share its cost.
    #[when_not_paused]
    pub fn credit(e: &Env, signer: Address, site: u32, sequence: u64, top_ups: Bytes) -> Float {
        site::enforce_signer(e, site, &signer);
        life::keep_instance(e);
        credit::accept(e, site, sequence, &top_ups)
    }

    /// Pays into a site's float: anyone may.
    #[when_not_paused]
    pub fn fund_float(e: &Env, payer: Address, site: u32, amount: i128) {
        payer.require_auth();
        float::fund(e, &payer, site, amount);
    }

    /// Pays out of a site's float. Only its operator may.
    #[when_not_paused]
    pub fn withdraw_float(e: &Env, site: u32, to: Address, amount: i128) {
        storage::site(e, site).operator.require_auth();
        float::withdraw(e, site, &to, amount);
    }

    /// Makes another database the site's writer, if the last receipt is the expected one.
    #[when_not_paused]
    pub fn take_over(
        e: &Env,
        signer: Address,
        site: u32,
        expected_sequence: u64,
        expected_digest: BytesN<32>,
        writer: BytesN<16>,
    ) -> Receipt {
        site::enforce_signer(e, site, &signer);
        let expected = (expected_sequence, expected_digest);
        let (receipt, old_writer) = site::take_over(e, site, expected, writer);
        events::TakenOver {
            site,
            old_writer,
            new_writer: receipt.writer.clone(),
            sequence: receipt.sequence,
        }
        .publish(e);
        receipt
    }

    /// Pays collected money out, never a float's. Only the admin may, also while paused.
    pub fn withdraw(e: &Env, to: Address, amount: i128) {
        enforce_admin(e);
        till::withdraw(e, &to, amount);
        events::Withdrawn { to, amount }.publish(e);
    }

    /// Renews the entries of a site and the code before they are archived. Anyone may.
    pub fn extend(e: &Env, site: u32) {
        site::extend(e, site);
    }

    /// Tells whether a meter may draw power now.
    pub fn check_access(e: &Env, meter_id: u64) -> bool {
        registry::record(e, meter_id).is_active(e.ledger().timestamp())
    }

    /// All usage ever accepted for a meter, in Wh.
    pub fn get_usage(e: &Env, meter_id: u64) -> u64 {
        registry::record(e, meter_id).total_wh
    }

    /// A meter's record, decoded.
    pub fn get_meter(e: &Env, meter_id: u64) -> MeterRecord {
        MeterRecord::of(&registry::record(e, meter_id), e.ledger().timestamp())
    }

    /// Who owns a meter.
    pub fn get_owner(e: &Env, meter_id: u64) -> Address {
        registry::owner(e, meter_id)
    }

    /// A page as it is stored; layouts in `page.rs` and `record.rs`.
    pub fn get_page(e: &Env, site: u32, page: u32) -> Bytes {
        storage::get(e, &Key::Page(site, page)).unwrap_or_else(|| refuse(e, Error::UnknownPage))
    }

    /// The last receipt of a site, if it has settled anything.
    pub fn get_receipt(e: &Env, site: u32) -> Option<Receipt> {
        storage::receipt(e, site)
    }

    /// A village: its operator, next slot and signers.
    pub fn get_site(e: &Env, site: u32) -> Site {
        storage::site(e, site)
    }

    /// A price version.
    pub fn get_price(e: &Env, version: u32) -> Price {
        storage::price(e, version)
    }

    /// The price version in force at `time` (unix s); 0 when there is none.
    pub fn price_version_at(e: &Env, time: u64) -> u32 {
        price::in_force(e, time).map_or(0, |price| price.version)
    }

    /// The token that households pay in.
    pub fn get_token(e: &Env) -> Address {
        storage::token(e)
    }

    /// A site's float and the receipt of its last credit.
    pub fn get_float(e: &Env, site: u32) -> Float {
        float::get(e, site)
    }

    /// What is written off a meter's arrears, in stroops.
    pub fn get_written_off(e: &Env, meter_id: u64) -> i64 {
        arrears::written_off(e, meter_id)
    }

    /// Names the contract on which energy is traded, or none. Only the admin may.
    pub fn set_market(e: &Env, market: Option<Address>) {
        enforce_admin(e);
        market::name(e, market.as_ref());
        events::MarketNamed { market }.publish(e);
    }

    /// The contract on which energy is traded, if there is one.
    pub fn get_market(e: &Env) -> Option<Address> {
        market::get(e)
    }

    /// Adds energy that was bought for a prepaid meter; returns its credit in Wh. Only the market may.
    #[when_not_paused]
    pub fn add_market_credit(e: &Env, meter_id: u64, wh: u32) -> u32 {
        market::enforce(e);
        market::change(e, meter_id, wh, u32::checked_add, Error::AmountTooLarge)
    }

    /// Takes energy back that wasn't drawn; returns what is left of the credit in Wh. Only the market may.
    #[when_not_paused]
    pub fn take_market_credit(e: &Env, meter_id: u64, wh: u32) -> u32 {
        market::enforce(e);
        market::change(
            e,
            meter_id,
            wh,
            u32::checked_sub,
            Error::MarketCreditTooSmall,
        )
    }
}

#[contractimpl(contracttrait)]
impl Administered for Meter {}
