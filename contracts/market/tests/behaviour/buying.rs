//! Buying: a quote is what it costs, everybody gets what is theirs, and the meter gets the energy.

use market::errors::Error;
use market::types::{Holding, Quote};
use soroban_sdk::xdr::ScVal;

use crate::bazaar::{assert_refused, verdict, Bazaar, COMMISSION, PRICE, SAVINGS};
use crate::metering::SITE;
use crate::wire::{address, event, events};

crate::laws!(
    a_purchase_moves_energy_and_money_at_once,
    a_purchase_is_announced,
    a_quote_is_what_buying_costs,
    a_quote_changes_nothing,
    a_quote_is_refused_where_buying_is,
    a_buyer_pays_no_more_than_allowed,
    a_few_wh_may_cost_nothing_but_are_not_forgotten,
    revocation_stops_selling_at_once,
    a_closed_site_buys_nothing,
    a_producer_does_not_buy_their_own_energy,
    more_than_is_offered_can_not_be_bought,
    energy_can_be_bought_for_somebody_elses_meter,
    one_buyers_energy_at_a_time_waits_at_a_meter,
    bought_energy_is_drawn_before_money,
    only_known_prepaid_meters_take_energy,
    who_can_not_pay_gets_nothing,
    an_absurd_price_is_refused,
    a_market_that_the_meter_does_not_know_sells_nothing,
);

/// Numbers of the contract `meter`.
const UNKNOWN_METER: u32 = 3;
const METER_NOT_PREPAID: u32 = 72;

fn a_purchase_moves_energy_and_money_at_once(bazaar: Bazaar) {
    let bazaar = bazaar.offering(10_000);
    let quote = bazaar.buy(4_000);
    let energy = 4 * PRICE;
    let commission = energy * i64::from(COMMISSION) / 10_000;
    let expected = Quote {
        commission,
        energy,
        total: energy + commission,
    };
    assert_eq!(quote, expected);
    assert_eq!(
        bazaar.token.balance(&bazaar.buyer),
        SAVINGS - i128::from(quote.total)
    );
    assert_eq!(bazaar.till(), i128::from(quote.total));
    let contract = &bazaar.contract;
    assert_eq!(
        contract.get_token_balance(&bazaar.producer),
        i128::from(energy)
    );
    assert_eq!(contract.get_reserve().funds, i128::from(commission));
    assert_eq!(contract.get_energy_balance(&bazaar.producer), 6_000);
    assert_eq!(bazaar.credit_wh(), 4_000);
    let held = Holding {
        buyer: bazaar.buyer.clone(),
        cost: energy,
        wh: 4_000,
    };
    assert_eq!(bazaar.holding(), Some(held));
    assert!(bazaar.metering.contract.check_access(&bazaar.meter_id));
}

fn a_purchase_is_announced(bazaar: Bazaar) {
    let bazaar = bazaar.offering(10_000);
    let quote = bazaar.buy(4_000);
    let said = event(
        "bought",
        &[address(&bazaar.producer), ScVal::U64(bazaar.meter_id)],
        &[
            ("buyer", address(&bazaar.buyer)),
            ("commission", ScVal::I64(quote.commission)),
            ("energy", ScVal::I64(quote.energy)),
            ("wh", ScVal::U32(4_000)),
        ],
    );
    assert_eq!(events(&bazaar), [said]);
}

fn a_quote_is_what_buying_costs(bazaar: Bazaar) {
    let bazaar = bazaar.offering(10_000);
    let contract = &bazaar.contract;
    contract.set_listing_price(&bazaar.producer, &777_777);
    contract.set_commission_rate(&333);
    for wh in [1, 7, 999, 1_000, 1_001, 13, 1] {
        let quote = contract.quote(&bazaar.producer, &wh);
        let before = bazaar.token.balance(&bazaar.buyer);
        assert_eq!(bazaar.buy(wh), quote, "{wh} Wh");
        let paid = before - bazaar.token.balance(&bazaar.buyer);
        assert_eq!(paid, i128::from(quote.total));
    }
}

fn a_quote_changes_nothing(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    let before = (bazaar.listing(), bazaar.offered_wh());
    for _ in 0..3 {
        bazaar.contract.quote(&bazaar.producer, &999);
    }
    assert_eq!((bazaar.listing(), bazaar.offered_wh()), before);
}

fn a_quote_is_refused_where_buying_is(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    let quote = |wh: u32| verdict(bazaar.contract.try_quote(&bazaar.producer, &wh));
    assert_refused(quote(0), Error::EnergyNotPositive);
    assert_refused(quote(1_001), Error::MoreThanListed);
    assert!(quote(1_000).is_ok());
    bazaar.revoke(&bazaar.producer);
    assert_refused(quote(1), Error::NotCertified);
    let stranger = verdict(bazaar.contract.try_quote(&bazaar.buyer, &1));
    assert_refused(stranger, Error::NotCertified);
}

fn a_buyer_pays_no_more_than_allowed(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    let total = bazaar.contract.quote(&bazaar.producer, &1_000).total;
    let buy = |max_total: i64| {
        verdict(bazaar.contract.try_buy_energy_from_user(
            &bazaar.buyer,
            &bazaar.producer,
            &bazaar.meter_id,
            &1_000,
            &max_total,
        ))
    };
    for max_total in [total - 1, 0, -1, i64::MIN] {
        assert_refused(buy(max_total), Error::PriceAboveLimit);
    }
    assert_eq!(bazaar.credit_wh(), 0);
    assert_eq!(buy(total).map(|quote| quote.total), Ok(total));
}

/// 1 Wh at 900 000 stroops per kWh costs 900; at 300 stroops per kWh, 0.3.
fn a_few_wh_may_cost_nothing_but_are_not_forgotten(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.contract.set_listing_price(&bazaar.producer, &300);
    let costs = [(); 7].map(|()| bazaar.buy(1).energy);
    assert_eq!(costs, [0, 0, 0, 1, 0, 0, 1]);
    assert_eq!(bazaar.listing().remainder, 100);
}

fn revocation_stops_selling_at_once(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.buy(100);
    bazaar.revoke(&bazaar.producer);
    assert_refused(bazaar.try_buy(100), Error::NotCertified);
    assert_eq!(bazaar.credit_wh(), 100, "what was bought stays");
    let earned = bazaar.contract.get_token_balance(&bazaar.producer);
    bazaar.contract.withdraw_balance(&bazaar.producer, &earned);
    bazaar.reinstate(&bazaar.producer);
    assert!(bazaar.try_buy(100).is_ok());
}

fn a_closed_site_buys_nothing(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.contract.set_site_open(&SITE, &false);
    assert_refused(bazaar.try_buy(1), Error::SiteClosed);
    bazaar.contract.set_site_open(&SITE, &true);
    assert!(bazaar.try_buy(1).is_ok());
}

fn a_producer_does_not_buy_their_own_energy(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.give(&bazaar.producer);
    let own = bazaar.contract.try_buy_energy_from_user(
        &bazaar.producer,
        &bazaar.producer,
        &bazaar.meter_id,
        &1,
        &i64::MAX,
    );
    assert_refused(verdict(own), Error::OwnEnergy);
}

fn more_than_is_offered_can_not_be_bought(bazaar: Bazaar) {
    assert_refused(bazaar.try_buy(1), Error::MoreThanListed);
    let bazaar = bazaar.offering(1_000);
    assert_refused(bazaar.try_buy(0), Error::EnergyNotPositive);
    for wh in [1_001, u32::MAX] {
        assert_refused(bazaar.try_buy(wh), Error::MoreThanListed);
    }
    bazaar.buy(1_000);
    assert_refused(bazaar.try_buy(1), Error::MoreThanListed);
}

fn energy_can_be_bought_for_somebody_elses_meter(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    let (friend, other_meter) = (bazaar.newcomer(), bazaar.metering.register(1, 0));
    bazaar
        .contract
        .buy_energy_from_user(&friend, &bazaar.producer, &other_meter, &10, &i64::MAX);
    assert_eq!(bazaar.metering.credit_wh(other_meter), 10);
    let held = bazaar.contract.get_holding(&other_meter);
    assert_eq!(held.map(|held| held.buyer), Some(friend));
}

fn one_buyers_energy_at_a_time_waits_at_a_meter(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    let friend = bazaar.newcomer();
    let buy = || {
        verdict(bazaar.contract.try_buy_energy_from_user(
            &friend,
            &bazaar.producer,
            &bazaar.meter_id,
            &10,
            &i64::MAX,
        ))
    };
    bazaar.buy(100);
    assert_refused(buy(), Error::OtherBuyer);
    bazaar.use_energy(99);
    assert_refused(buy(), Error::OtherBuyer);
    bazaar.use_energy(1);
    assert!(buy().is_ok(), "what is used up is nobody's");
    let held = bazaar.holding().expect("10 Wh wait");
    assert_eq!((held.buyer, held.wh), (friend, 10));
}

fn bought_energy_is_drawn_before_money(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.buy(1_000);
    bazaar.use_energy(600);
    assert_eq!(bazaar.credit_wh(), 400);
    let held = bazaar.holding().expect("400 Wh wait");
    assert_eq!((held.wh, held.cost), (400, PRICE * 4 / 10));
    bazaar.use_energy(500);
    assert_eq!((bazaar.credit_wh(), bazaar.holding()), (0, None));
}

fn only_known_prepaid_meters_take_energy(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    let streaming = bazaar.metering.register(1, 1);
    let unknown = streaming + 1;
    let other_site = (u64::from(SITE) + 1) << 32;
    bazaar.contract.set_site_open(&(SITE + 1), &true);
    for (meter_id, error) in [
        (streaming, METER_NOT_PREPAID),
        (unknown, UNKNOWN_METER),
        (other_site, UNKNOWN_METER),
    ] {
        let bought = bazaar.contract.try_buy_energy_from_user(
            &bazaar.buyer,
            &bazaar.producer,
            &meter_id,
            &1,
            &i64::MAX,
        );
        let expected = soroban_sdk::Error::from_contract_error(error);
        assert_eq!(verdict(bought), Err(expected), "the meter's own refusal");
    }
    assert_eq!(bazaar.till(), 0);
    assert_eq!(bazaar.listing().wh, 1_000);
}

fn who_can_not_pay_gets_nothing(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar
        .token
        .transfer(&bazaar.buyer, &bazaar.admin, &SAVINGS);
    assert!(bazaar.try_buy(1_000).is_err());
    assert_eq!((bazaar.credit_wh(), bazaar.listing().wh), (0, 1_000));
    assert_eq!(bazaar.holding(), None);
}

fn an_absurd_price_is_refused(bazaar: Bazaar) {
    let bazaar = bazaar.offering(10_000);
    bazaar
        .contract
        .set_listing_price(&bazaar.producer, &i64::MAX);
    assert_refused(bazaar.try_buy(10_000), Error::AmountTooLarge);
    bazaar.contract.set_commission_rate(&10_000);
    assert_refused(bazaar.try_buy(1), Error::AmountTooLarge);
    let quote = bazaar.contract.try_quote(&bazaar.producer, &10_000);
    assert_refused(verdict(quote), Error::AmountTooLarge);
}

fn a_market_that_the_meter_does_not_know_sells_nothing(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.metering.contract.set_market(&None);
    assert!(bazaar.try_buy(1).is_err());
    bazaar
        .metering
        .contract
        .set_market(&Some(bazaar.admin.clone()));
    bazaar.env.set_auths(&[]);
    assert!(bazaar.try_buy(1).is_err());
    bazaar.env.mock_all_auths();
    assert_eq!(bazaar.till(), 0);
}
