//! The entry points: authorise, validate, call, announce. Whatever is decided is decided in the module of its noun.

use soroban_sdk::{contract, contractimpl, Address, BytesN, Env, String, Vec};
use stellar_macros::when_not_paused;
use upkeep::{life, Administered, Upgrade};

use crate::roles::{self, CERTIFIER, REPORTER};
use crate::storage::{self, Key};
use crate::types::{Application, AuditEntry, CapacityLimits, Certificate, Production, Source};
use crate::{application, audit, events, fees, lists, production, standing, terms};

#[contract]
pub struct Certification;

#[contractimpl]
impl Certification {
    /// Creates the provider's instance: no certifiers, no reporters, no fee.
    ///
    /// # Arguments
    /// * `token` - the SEP-41 token that fees are paid in.
    pub fn __constructor(e: &Env, admin: Address, token: Address) {
        e.storage().instance().set(&Key::Token, &token);
        upkeep::begin(e, &admin);
    }

    /// Lets `who` decide about producers; whoever may already goes on. At most 16. Only the admin may.
    pub fn add_certifier(e: &Env, who: Address) {
        upkeep::enforce_admin(e);
        roles::grant(e, CERTIFIER, who);
    }

    /// Takes `add_certifier` back; what `who` decided stays. Only the admin may.
    pub fn remove_certifier(e: &Env, who: Address) {
        upkeep::enforce_admin(e);
        roles::revoke(e, CERTIFIER, who);
    }

    /// Lets `who`, a gateway's key, report exported energy; whoever may already goes on. At most 16. Only the admin may.
    pub fn add_reporter(e: &Env, who: Address) {
        upkeep::enforce_admin(e);
        roles::grant(e, REPORTER, who);
    }

    /// Takes `add_reporter` back; what `who` reported stays. Only the admin may.
    pub fn remove_reporter(e: &Env, who: Address) {
        upkeep::enforce_admin(e);
        roles::revoke(e, REPORTER, who);
    }

    /// Sets what an application costs from now on, in token stroops; 0 makes it free. Only the admin may.
    pub fn set_fee(e: &Env, fee: i128) {
        upkeep::enforce_admin(e);
        life::keep_instance(e);
        fees::set(e, fee);
        events::FeeSet { amount: fee }.publish(e);
    }

    /// Sets the smallest and the greatest capacity (W) that can be applied for. Only the admin may.
    pub fn set_capacity_limits(e: &Env, min_w: u32, max_w: u32) {
        upkeep::enforce_admin(e);
        life::keep_instance(e);
        terms::set_capacity_limits(e, &CapacityLimits { max_w, min_w });
        events::CapacityLimitsSet { max_w, min_w }.publish(e);
    }

    /// Pays earned fees (token stroops) out, never those of open applications. Only the admin may, also while paused.
    pub fn withdraw(e: &Env, to: Address, amount: i128) {
        upkeep::enforce_admin(e);
        fees::withdraw(e, &to, amount);
        events::Withdrawn { to, amount }.publish(e);
    }

    /// Applies to be certified, or, for a certified producer, to have another plant certified in place of the old one.
    ///
    /// # Arguments
    /// * `producer` - must sign; pays the fee, which is returned unless the application is granted.
    /// * `capacity_w` - greatest power of the plant, W, within `get_capacity_limits`.
    /// * `fee` - what `get_fee` tells, token stroops.
    #[when_not_paused]
    pub fn apply_for_certification(
        e: &Env,
        producer: Address,
        capacity_w: u32,
        source: Source,
        fee: i128,
    ) {
        producer.require_auth();
        events::Applied {
            producer: producer.clone(),
            capacity_w,
            fee,
            source,
        }
        .publish(e);
        application::open(e, &producer, capacity_w, source, fee);
    }

    /// Takes an open application back; the fee is returned.
    #[when_not_paused]
    pub fn withdraw_application(e: &Env, producer: Address) {
        producer.require_auth();
        application::withdraw(e, &producer);
    }

    /// Grants an open application; its fee is earned. A certifier may, but not for themselves.
    #[when_not_paused]
    pub fn certify_producer(e: &Env, certifier: Address, producer: Address) {
        roles::enforce(e, CERTIFIER, &certifier);
        application::certify(e, &certifier, &producer);
    }

    /// Rejects an open application; its fee is returned, and an earlier certification stays. A certifier may.
    ///
    /// # Arguments
    /// * `reason` - 1 to 200 bytes, public for ever.
    #[when_not_paused]
    pub fn reject_application(e: &Env, certifier: Address, producer: Address, reason: String) {
        roles::enforce(e, CERTIFIER, &certifier);
        application::reject(e, &certifier, &producer, reason);
    }

    /// Stops a producer from selling at once. A certifier may, also while paused.
    ///
    /// # Arguments
    /// * `reason` - 1 to 200 bytes, public for ever.
    pub fn revoke_certification(e: &Env, certifier: Address, producer: Address, reason: String) {
        roles::enforce(e, CERTIFIER, &certifier);
        standing::revoke(e, &certifier, &producer, reason);
    }

    /// Takes a revocation back. A certifier may, but not for themselves.
    ///
    /// # Arguments
    /// * `reason` - 1 to 200 bytes, public for ever.
    #[when_not_paused]
    pub fn reinstate_certification(e: &Env, certifier: Address, producer: Address, reason: String) {
        roles::enforce(e, CERTIFIER, &certifier);
        standing::reinstate(e, &certifier, &producer, reason);
    }

    /// Reports a certified producer's export register; returns all Wh exported while certified. A reporter may.
    ///
    /// # Arguments
    /// * `total_wh` - cumulative Wh since the first certification; the same value again changes nothing. The first report
    ///   after a reinstatement only sets the register.
    #[when_not_paused]
    pub fn report_production(e: &Env, reporter: Address, producer: Address, total_wh: u64) -> u64 {
        roles::enforce(e, REPORTER, &reporter);
        life::keep_instance(e);
        production::report(e, &producer, total_wh)
    }

    /// Renews instance, code, roles, and `limit` (1 to 50) producers and places of the queue from `offset` on. Anyone may.
    pub fn extend(e: &Env, offset: u32, limit: u32) {
        life::keep_instance_and_code(e);
        roles::extend(e, CERTIFIER);
        roles::extend(e, REPORTER);
        lists::extend(e, offset, limit);
    }

    /// Renews `limit` (1 to 50) lines of a producer's audit trail from `offset` on. Anyone may.
    pub fn extend_audit(e: &Env, producer: Address, offset: u32, limit: u32) {
        audit::extend(e, &producer, offset, limit);
    }

    /// Where a producer stands and what was certified last; status `None` for somebody who never applied.
    pub fn get_certification(e: &Env, producer: Address) -> Certificate {
        storage::certificate(e, &producer)
    }

    /// Tells whether a producer may sell now.
    pub fn is_certified(e: &Env, producer: Address) -> bool {
        standing::is_certified(e, &producer)
    }

    /// All that a producer exported while certified, Wh.
    pub fn exported_wh(e: &Env, producer: Address) -> u64 {
        production::production(e, &producer).exported_wh
    }

    /// A producer's register, what counts of it, and when it last moved.
    pub fn get_production(e: &Env, producer: Address) -> Production {
        production::production(e, &producer)
    }

    /// Wh that were counted on each of `days` (1 to 64) UTC days from `from_day` (unix s / 86 400) on.
    pub fn get_production_history(
        e: &Env,
        producer: Address,
        from_day: u32,
        days: u32,
    ) -> Vec<u32> {
        production::history(e, &producer, from_day, days)
    }

    /// What was done about a producer, the oldest first: at most `limit` (1 to 50) acts from `offset` on.
    pub fn get_audit(e: &Env, producer: Address, offset: u32, limit: u32) -> Vec<AuditEntry> {
        audit::entries(e, &producer, offset, limit)
    }

    /// A producer's open application, if there is one.
    pub fn get_application(e: &Env, producer: Address) -> Option<Application> {
        storage::application(e, &producer)
    }

    /// The certifiers' queue, not in order of time: at most `limit` (1 to 50) open applications from `offset` on.
    pub fn get_applications(e: &Env, offset: u32, limit: u32) -> Vec<Application> {
        lists::applications(e, offset, limit)
    }

    /// Every producer who ever applied, the first first: at most `limit` (1 to 50) from `offset` on.
    pub fn get_producers(e: &Env, offset: u32, limit: u32) -> Vec<Certificate> {
        lists::producers(e, offset, limit)
    }

    /// Who may decide about producers.
    pub fn get_certifiers(e: &Env) -> Vec<Address> {
        roles::holders(e, &CERTIFIER)
    }

    /// Who may report exported energy.
    pub fn get_reporters(e: &Env) -> Vec<Address> {
        roles::holders(e, &REPORTER)
    }

    /// What an application costs, in token stroops.
    pub fn get_fee(e: &Env) -> i128 {
        fees::current(e)
    }

    /// Fees that the admin may withdraw, in token stroops.
    pub fn get_earned_fees(e: &Env) -> i128 {
        fees::earned(e)
    }

    /// The smallest and the greatest capacity that can be applied for.
    pub fn get_capacity_limits(e: &Env) -> CapacityLimits {
        terms::capacity_limits(e)
    }

    /// The token that fees are paid in.
    pub fn get_token(e: &Env) -> Address {
        fees::token_address(e)
    }
}

#[contractimpl(contracttrait)]
impl Administered for Certification {}
