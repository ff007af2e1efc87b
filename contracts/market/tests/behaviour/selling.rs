//! Offering energy: only the certified, only what was exported, only within the limits.

use market::errors::Error;
use market::types::Listing;
use soroban_sdk::xdr::ScVal;

use crate::bazaar::{assert_refused, verdict, Bazaar, GLOBAL_LIMIT, PRICE, USER_LIMIT};
use crate::wire::{address, event, events};

crate::laws!(
    a_listing_offers_what_was_added,
    a_listing_is_announced,
    nobody_offers_more_than_was_exported,
    what_was_sold_can_not_be_offered_again,
    what_is_taken_off_may_be_offered_again,
    only_the_certified_offer,
    a_revoked_producer_may_still_take_energy_off,
    one_producer_does_not_fill_the_market,
    all_producers_together_stay_within_the_limit,
    absurd_amounts_of_energy_are_refused,
    nobody_takes_off_more_than_is_there,
    a_price_can_be_changed,
);

fn add(bazaar: &Bazaar, wh: u64) -> Result<(), soroban_sdk::Error> {
    verdict(
        bazaar
            .contract
            .try_add_energy_for_sale(&bazaar.producer, &wh, &PRICE),
    )
}

fn remove(bazaar: &Bazaar, wh: u64) -> Result<(), soroban_sdk::Error> {
    verdict(
        bazaar
            .contract
            .try_remove_energy_from_sale(&bazaar.producer, &wh),
    )
}

fn a_listing_offers_what_was_added(bazaar: Bazaar) {
    assert_eq!(bazaar.listing().wh, 0, "nobody offers anything at first");
    bazaar.export(&bazaar.producer, 5_000);
    assert_eq!(add(&bazaar, 1_000), Ok(()));
    let expected = Listing {
        balance: 0,
        commission_remainder: 0,
        price: PRICE,
        remainder: 0,
        seller: bazaar.producer.clone(),
        sold_wh: 0,
        wh: 1_000,
    };
    assert_eq!(bazaar.listing(), expected);
    bazaar
        .contract
        .add_energy_for_sale(&bazaar.producer, &4_000, &(PRICE + 1));
    assert_eq!(
        (bazaar.listing().wh, bazaar.listing().price),
        (5_000, PRICE + 1)
    );
    assert_eq!(bazaar.contract.get_energy_balance(&bazaar.producer), 5_000);
    assert_eq!(bazaar.contract.get_listings(&0, &50).len(), 1);
}

fn a_listing_is_announced(bazaar: Bazaar) {
    bazaar.export(&bazaar.producer, 5_000);
    let seller = [address(&bazaar.producer)];
    let listed = |added_wh, price, wh| {
        let data = [
            ("added_wh", ScVal::U64(added_wh)),
            ("price", ScVal::I64(price)),
            ("wh", ScVal::U64(wh)),
        ];
        event("listed", &seller, &data)
    };
    add(&bazaar, 1_000).expect("it is backed");
    assert_eq!(events(&bazaar), [listed(1_000, PRICE, 1_000)]);
    add(&bazaar, 2_000).expect("it is backed");
    assert_eq!(events(&bazaar), [listed(2_000, PRICE, 3_000)]);
    bazaar.contract.set_listing_price(&bazaar.producer, &7);
    assert_eq!(events(&bazaar), [listed(0, 7, 3_000)]);
    remove(&bazaar, 500).expect("it is there");
    let data = [("removed_wh", ScVal::U64(500)), ("wh", ScVal::U64(2_500))];
    assert_eq!(events(&bazaar), [event("unlisted", &seller, &data)]);
}

fn nobody_offers_more_than_was_exported(bazaar: Bazaar) {
    assert_refused(add(&bazaar, 1), Error::NotBacked);
    bazaar.export(&bazaar.producer, 1_000);
    assert_refused(add(&bazaar, 1_001), Error::NotBacked);
    assert_eq!(add(&bazaar, 600), Ok(()));
    assert_refused(add(&bazaar, 401), Error::NotBacked);
    assert_eq!(add(&bazaar, 400), Ok(()));
    assert_refused(add(&bazaar, 1), Error::NotBacked);
    bazaar.export(&bazaar.producer, 1);
    assert_eq!(add(&bazaar, 1), Ok(()));
}

fn what_was_sold_can_not_be_offered_again(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.buy(700);
    assert_refused(add(&bazaar, 1), Error::NotBacked);
    assert_eq!((bazaar.listing().wh, bazaar.listing().sold_wh), (300, 700));
    bazaar.contract.fund_reserve(&bazaar.buyer, &10_000_000);
    bazaar.refund(700);
    assert_refused(add(&bazaar, 1), Error::NotBacked);
}

fn what_is_taken_off_may_be_offered_again(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    assert_eq!(remove(&bazaar, 1_000), Ok(()));
    assert_eq!(bazaar.listing().wh, 0);
    assert_eq!(add(&bazaar, 1_000), Ok(()));
    assert_eq!(
        bazaar.contract.get_listings(&0, &50).len(),
        1,
        "it is the same listing"
    );
}

fn only_the_certified_offer(bazaar: Bazaar) {
    let stranger = bazaar.newcomer();
    let listed = bazaar
        .contract
        .try_add_energy_for_sale(&stranger, &1, &PRICE);
    assert_refused(verdict(listed), Error::NotCertified);
    bazaar.export(&bazaar.producer, 1_000);
    bazaar.revoke(&bazaar.producer);
    assert_refused(add(&bazaar, 1), Error::NotCertified);
    bazaar.reinstate(&bazaar.producer);
    assert_eq!(
        add(&bazaar, 1_000),
        Ok(()),
        "what was exported before still counts"
    );
}

fn a_revoked_producer_may_still_take_energy_off(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.revoke(&bazaar.producer);
    assert_eq!(remove(&bazaar, 1_000), Ok(()));
}

fn one_producer_does_not_fill_the_market(bazaar: Bazaar) {
    bazaar.export(&bazaar.producer, USER_LIMIT + 10);
    assert_refused(add(&bazaar, USER_LIMIT + 1), Error::UserLimitReached);
    assert_eq!(add(&bazaar, USER_LIMIT), Ok(()));
    assert_refused(add(&bazaar, 1), Error::UserLimitReached);
    bazaar.buy(10);
    assert_eq!(add(&bazaar, 10), Ok(()), "what is sold makes room");
}

fn all_producers_together_stay_within_the_limit(bazaar: Bazaar) {
    let bazaar = bazaar.offering(USER_LIMIT);
    let other = bazaar.another_producer();
    let rest = GLOBAL_LIMIT - USER_LIMIT;
    bazaar.export(&other, rest + 10);
    let offer = |wh: u64| verdict(bazaar.contract.try_add_energy_for_sale(&other, &wh, &PRICE));
    assert_refused(offer(rest + 1), Error::GlobalLimitReached);
    assert_eq!(offer(rest), Ok(()));
    assert_refused(offer(1), Error::GlobalLimitReached);
    bazaar.contract.fund_reserve(&bazaar.buyer, &10_000_000);
    bazaar.buy(10);
    bazaar.refund(10);
    assert_refused(offer(1), Error::GlobalLimitReached);
    bazaar
        .contract
        .set_global_reserve_limit(&(GLOBAL_LIMIT + 1));
    assert_eq!(offer(1), Ok(()));
}

fn absurd_amounts_of_energy_are_refused(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.contract.set_user_reserve_limit(&u64::MAX);
    bazaar.contract.set_global_reserve_limit(&u64::MAX);
    assert_refused(add(&bazaar, u64::MAX), Error::NotBacked);
    assert_refused(add(&bazaar, u64::MAX - 1_000), Error::NotBacked);
    assert_refused(remove(&bazaar, u64::MAX), Error::MoreThanListed);
    assert_refused(add(&bazaar, 0), Error::EnergyNotPositive);
    assert_refused(remove(&bazaar, 0), Error::EnergyNotPositive);
}

fn nobody_takes_off_more_than_is_there(bazaar: Bazaar) {
    assert_refused(remove(&bazaar, 1), Error::MoreThanListed);
    let bazaar = bazaar.offering(1_000);
    bazaar.buy(400);
    assert_refused(remove(&bazaar, 601), Error::MoreThanListed);
    assert_eq!(remove(&bazaar, 600), Ok(()));
}

fn a_price_can_be_changed(bazaar: Bazaar) {
    let change = |bazaar: &Bazaar, price: i64| {
        let changed = bazaar
            .contract
            .try_set_listing_price(&bazaar.producer, &price);
        verdict(changed)
    };
    assert_refused(change(&bazaar, 5), Error::NotListed);
    let bazaar = bazaar.offering(1_000);
    assert_eq!(change(&bazaar, 2 * PRICE), Ok(()));
    assert_eq!(bazaar.buy(1_000).energy, 2 * PRICE);
}
