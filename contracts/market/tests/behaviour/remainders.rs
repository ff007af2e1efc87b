//! The law of the carried remainder: however energy is cut into purchases, nothing is lost and nobody pays twice.

use proptest::prelude::*;

use crate::bazaar::{Bazaar, COMMISSION};

/// Purchases in Wh, and now and then a new price.
fn purchases() -> impl Strategy<Value = Vec<(u32, Option<i64>)>> {
    let price = proptest::option::weighted(0.2, 1..3_000_000_i64);
    proptest::collection::vec((1..2_000_u32, price), 1..12)
}

fn remainders_are_never_lost(bazaar: Bazaar, purchases: &[(u32, Option<i64>)]) {
    let bazaar = bazaar.offering(24_000);
    let mut price = 1_234_567;
    bazaar.contract.set_listing_price(&bazaar.producer, &price);
    let (mut milli, mut energy, mut commission) = (0, 0, 0);
    for (wh, new_price) in purchases {
        if let Some(new_price) = new_price {
            price = *new_price;
            bazaar.contract.set_listing_price(&bazaar.producer, &price);
        }
        milli += i64::from(*wh) * price;
        let quote = bazaar.buy(*wh);
        (energy, commission) = (energy + quote.energy, commission + quote.commission);
        let listing = bazaar.listing();
        assert!(listing.remainder < 1_000 && listing.commission_remainder < 10_000);
        assert_eq!(milli, energy * 1_000 + i64::from(listing.remainder));
        let fee = energy * i64::from(COMMISSION);
        assert_eq!(
            fee,
            commission * 10_000 + i64::from(listing.commission_remainder)
        );
        assert_eq!(listing.balance, i128::from(energy));
        assert_eq!(bazaar.contract.get_reserve().funds, i128::from(commission));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(6) })]

    #[test]
    fn remainders_are_never_lost_in_rust(purchases in purchases()) {
        remainders_are_never_lost(Bazaar::on_rust(), &purchases);
    }

    #[test]
    fn remainders_are_never_lost_in_wasm(purchases in purchases()) {
        remainders_are_never_lost(Bazaar::on_wasm(), &purchases);
    }
}
