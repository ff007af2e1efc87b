//! The entry points: authorise, validate, call, announce. Whatever is decided is decided in the module of its noun.

use soroban_sdk::{contract, contractimpl, panic_with_error, Address, Bytes, BytesN, Env, Vec};
use stellar_access::access_control;
use stellar_contract_utils::pausable::{self, Pausable};
use stellar_contract_utils::upgradeable::{self, Upgradeable};
use stellar_macros::{only_admin, when_not_paused};

use crate::batch::{self, Batch};
use crate::errors::Error;
use crate::events;
use crate::storage::{self, Key};
use crate::types::{MeterRecord, PageUsage, Plan, Price, Receipt, Site};
use crate::{payment, price, registry, site};

#[contract]
pub struct Meter;

#[contractimpl]
impl Meter {
    /// Creates the provider's instance; it has no sites and no price yet.
    ///
    /// # Arguments
    /// * `token` - the SEP-41 stablecoin that households pay in.
    pub fn __constructor(e: &Env, admin: Address, token: Address) {
        access_control::set_admin(e, &admin);
        e.storage().instance().set(&Key::Token, &token);
        // Whoever deploys pays the code's rent up to the longest life, not the first village that settles.
        storage::keep_instance_and_code(e);
    }

    /// Adds a village. Only the admin may.
    pub fn add_site(e: &Env, site: u32, operator: Address) {
        access_control::enforce_admin_auth(e);
        site::add(e, site, operator.clone());
        events::SiteAdded { site, operator }.publish(e);
    }

    /// Lets `signer` settle for a site. Only the admin may.
    pub fn allow(e: &Env, site: u32, signer: Address) {
        access_control::enforce_admin_auth(e);
        if site::allow(e, site, &signer) {
            events::Allowed { site, signer }.publish(e);
        }
    }

    /// Stops `signer` from settling for a site. Only the admin may.
    pub fn disallow(e: &Env, site: u32, signer: Address) {
        access_control::enforce_admin_auth(e);
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
        access_control::enforce_admin_auth(e);
        registry::register(e, meter_id, &owner, max_power_w, mode);
        events::MeterRegistered {
            meter_id,
            owner,
            mode,
            max_power_w,
        }
        .publish(e);
    }

    /// Switches a meter off, whatever it has paid. Only the admin may.
    pub fn deactivate_meter(e: &Env, meter_id: u64) {
        access_control::enforce_admin_auth(e);
        registry::set_deactivated(e, meter_id, true);
    }

    /// Takes `deactivate_meter` back. Only the admin may.
    pub fn activate_meter(e: &Env, meter_id: u64) {
        access_control::enforce_admin_auth(e);
        registry::set_deactivated(e, meter_id, false);
    }

    /// Sets the next price version and returns its number. Only the admin may.
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
        access_control::enforce_admin_auth(e);
        let price = price::add(e, effective_from, energy, daily, weekly);
        events::price(e, &price);
        price.version
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
    /// * `pages` - ascending; layout of the data in `usage.rs`.
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
        pages: Vec<PageUsage>,
        root: Option<BytesN<32>>,
    ) -> Receipt {
        signer.require_auth();
        site::check_signer(e, site, &signer);
        storage::keep_instance(e);
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
        signer.require_auth();
        site::check_signer(e, site, &signer);
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

    /// Pays collected money out. Only the admin may, also while paused.
    pub fn withdraw(e: &Env, to: Address, amount: i128) {
        access_control::enforce_admin_auth(e);
        payment::withdraw(e, &to, amount);
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
        storage::get(e, &Key::Page(site, page))
            .unwrap_or_else(|| panic_with_error!(e, Error::UnknownPage))
    }

    /// The last receipt of a site, if it has settled anything.
    pub fn get_receipt(e: &Env, site: u32) -> Option<Receipt> {
        storage::receipt(e, site)
    }

    /// A village: its operator, next slot and signers.
    pub fn get_site(e: &Env, site: u32) -> Site {
        storage::site(e, site)
    }

    /// The keys that may settle for a site.
    pub fn get_signers(e: &Env, site: u32) -> Vec<Address> {
        storage::site(e, site).signers
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

    /// The one who may administer the instance.
    pub fn get_admin(e: &Env) -> Option<Address> {
        access_control::get_admin(e)
    }

    /// Offers the administration to `new_admin`, open until ledger `live_until_ledger` (0 withdraws the offer).
    pub fn transfer_admin_role(e: &Env, new_admin: Address, live_until_ledger: u32) {
        access_control::transfer_admin_role(e, &new_admin, live_until_ledger);
    }

    /// Takes an offered administration; must be signed by the one it was offered to.
    pub fn accept_admin_transfer(e: &Env) {
        access_control::accept_admin_transfer(e);
    }
}

#[contractimpl(contracttrait)]
impl Pausable for Meter {
    #[only_admin]
    fn pause(e: &Env, _caller: Address) {
        pausable::pause(e);
    }

    #[only_admin]
    fn unpause(e: &Env, _caller: Address) {
        pausable::unpause(e);
    }
}

#[contractimpl]
impl Upgradeable for Meter {
    #[only_admin]
    fn upgrade(e: &Env, new_wasm_hash: BytesN<32>, _operator: Address) {
        upgradeable::upgrade(e, &new_wasm_hash);
    }
}
