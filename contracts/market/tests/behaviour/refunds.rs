//! Refunds: what isn't used comes back, at the refund rate, from the platform's money, and never more than was paid.

use market::errors::Error;
use market::types::Reserve;
use proptest::prelude::*;
use soroban_sdk::xdr::ScVal;

use crate::bazaar::{assert_refused, verdict, Bazaar, PRICE, SAVINGS};
use crate::metering::SITE;
use crate::wire::{address, event, events};

crate::laws!(
    a_refund_is_the_share_of_the_cost_at_the_refund_rate,
    a_refund_is_announced,
    what_was_used_is_not_refunded,
    only_the_buyer_is_refunded,
    a_refund_needs_money_in_the_reserve,
    no_money_is_paid_back_at_a_rate_of_zero,
    a_refund_outlives_the_site_and_the_certification,
    what_another_market_sold_is_not_refunded_here,
    refunded_energy_is_sold_again_by_the_platform,
    the_platform_sells_no_more_than_its_reserve,
);

/// A market with money for refunds.
fn funded(bazaar: Bazaar) -> Bazaar {
    let bazaar = bazaar.offering(10_000);
    let payer = bazaar.newcomer();
    bazaar.contract.fund_reserve(&payer, &100_000_000);
    bazaar
}

fn try_refund(bazaar: &Bazaar, wh: u32) -> Result<i64, soroban_sdk::Error> {
    let (buyer, meter_id) = (&bazaar.buyer, &bazaar.meter_id);
    verdict(bazaar.contract.try_refund_energy(buyer, meter_id, &wh))
}

fn a_refund_is_the_share_of_the_cost_at_the_refund_rate(bazaar: Bazaar) {
    let bazaar = funded(bazaar);
    let quote = bazaar.buy(4_000);
    let funds = bazaar.contract.get_reserve().funds;
    assert_eq!(bazaar.refund(1_000), PRICE * 8 / 10);
    let reserve = bazaar.contract.get_reserve();
    assert_eq!(reserve.funds, funds - i128::from(PRICE) * 8 / 10);
    assert_eq!(reserve.wh, 1_000);
    assert_eq!(bazaar.credit_wh(), 3_000);
    let held = bazaar.holding().expect("3 kWh wait");
    assert_eq!((held.wh, held.cost), (3_000, 3 * PRICE));
    assert_eq!(bazaar.refund(3_000), PRICE * 24 / 10);
    assert_eq!(bazaar.holding(), None);
    let lost = SAVINGS - bazaar.token.balance(&bazaar.buyer);
    assert_eq!(lost, i128::from(quote.total - PRICE * 32 / 10));
    assert_eq!(
        bazaar.listing().balance,
        i128::from(quote.energy),
        "the seller keeps it all"
    );
}

fn a_refund_is_announced(bazaar: Bazaar) {
    let bazaar = funded(bazaar);
    bazaar.buy(4_000);
    let amount = bazaar.refund(1_000);
    let said = event(
        "refunded",
        &[ScVal::U64(bazaar.meter_id)],
        &[
            ("amount", ScVal::I64(amount)),
            ("buyer", address(&bazaar.buyer)),
            ("wh", ScVal::U32(1_000)),
        ],
    );
    assert_eq!(events(&bazaar), [said]);
}

fn what_was_used_is_not_refunded(bazaar: Bazaar) {
    let bazaar = funded(bazaar);
    assert_refused(try_refund(&bazaar, 1), Error::MoreThanHeld);
    bazaar.buy(4_000);
    bazaar.use_energy(1_500);
    for wh in [2_501, 4_000, u32::MAX] {
        assert_refused(try_refund(&bazaar, wh), Error::MoreThanHeld);
    }
    assert_refused(try_refund(&bazaar, 0), Error::EnergyNotPositive);
    assert_eq!(bazaar.refund(2_500), PRICE * 20 / 10);
    assert_refused(try_refund(&bazaar, 1), Error::MoreThanHeld);
}

fn only_the_buyer_is_refunded(bazaar: Bazaar) {
    let bazaar = funded(bazaar);
    bazaar.buy(4_000);
    for who in [&bazaar.producer, &bazaar.admin, &bazaar.newcomer()] {
        let refunded = bazaar.contract.try_refund_energy(who, &bazaar.meter_id, &1);
        assert_refused(verdict(refunded), Error::OtherBuyer);
    }
}

fn a_refund_needs_money_in_the_reserve(bazaar: Bazaar) {
    let bazaar = bazaar.offering(10_000);
    bazaar.buy(4_000);
    assert_refused(try_refund(&bazaar, 4_000), Error::ReserveTooSmall);
    assert_eq!(bazaar.credit_wh(), 4_000, "nothing was moved");
    let short = i128::from(PRICE) * 32 / 10 - bazaar.contract.get_reserve().funds;
    bazaar.contract.fund_reserve(&bazaar.buyer, &(short - 1));
    assert_refused(try_refund(&bazaar, 4_000), Error::ReserveTooSmall);
    bazaar.contract.fund_reserve(&bazaar.buyer, &1);
    assert_eq!(bazaar.refund(4_000), PRICE * 32 / 10);
    assert_eq!(
        bazaar.contract.get_reserve(),
        Reserve {
            funds: 0,
            wh: 4_000
        }
    );
    assert_eq!(
        bazaar.till(),
        bazaar.listing().balance,
        "the seller's money wasn't touched"
    );
}

fn no_money_is_paid_back_at_a_rate_of_zero(bazaar: Bazaar) {
    let bazaar = bazaar.offering(10_000);
    bazaar.contract.set_refund_rate(&0);
    bazaar.buy(4_000);
    assert_eq!(bazaar.refund(4_000), 0);
    assert_eq!(bazaar.contract.get_reserve().wh, 4_000);
}

fn a_refund_outlives_the_site_and_the_certification(bazaar: Bazaar) {
    let bazaar = funded(bazaar);
    bazaar.buy(4_000);
    bazaar.contract.set_site_open(&SITE, &false);
    bazaar.revoke(&bazaar.producer);
    assert_eq!(bazaar.refund(4_000), PRICE * 32 / 10);
}

fn what_another_market_sold_is_not_refunded_here(bazaar: Bazaar) {
    let bazaar = funded(bazaar);
    bazaar.buy(1_000);
    let meter = &bazaar.metering.contract;
    meter.set_market(&Some(bazaar.admin.clone()));
    meter.add_market_credit(&bazaar.meter_id, &500);
    meter.set_market(&Some(bazaar.contract.address.clone()));
    assert_eq!(bazaar.holding().map(|held| held.wh), Some(1_000));
    assert_refused(try_refund(&bazaar, 1_001), Error::MoreThanHeld);
    assert_eq!(bazaar.refund(1_000), PRICE * 8 / 10);
    assert_eq!((bazaar.credit_wh(), bazaar.holding()), (500, None));
}

fn refunded_energy_is_sold_again_by_the_platform(bazaar: Bazaar) {
    let bazaar = funded(bazaar);
    bazaar.buy(4_000);
    bazaar.refund(4_000);
    let (contract, own) = (&bazaar.contract, &bazaar.contract.address);
    contract.sell_reserve(&3_000, &(2 * PRICE));
    let said = event(
        "listed",
        &[address(own)],
        &[
            ("added_wh", ScVal::U64(3_000)),
            ("price", ScVal::I64(2 * PRICE)),
            ("wh", ScVal::U64(3_000)),
        ],
    );
    assert_eq!(events(&bazaar), [said]);
    assert_eq!(
        (contract.get_reserve().wh, contract.get_listing(own).wh),
        (1_000, 3_000)
    );
    let funds = contract.get_reserve().funds;
    let quote = contract.quote(own, &2_000);
    assert_eq!(quote.energy, 4 * PRICE);
    contract.buy_energy_from_user(&bazaar.buyer, own, &bazaar.meter_id, &2_000, &quote.total);
    assert_eq!(
        contract.get_reserve().funds,
        funds + i128::from(quote.total)
    );
    assert_eq!(contract.get_token_balance(own), 0);
    assert_eq!(bazaar.credit_wh(), 2_000);
}

fn the_platform_sells_no_more_than_its_reserve(bazaar: Bazaar) {
    let bazaar = funded(bazaar);
    let sell = |wh: u64, price: i64| verdict(bazaar.contract.try_sell_reserve(&wh, &price));
    assert_refused(sell(1, PRICE), Error::MoreThanInReserve);
    bazaar.buy(4_000);
    bazaar.refund(4_000);
    for wh in [4_001, u64::MAX] {
        assert_refused(sell(wh, PRICE), Error::MoreThanInReserve);
    }
    assert_refused(sell(0, PRICE), Error::EnergyNotPositive);
    assert_refused(sell(1, 0), Error::PriceNotPositive);
    assert_eq!(sell(4_000, PRICE), Ok(()));
    assert_refused(sell(1, PRICE), Error::MoreThanInReserve);
}

/// What happens at the meter: (0 buy, 1 use, 2 refund) and how much of what is possible, in percent.
fn steps() -> impl Strategy<Value = Vec<(u8, u32)>> {
    proptest::collection::vec((0..3_u8, 1..=100_u32), 1..25)
}

fn a_refund_never_pays_more_than_was_paid(bazaar: Bazaar, price: i64, steps: &[(u8, u32)]) {
    let bazaar = funded(bazaar);
    bazaar.contract.set_refund_rate(&10_000);
    bazaar.contract.set_listing_price(&bazaar.producer, &price);
    let (mut paid, mut refunded) = (0, 0);
    for (step, percent) in steps {
        let held = bazaar.credit_wh() * percent / 100;
        match step {
            0 => {
                paid += bazaar
                    .try_buy(4 * percent + 1)
                    .map_or(0, |quote| quote.energy)
            }
            1 => bazaar.use_energy(held),
            _ if held > 0 => refunded += bazaar.refund(held),
            _ => {}
        }
        let left = bazaar.holding().map_or(0, |held| held.cost);
        assert!(refunded + left <= paid, "{refunded} + {left} of {paid}");
        assert_eq!(
            bazaar.holding().map_or(0, |held| held.wh),
            bazaar.credit_wh()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(6) })]

    #[test]
    fn a_refund_never_pays_more_than_was_paid_in_rust(price in 1..2_000_000_i64, steps in steps()) {
        a_refund_never_pays_more_than_was_paid(Bazaar::on_rust(), price, &steps);
    }

    #[test]
    fn a_refund_never_pays_more_than_was_paid_in_wasm(price in 1..2_000_000_i64, steps in steps()) {
        a_refund_never_pays_more_than_was_paid(Bazaar::on_wasm(), price, &steps);
    }
}
