//! Who may do what, and what the admin sets: nothing is sold before limits are set and a site is open.

use market::errors::Error;
use market::types::{Reserve, Terms};
use market::{Market, MarketClient};
use soroban_sdk::testutils::Address as _;
use soroban_sdk::xdr::ScVal;
use soroban_sdk::{Address, BytesN, IntoVal, Symbol, Val, Vec};
use stellar_contract_utils::pausable::PausableError;

use crate::bazaar::{
    assert_refused, verdict, Bazaar, COMMISSION, GLOBAL_LIMIT, PRICE, REFUND, USER_LIMIT,
};
use crate::metering::SITE;
use crate::wire::{event, events};

crate::laws!(
    every_call_needs_the_one_signature_that_it_is_about,
    nobody_but_the_admin_administers,
    the_markets_own_listing_is_the_admins,
    reading_and_renewing_need_no_signature,
    an_instance_can_not_be_initialised_again,
    a_fresh_market_sells_nothing,
    terms_are_announced_whole,
    a_rate_is_at_most_the_whole,
    a_price_is_above_zero,
    a_site_opens_and_closes,
    a_paused_market_moves_neither_energy_nor_money,
    a_list_is_read_in_pages_of_one_to_fifty,
);

/// Calls a function and tells whether it was let through.
fn call(bazaar: &Bazaar, function: &str, arguments: &Vec<Val>) -> bool {
    let name = Symbol::new(&bazaar.env, function);
    let answer = bazaar.env.try_invoke_contract::<Val, soroban_sdk::Error>(
        &bazaar.contract.address,
        &name,
        arguments.clone(),
    );
    answer.is_ok()
}

fn check_signer(bazaar: &Bazaar, function: &str, signer: &Address, arguments: &Vec<Val>) {
    let env = &bazaar.env;
    env.set_auths(&[]);
    assert!(!call(bazaar, function, arguments), "{function} unsigned");
    env.mock_all_auths();
    assert!(call(bazaar, function, arguments), "{function} signed");
    let signed: std::vec::Vec<_> = env.auths().into_iter().map(|(who, _)| who).collect();
    assert_eq!(signed, std::slice::from_ref(signer), "{function}");
}

fn nobody_but_the_admin_administers(bazaar: Bazaar) {
    let env = &bazaar.env;
    let heir = Address::generate(env);
    let hash = BytesN::from_array(env, &[1; 32]);
    let until = env.ledger().sequence() + 100;
    let calls: [(&str, Vec<Val>); 5] = [
        ("pause", Vec::new(env)),
        ("unpause", Vec::new(env)),
        ("announce_upgrade", (&hash,).into_val(env)),
        ("withdraw_upgrade", Vec::new(env)),
        ("transfer_admin_role", (&heir, until).into_val(env)),
    ];
    for (function, arguments) in calls {
        check_signer(&bazaar, function, &bazaar.admin, &arguments);
    }
    env.set_auths(&[]);
    assert!(!call(&bazaar, "accept_admin_transfer", &Vec::new(env)));
    assert!(!call(&bazaar, "upgrade", &(&hash,).into_val(env)));
}

/// In an order in which each can succeed.
fn every_call_needs_the_one_signature_that_it_is_about(bazaar: Bazaar) {
    bazaar.export(&bazaar.producer, 10_000);
    let env = &bazaar.env;
    let (admin, producer, buyer) = (&bazaar.admin, &bazaar.producer, &bazaar.buyer);
    let meter_id = bazaar.meter_id;
    let buy = (buyer, producer, meter_id, 5_000_u32, i64::MAX).into_val(env);
    let calls: [(&str, &Address, Vec<Val>); 15] = [
        ("set_price", admin, (PRICE,).into_val(env)),
        ("set_commission_rate", admin, (COMMISSION,).into_val(env)),
        ("set_refund_rate", admin, (REFUND,).into_val(env)),
        (
            "set_global_reserve_limit",
            admin,
            (GLOBAL_LIMIT,).into_val(env),
        ),
        ("set_user_reserve_limit", admin, (USER_LIMIT,).into_val(env)),
        ("set_site_open", admin, (SITE, true).into_val(env)),
        (
            "add_energy_for_sale",
            producer,
            (producer, 9_000_u64, PRICE).into_val(env),
        ),
        (
            "set_listing_price",
            producer,
            (producer, PRICE + 1).into_val(env),
        ),
        (
            "remove_energy_from_sale",
            producer,
            (producer, 1_u64).into_val(env),
        ),
        ("buy_energy_from_user", buyer, buy),
        (
            "fund_reserve",
            buyer,
            (buyer, 10_000_000_i128).into_val(env),
        ),
        (
            "refund_energy",
            buyer,
            (buyer, meter_id, 1_000_u32).into_val(env),
        ),
        ("sell_reserve", admin, (500_u64, PRICE).into_val(env)),
        (
            "withdraw_balance",
            producer,
            (producer, 1_i128).into_val(env),
        ),
        ("withdraw_funds", admin, (buyer, 1_i128).into_val(env)),
    ];
    for (function, signer, arguments) in calls {
        check_signer(&bazaar, function, signer, &arguments);
    }
}

fn the_markets_own_listing_is_the_admins(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.contract.fund_reserve(&bazaar.buyer, &10_000_000);
    bazaar.buy(1_000);
    bazaar.refund(1_000);
    bazaar.contract.sell_reserve(&600, &PRICE);
    let (env, own) = (&bazaar.env, &bazaar.contract.address);
    let reprice = (own, PRICE + 1).into_val(env);
    check_signer(&bazaar, "set_listing_price", &bazaar.admin, &reprice);
    let remove = (own, 200_u64).into_val(env);
    check_signer(&bazaar, "remove_energy_from_sale", &bazaar.admin, &remove);
    assert_eq!(bazaar.contract.get_listing(own).wh, 400);
    assert_eq!(
        bazaar.contract.get_reserve().wh,
        600,
        "what isn't offered is in reserve"
    );
}

fn reading_and_renewing_need_no_signature(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.env.set_auths(&[]);
    let contract = &bazaar.contract;
    contract.extend(&0, &50);
    contract.extend_site(&SITE, &0, &50);
    contract.quote(&bazaar.producer, &10);
    assert_eq!(contract.get_listings(&0, &50).len(), 1);
    assert_eq!(contract.get_token(), bazaar.token.address);
    assert_eq!(contract.get_meter(), bazaar.metering.contract.address);
    assert_eq!(contract.get_certification(), bazaar.certification.address);
}

fn an_instance_can_not_be_initialised_again(bazaar: Bazaar) {
    let thief = Address::generate(&bazaar.env);
    let arguments = (&thief, &thief, &thief, &thief).into_val(&bazaar.env);
    assert!(!call(&bazaar, "__constructor", &arguments));
    assert_eq!(bazaar.contract.get_admin(), Some(bazaar.admin.clone()));
}

fn a_fresh_market_sells_nothing(bazaar: Bazaar) {
    bazaar.export(&bazaar.producer, 1_000);
    let who = (
        &bazaar.admin,
        &bazaar.token.address,
        &bazaar.certification.address,
        &bazaar.metering.contract.address,
    );
    let fresh = MarketClient::new(&bazaar.env, &bazaar.env.register(Market, who));
    assert_eq!(fresh.get_terms(), Terms::default());
    assert_eq!(fresh.get_reserve(), Reserve::default());
    assert!(!fresh.site_open(&SITE));
    let listed = fresh.try_add_energy_for_sale(&bazaar.producer, &1, &PRICE);
    assert_refused(verdict(listed), Error::UserLimitReached);
    fresh.set_user_reserve_limit(&1);
    let listed = fresh.try_add_energy_for_sale(&bazaar.producer, &1, &PRICE);
    assert_refused(verdict(listed), Error::GlobalLimitReached);
    fresh.set_global_reserve_limit(&1);
    fresh.add_energy_for_sale(&bazaar.producer, &1, &PRICE);
    let bought = fresh.try_buy_energy_from_user(
        &bazaar.buyer,
        &bazaar.producer,
        &bazaar.meter_id,
        &1,
        &1_000,
    );
    assert_refused(verdict(bought), Error::SiteClosed);
}

fn terms_are_announced_whole(bazaar: Bazaar) {
    let contract = &bazaar.contract;
    let said = |price: i64, commission: u32, refund: u32, global: u64, user: u64| {
        event(
            "terms",
            &[],
            &[
                ("commission_rate", ScVal::U32(commission)),
                ("global_reserve_limit", ScVal::U64(global)),
                ("price", ScVal::I64(price)),
                ("refund_rate", ScVal::U32(refund)),
                ("user_reserve_limit", ScVal::U64(user)),
            ],
        )
    };
    contract.set_price(&5);
    assert_eq!(
        events(&bazaar),
        [said(5, COMMISSION, REFUND, GLOBAL_LIMIT, USER_LIMIT)]
    );
    contract.set_commission_rate(&1);
    assert_eq!(
        events(&bazaar),
        [said(5, 1, REFUND, GLOBAL_LIMIT, USER_LIMIT)]
    );
    contract.set_refund_rate(&2);
    assert_eq!(events(&bazaar), [said(5, 1, 2, GLOBAL_LIMIT, USER_LIMIT)]);
    contract.set_global_reserve_limit(&3);
    assert_eq!(events(&bazaar), [said(5, 1, 2, 3, USER_LIMIT)]);
    contract.set_user_reserve_limit(&4);
    assert_eq!(events(&bazaar), [said(5, 1, 2, 3, 4)]);
    assert_eq!(
        (
            contract.price(),
            contract.commission_rate(),
            contract.refund_rate()
        ),
        (5, 1, 2)
    );
    assert_eq!(
        (
            contract.global_reserve_limit(),
            contract.user_reserve_limit()
        ),
        (3, 4)
    );
}

fn a_rate_is_at_most_the_whole(bazaar: Bazaar) {
    let contract = &bazaar.contract;
    for rate in [10_001, u32::MAX] {
        assert_refused(
            verdict(contract.try_set_commission_rate(&rate)),
            Error::RateTooHigh,
        );
        assert_refused(
            verdict(contract.try_set_refund_rate(&rate)),
            Error::RateTooHigh,
        );
    }
    contract.set_commission_rate(&10_000);
    contract.set_refund_rate(&10_000);
    contract.set_commission_rate(&0);
    assert_eq!(
        (contract.commission_rate(), contract.refund_rate()),
        (0, 10_000)
    );
}

fn a_price_is_above_zero(bazaar: Bazaar) {
    let bazaar = bazaar.offering(10);
    let contract = &bazaar.contract;
    for price in [0, -1, i64::MIN] {
        assert_refused(
            verdict(contract.try_set_price(&price)),
            Error::PriceNotPositive,
        );
        let listed = contract.try_add_energy_for_sale(&bazaar.producer, &1, &price);
        assert!(listed.is_err());
        let repriced = contract.try_set_listing_price(&bazaar.producer, &price);
        assert_refused(verdict(repriced), Error::PriceNotPositive);
    }
}

fn a_site_opens_and_closes(bazaar: Bazaar) {
    let contract = &bazaar.contract;
    let said = |open| event("site", &[ScVal::U32(9)], &[("open", ScVal::Bool(open))]);
    for open in [true, true, false, false] {
        contract.set_site_open(&9, &open);
        assert_eq!(events(&bazaar), [said(open)]);
        assert_eq!(contract.site_open(&9), open);
    }
    assert!(contract.site_open(&SITE), "each for itself");
}

fn a_paused_market_moves_neither_energy_nor_money(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.buy(500);
    let (contract, producer, buyer) = (&bazaar.contract, &bazaar.producer, &bazaar.buyer);
    contract.pause();
    let paused = soroban_sdk::Error::from_contract_error(PausableError::EnforcedPause as u32);
    let refusals = [
        verdict(contract.try_add_energy_for_sale(producer, &1, &PRICE)).err(),
        verdict(contract.try_set_listing_price(producer, &1)).err(),
        verdict(contract.try_remove_energy_from_sale(producer, &1)).err(),
        bazaar.try_buy(1).err(),
        verdict(contract.try_refund_energy(buyer, &bazaar.meter_id, &1)).err(),
        verdict(contract.try_sell_reserve(&1, &PRICE)).err(),
        verdict(contract.try_fund_reserve(buyer, &1)).err(),
        verdict(contract.try_withdraw_balance(producer, &1)).err(),
    ];
    assert_eq!(refusals, [Some(paused); 8]);
    contract.set_site_open(&SITE, &false);
    contract.unpause();
    bazaar.refund(1);
}

fn a_list_is_read_in_pages_of_one_to_fifty(bazaar: Bazaar) {
    let people: std::vec::Vec<_> = (0..3).map(|_| bazaar.another_producer()).collect();
    for who in &people {
        bazaar.export(who, 10);
        bazaar.contract.add_energy_for_sale(who, &10, &PRICE);
    }
    bazaar.contract.remove_energy_from_sale(&people[0], &10);
    bazaar.contract.add_energy_for_sale(&people[0], &1, &PRICE);
    for (offset, limit, expected) in [
        (0, 2, &people[..2]),
        (2, 2, &people[2..]),
        (3, 50, &[]),
        (u32::MAX, 1, &[]),
    ] {
        let page = bazaar.contract.get_listings(&offset, &limit);
        let sellers: std::vec::Vec<_> = page.iter().map(|listing| listing.seller).collect();
        assert_eq!(sellers, expected, "from {offset}");
    }
    for limit in [0, 51, u32::MAX] {
        let contract = &bazaar.contract;
        assert_refused(
            verdict(contract.try_get_listings(&0, &limit)),
            Error::InvalidLimit,
        );
        assert_refused(
            verdict(contract.try_extend(&0, &limit)),
            Error::InvalidLimit,
        );
        assert_refused(
            verdict(contract.try_extend_site(&SITE, &0, &limit)),
            Error::InvalidLimit,
        );
    }
}
