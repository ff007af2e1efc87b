//! The entry points: authorise, validate, call, announce. Whatever is decided is decided in the module of its noun.

use soroban_sdk::{contract, contractimpl, panic_with_error, Address, BytesN, Env, Vec};
use stellar_macros::when_not_paused;
use upkeep::{life, Administered, Upgrade};

use crate::errors::Error;
use crate::events::{Allowed, Disallowed};
use crate::points::Points;
use crate::storage::{self, Key};
use crate::types::{Data, HourUsage};
use crate::usage::PAGE_SLOTS;
use crate::{history, recording, writers};

#[contract]
pub struct Oracle;

#[contractimpl]
impl Oracle {
    /// Creates the instance; nobody may write yet.
    ///
    /// # Arguments
    /// * `meter` - the contract that knows which meters stream.
    pub fn __constructor(e: &Env, admin: Address, meter: Address) {
        e.storage().instance().set(&Key::Meter, &meter);
        upkeep::begin(e, &admin);
    }

    /// Lets `writer` record hours of a site. Only the admin may.
    pub fn allow(e: &Env, site: u32, writer: Address) {
        upkeep::enforce_admin(e);
        if writers::allow(e, site, &writer) {
            Allowed { site, writer }.publish(e);
        }
    }

    /// Stops `writer` from recording hours of a site. Only the admin may.
    pub fn disallow(e: &Env, site: u32, writer: Address) {
        upkeep::enforce_admin(e);
        writers::disallow(e, site, &writer);
        Disallowed { site, writer }.publish(e);
    }

    /// Records closed hours of a site's streaming meters; the same hours again change nothing.
    ///
    /// # Arguments
    /// * `writer` - a key on the site's list.
    /// * `hours` - 1 to 24, ascending, with all pages of an hour before the next hour; layout of their data in `usage.rs`.
    #[when_not_paused]
    pub fn update_usage_and_price(e: &Env, writer: Address, site: u32, hours: Vec<HourUsage>) {
        writer.require_auth();
        let known = writers::allowed_site(e, site, &writer);
        life::keep_instance(e);
        recording::record(e, site, known, &hours);
    }

    /// Renews the instance, the code, a site and the week of one of its pages before they are archived. Anyone may.
    pub fn extend(e: &Env, site: u32, page: u32) {
        if storage::site(e, site).is_none() {
            panic_with_error!(e, Error::UnknownSite);
        }
        life::keep_instance_and_code(e);
        life::keep(e, &Key::Site(site));
        storage::keep_page(e, site, page);
    }

    /// The newest recorded hour of a meter.
    pub fn get_latest_data(e: &Env, meter_id: u64) -> Data {
        history::latest(e, meter_id)
    }

    /// What is recorded of a meter for the hour that `timestamp` (unix s) lies in.
    pub fn get_historical_data(e: &Env, meter_id: u64, timestamp: u64) -> Data {
        history::at(e, meter_id, timestamp)
    }

    /// The recorded ones of `hours` hours (1 to 24), beginning with the one that `from` (unix s) lies in.
    pub fn get_history(e: &Env, meter_id: u64, from: u64, hours: u32) -> Vec<Data> {
        history::range(e, meter_id, from, hours)
    }

    /// Start of a site's newest recorded hour, unix s; 0 when there is none.
    pub fn get_newest(e: &Env, site: u32) -> u64 {
        storage::site(e, site).map_or(0, |site| site.newest)
    }

    /// Tells whether the meter contract knows a meter as streaming.
    pub fn is_streaming(e: &Env, meter_id: u64) -> bool {
        let (site, slot) = ((meter_id >> 32) as u32, meter_id as u32);
        let page = Points::of(e, site).page(slot / PAGE_SLOTS as u32);
        let limit_wh = page.hourly_limit_wh(slot as usize % PAGE_SLOTS);
        limit_wh.is_some()
    }

    /// The keys that may write for a site; none for a site that nobody was allowed at.
    pub fn get_writers(e: &Env, site: u32) -> Vec<Address> {
        writers::list(e, site)
    }

    /// The contract that knows which meters stream.
    pub fn get_meter(e: &Env) -> Address {
        storage::meter(e)
    }
}

#[contractimpl(contracttrait)]
impl Administered for Oracle {}
