//! The entry points: authorise, validate, call, announce. Whatever is decided is decided in the module of its noun.

use soroban_sdk::{contract, contractimpl, panic_with_error, Address, BytesN, Env, Vec};
use stellar_macros::when_not_paused;
use upkeep::{life, Administered, Upgrade};

use crate::errors::Error;
use crate::storage::{self, Key};
use crate::types::{Holding, Listing, Quote, Reserve, Terms};
use crate::{events, holding, listing, purchase, reserve, terms};

#[contract]
pub struct Market;

#[contractimpl]
impl Market {
    /// Creates the provider's instance. Nothing can be sold until the admin sets the limits and opens a site.
    ///
    /// # Arguments
    /// * `token` - the SEP-41 token that energy is paid in.
    /// * `certification` - the contract that knows who may sell, and how much.
    /// * `meter` - the contract that knows the meters; its admin names this instance with `set_market`.
    pub fn __constructor(
        e: &Env,
        admin: Address,
        token: Address,
        certification: Address,
        meter: Address,
    ) {
        storage::set_of_instance(e, &Key::Token, &token);
        storage::set_of_instance(e, &Key::Certification, &certification);
        storage::set_of_instance(e, &Key::Meter, &meter);
        upkeep::begin(e, &admin);
    }

    /// Sets the platform's price, stroops per kWh, which is shown beside the producers' own. Only the admin may.
    pub fn set_price(e: &Env, price: i64) {
        upkeep::enforce_admin(e);
        if price <= 0 {
            panic_with_error!(e, Error::PriceNotPositive);
        }
        terms::change(e, |terms| terms.price = price);
    }

    /// Sets what the platform takes on top of the energy's cost, in hundredths of a percent (0 to 10 000). Only the admin may.
    pub fn set_commission_rate(e: &Env, rate: u32) {
        upkeep::enforce_admin(e);
        terms::check_rate(e, rate);
        terms::change(e, |terms| terms.commission_rate = rate);
    }

    /// Sets what a buyer gets back of the cost of unused energy, in hundredths of a percent (0 to 10 000). Only the admin may.
    pub fn set_refund_rate(e: &Env, rate: u32) {
        upkeep::enforce_admin(e);
        terms::check_rate(e, rate);
        terms::change(e, |terms| terms.refund_rate = rate);
    }

    /// Sets how many Wh all listings and the reserve may hold; what is above already stays. Only the admin may.
    pub fn set_global_reserve_limit(e: &Env, wh: u64) {
        upkeep::enforce_admin(e);
        terms::change(e, |terms| terms.global_reserve_limit = wh);
    }

    /// Sets how many Wh one producer may have listed; what is above already stays. Only the admin may.
    pub fn set_user_reserve_limit(e: &Env, wh: u64) {
        upkeep::enforce_admin(e);
        terms::change(e, |terms| terms.user_reserve_limit = wh);
    }

    /// Opens or closes a site for purchases; what was bought stays, and can be refunded. Only the admin may.
    pub fn set_site_open(e: &Env, site: u32, open: bool) {
        upkeep::enforce_admin(e);
        terms::set_open(e, site, open);
    }

    /// Offers energy that a certified producer has exported and neither sold nor listed yet; the producer must sign.
    ///
    /// # Arguments
    /// * `wh` - Wh to add to the listing, above zero.
    /// * `price` - stroops per kWh, above zero; that of the whole listing from now on.
    #[when_not_paused]
    pub fn add_energy_for_sale(e: &Env, producer: Address, wh: u64, price: i64) {
        producer.require_auth();
        listing::add(e, &producer, wh, price);
    }

    /// Changes the price (stroops per kWh) of what is offered. The seller must sign; for the market's own listing, the admin.
    #[when_not_paused]
    pub fn set_listing_price(e: &Env, producer: Address, price: i64) {
        enforce_seller(e, &producer);
        listing::set_price(e, &producer, price);
    }

    /// Takes energy (Wh) off a listing; it may be listed again. The seller must sign; for the market's own listing, the admin.
    #[when_not_paused]
    pub fn remove_energy_from_sale(e: &Env, producer: Address, wh: u64) {
        enforce_seller(e, &producer);
        listing::remove(e, &producer, wh);
    }

    /// Buys energy for a meter: anyone may, for any prepaid meter, which uses it before money. Returns what it cost.
    ///
    /// # Arguments
    /// * `buyer` - must sign; pays, and may have refunded what isn't used.
    /// * `producer` - the seller: somebody else who is certified now, or the market itself.
    /// * `wh` - Wh, above zero.
    /// * `max_total` - the most that the buyer will pay, token stroops.
    #[when_not_paused]
    pub fn buy_energy_from_user(
        e: &Env,
        buyer: Address,
        producer: Address,
        meter_id: u64,
        wh: u32,
        max_total: i64,
    ) -> Quote {
        buyer.require_auth();
        let quote = purchase::buy(e, &buyer, &producer, meter_id, wh, max_total);
        events::Bought {
            seller: producer,
            meter_id,
            buyer,
            commission: quote.commission,
            energy: quote.energy,
            wh,
        }
        .publish(e);
        quote
    }

    /// Gives energy back that the meter hasn't used, also where the site is closed by now. Returns the refund, token stroops.
    ///
    /// # Arguments
    /// * `buyer` - who bought it; must sign.
    /// * `wh` - Wh, above zero.
    #[when_not_paused]
    pub fn refund_energy(e: &Env, buyer: Address, meter_id: u64, wh: u32) -> i64 {
        buyer.require_auth();
        let amount = purchase::refund(e, &buyer, meter_id, wh);
        events::Refunded {
            meter_id,
            amount,
            buyer,
            wh,
        }
        .publish(e);
        amount
    }

    /// Offers refunded energy (Wh) again, as the market's own listing at `price` (stroops per kWh). Only the admin may.
    #[when_not_paused]
    pub fn sell_reserve(e: &Env, wh: u64, price: i64) {
        upkeep::enforce_admin(e);
        reserve::sell(e, wh, price);
    }

    /// Pays money (token stroops) into the platform's funds. Anyone may; the payer must sign.
    #[when_not_paused]
    pub fn fund_reserve(e: &Env, payer: Address, amount: i128) {
        payer.require_auth();
        check_amount(e, amount);
        storage::token(e).transfer(&payer, e.current_contract_address(), &amount);
        reserve::change(e, |reserve| reserve.funds += amount);
        events::Funded { amount, payer }.publish(e);
    }

    /// Pays a seller's earned money (token stroops) out; the seller must sign.
    #[when_not_paused]
    pub fn withdraw_balance(e: &Env, user: Address, amount: i128) {
        user.require_auth();
        check_amount(e, amount);
        listing::debit(e, &user, amount);
        storage::token(e).transfer(&e.current_contract_address(), &user, &amount);
        events::BalanceWithdrawn { user, amount }.publish(e);
    }

    /// Pays the platform's funds (token stroops) out, never a seller's money. Only the admin may, also while paused.
    pub fn withdraw_funds(e: &Env, to: Address, amount: i128) {
        upkeep::enforce_admin(e);
        check_amount(e, amount);
        reserve::spend(e, amount);
        storage::token(e).transfer(&e.current_contract_address(), &to, &amount);
        events::FundsWithdrawn { amount, to }.publish(e);
    }

    /// Renews instance, code, and `limit` (1 to 50) listings from `offset` on. Anyone may.
    pub fn extend(e: &Env, offset: u32, limit: u32) {
        life::keep_instance_and_code(e);
        listing::extend(e, offset, limit);
    }

    /// Renews a site's switch and what `limit` (1 to 50) of its meters hold, from slot `first_slot` on. Anyone may.
    pub fn extend_site(e: &Env, site: u32, first_slot: u32, limit: u32) {
        terms::extend(e, site);
        let slots = listing::rows(e, first_slot, limit, u32::MAX);
        holding::extend(e, site, slots);
    }

    /// What `wh` of a seller's energy cost now; refused where buying would be refused.
    pub fn quote(e: &Env, producer: Address, wh: u32) -> Quote {
        purchase::quote(e, &producer, wh)
    }

    /// What a seller offers and has earned; zeros for somebody who never listed.
    pub fn get_listing(e: &Env, producer: Address) -> Listing {
        listing::of(e, &producer)
    }

    /// Listings in the order of their sellers' first: at most `limit` (1 to 50) from `offset` on, also empty ones.
    pub fn get_listings(e: &Env, offset: u32, limit: u32) -> Vec<Listing> {
        listing::page(e, offset, limit)
    }

    /// What a user offers now, Wh; what waits at a meter is told by `get_holding`.
    pub fn get_energy_balance(e: &Env, user: Address) -> u64 {
        listing::of(e, &user).wh
    }

    /// What a user has earned and not withdrawn, token stroops.
    pub fn get_token_balance(e: &Env, user: Address) -> i128 {
        listing::of(e, &user).balance
    }

    /// Bought energy that waits at a meter now, and what was paid for it.
    pub fn get_holding(e: &Env, meter_id: u64) -> Option<Holding> {
        holding::current(e, meter_id)
    }

    /// The platform's money and energy.
    pub fn get_reserve(e: &Env) -> Reserve {
        reserve::current(e)
    }

    /// All that the admin has set, but the sites.
    pub fn get_terms(e: &Env) -> Terms {
        terms::current(e)
    }

    /// The platform's price, stroops per kWh; 0 when none is set.
    pub fn price(e: &Env) -> i64 {
        terms::current(e).price
    }

    /// What the platform takes on top of the energy's cost, hundredths of a percent.
    pub fn commission_rate(e: &Env) -> u32 {
        terms::current(e).commission_rate
    }

    /// What a buyer gets back of the cost of unused energy, hundredths of a percent.
    pub fn refund_rate(e: &Env) -> u32 {
        terms::current(e).refund_rate
    }

    /// Most Wh that all listings and the reserve may hold together.
    pub fn global_reserve_limit(e: &Env) -> u64 {
        terms::current(e).global_reserve_limit
    }

    /// Most Wh that one producer may have listed.
    pub fn user_reserve_limit(e: &Env) -> u64 {
        terms::current(e).user_reserve_limit
    }

    /// Tells whether energy may be bought for a site's meters.
    pub fn site_open(e: &Env, site: u32) -> bool {
        terms::is_open(e, site)
    }

    /// The token that energy is paid in.
    pub fn get_token(e: &Env) -> Address {
        storage::contract(e, &Key::Token)
    }

    /// The contract that knows who may sell.
    pub fn get_certification(e: &Env) -> Address {
        storage::contract(e, &Key::Certification)
    }

    /// The contract that knows the meters.
    pub fn get_meter(e: &Env) -> Address {
        storage::contract(e, &Key::Meter)
    }
}

#[contractimpl(contracttrait)]
impl Administered for Market {}

/// Goes on only with the seller's signature; the market's own listing is the admin's.
fn enforce_seller(e: &Env, seller: &Address) {
    if listing::is_own(e, seller) {
        upkeep::enforce_admin(e);
    } else {
        seller.require_auth();
    }
}

fn check_amount(e: &Env, amount: i128) {
    if amount <= 0 {
        panic_with_error!(e, Error::AmountNotPositive);
    }
}
