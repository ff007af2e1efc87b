//! The entry points: authorise, validate, call, announce. Whatever is decided is decided in the module of its noun.

use soroban_sdk::{contract, contractimpl, panic_with_error, Address, BytesN, Env, Vec};
use stellar_macros::when_not_paused;
use upkeep::{life, Administered, Upgrade};

use crate::errors::Error;
use crate::events::ProviderSet;
use crate::settling::{self, Claim};
use crate::storage::{self, Key};
use crate::types::{Account, ScheduleStatus, Status, Subscription};
use crate::{charging, subscription};

/// Most meters or schedules of one call: what they write and say stays inside the network's limits.
pub const MAX_PER_CALL: u32 = 25;

#[contract]
pub struct Scheduler;

#[contractimpl]
impl Scheduler {
    /// Creates the instance; nobody is subscribed yet.
    ///
    /// # Arguments
    /// * `token` - the SEP-41 token that is paid in, drawn by the users' allowances to this contract.
    /// * `oracle` - tells usage, price, and which meters stream.
    /// * `provider` - who receives the money.
    pub fn __constructor(
        e: &Env,
        admin: Address,
        token: Address,
        oracle: Address,
        provider: Address,
    ) {
        let addresses = [
            (Key::Token, token),
            (Key::Oracle, oracle),
            (Key::Provider, provider),
        ];
        for (key, address) in addresses {
            e.storage().instance().set(&key, &address);
        }
        upkeep::begin(e, &admin);
    }

    /// Lets another address receive the money from the next payment on. Only the admin may.
    pub fn set_provider(e: &Env, provider: Address) {
        upkeep::enforce_admin(e);
        e.storage().instance().set(&Key::Provider, &provider);
        ProviderSet { provider }.publish(e);
    }

    /// Lets `user`, who signs, pay for a streaming meter from the next hour mark on.
    #[when_not_paused]
    pub fn subscribe(e: &Env, user: Address, meter_id: u64) {
        user.require_auth();
        subscription::begin(e, user, meter_id);
    }

    /// Ends a subscription for its user, who signs; what is open is left to the invoice. Also while paused.
    pub fn cancel_subscription(e: &Env, user: Address, meter_id: u64) {
        user.require_auth();
        subscription::cancel(e, &user, meter_id);
    }

    /// Ends a meter's subscription, like `cancel_subscription`: a household has moved out. Only the admin may.
    pub fn end_subscription(e: &Env, meter_id: u64) {
        upkeep::enforce_admin(e);
        subscription::remove(e, meter_id);
    }

    /// Fixes what a meter's hour costs and returns the schedule's id. Anyone may; the same hour again changes nothing.
    ///
    /// # Arguments
    /// * `hour` - start of an hour that the oracle knows, unix s.
    #[when_not_paused]
    pub fn schedule_payment(e: &Env, meter_id: u64, hour: u64) -> u64 {
        life::keep_instance(e);
        ok(e, charging::schedule(e, meter_id, hour))
    }

    /// Does what `schedule_payment` does for up to 25 meters; one that can't be scheduled has no id and stops no other.
    #[when_not_paused]
    pub fn schedule_payments(e: &Env, meter_ids: Vec<u64>, hour: u64) -> Vec<Option<u64>> {
        check_count(e, &meter_ids);
        life::keep_instance(e);
        let mut ids = Vec::new(e);
        for meter_id in meter_ids {
            ids.push_back(charging::schedule(e, meter_id, hour).ok());
        }
        ids
    }

    /// Pays a schedule that is due, or lets it fail, and returns its status. Anyone may; one that has ended stays so.
    #[when_not_paused]
    pub fn execute(e: &Env, id: u64) -> Status {
        ok(e, settling::attempt(e, id, Claim::Any))
    }

    /// Does what `execute` does for up to 25 schedules; one that can't be executed now has no status and stops no other.
    #[when_not_paused]
    pub fn execute_all(e: &Env, ids: Vec<u64>) -> Vec<Option<Status>> {
        check_count(e, &ids);
        let mut statuses = Vec::new(e);
        for id in ids {
            statuses.push_back(settling::attempt(e, id, Claim::Any).ok());
        }
        statuses
    }

    /// Does what `execute` does, only if the user's balance or allowance is too small. Anyone may.
    #[when_not_paused]
    pub fn handle_insufficient_funds(e: &Env, id: u64) -> Status {
        ok(e, settling::attempt(e, id, Claim::Shortage))
    }

    /// Does what `execute` does, only if the token refuses though the money is there. Anyone may.
    #[when_not_paused]
    pub fn handle_schedule_failure(e: &Env, id: u64) -> Status {
        ok(e, settling::attempt(e, id, Claim::Refusal))
    }

    /// Moves a schedule that nobody executed for 24 hours to the next hour mark, which is returned. Anyone may.
    pub fn reschedule_expired(e: &Env, id: u64) -> u64 {
        ok(e, settling::reschedule(e, id))
    }

    /// Cancels one open schedule for the meter's user, who signs; the invoice charges it. Also while paused.
    pub fn cancel_schedule(e: &Env, user: Address, id: u64) {
        user.require_auth();
        ok(e, settling::cancel(e, &user, id));
    }

    /// Renews the instance, the code and a meter's book before they are archived. Anyone may.
    pub fn extend(e: &Env, meter_id: u64) {
        let Some(line) = storage::line(e, meter_id) else {
            panic_with_error!(e, Error::UnknownMeter);
        };
        life::keep_instance_and_code(e);
        life::keep(e, &Key::Book(meter_id));
        life::keep(e, &Key::Meter(line.book.number));
    }

    /// A schedule as it stands now.
    pub fn get_schedule_status(e: &Env, id: u64) -> ScheduleStatus {
        let (line, schedule) = ok(e, settling::find(e, id));
        settling::show(e, &line, &schedule)
    }

    /// A meter's schedules that haven't ended, in the order they were created.
    pub fn get_open(e: &Env, meter_id: u64) -> Vec<ScheduleStatus> {
        let mut list = Vec::new(e);
        if let Some(line) = storage::line(e, meter_id) {
            let open = line
                .book
                .schedules()
                .iter()
                .filter(|known| !known.is_final());
            open.for_each(|schedule| list.push_back(settling::show(e, &line, schedule)));
        }
        list
    }

    /// Where a meter's money is; all zero for a meter that is unknown here.
    pub fn get_account(e: &Env, meter_id: u64) -> Account {
        storage::line(e, meter_id).map_or_else(Account::default, |line| line.book.account())
    }

    /// All that was ever left to a meter's invoices, in stroops: a bill charges what was added since the last one.
    pub fn get_uncollected(e: &Env, meter_id: u64) -> i64 {
        storage::line(e, meter_id).map_or(0, |line| line.book.uncollected)
    }

    /// Who pays for a meter, if anybody does.
    pub fn get_subscription(e: &Env, meter_id: u64) -> Option<Subscription> {
        subscription::of(e, meter_id)
    }

    /// The token that is paid in.
    pub fn get_token(e: &Env) -> Address {
        storage::address(e, &Key::Token)
    }

    /// The contract that tells usage, price, and which meters stream.
    pub fn get_oracle(e: &Env) -> Address {
        storage::address(e, &Key::Oracle)
    }

    /// Who receives the money.
    pub fn get_provider(e: &Env) -> Address {
        storage::address(e, &Key::Provider)
    }
}

/// Ends the call with an error, if there is one.
fn ok<T>(e: &Env, outcome: Result<T, Error>) -> T {
    outcome.unwrap_or_else(|error| panic_with_error!(e, error))
}

fn check_count(e: &Env, list: &Vec<u64>) {
    if list.is_empty() || list.len() > MAX_PER_CALL {
        panic_with_error!(e, Error::InvalidCount);
    }
}

#[contractimpl(contracttrait)]
impl Administered for Scheduler {}
