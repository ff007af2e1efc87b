//! No order of calls creates or destroys energy or tokens, and no more is sold than was exported.
//!
//! The verdict comes from the token's balances, the meters' records and the certification's books, not from the market's own.

use proptest::prelude::*;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::Address;

use crate::bazaar::{verdict, Bazaar, HOUR, SAVINGS};

/// One of two producers, buyers or meters.
type Pick = usize;

#[derive(Clone, Copy, Debug)]
enum Step {
    Export(Pick, u64),
    List(Pick, u64, i64),
    Unlist(Pick, u64),
    Buy(Pick, Pick, Pick, u32),
    BuyReserve(Pick, Pick, u32),
    Use(Pick, u32),
    Refund(Pick, Pick, u32),
    SellReserve(u64, i64),
    UnlistReserve(u64),
    Fund(Pick, i128),
    PayOut(Pick, i128),
    PayProvider(i128),
    Rates(u32, u32),
    Revoke(Pick),
    Reinstate(Pick),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (pick, wh, price) = (0..2_usize, 1..3_000_u32, 1..2_000_000_i64);
    let (pick, wh, price) = (|| pick.clone(), || wh.clone(), || price.clone());
    let energy = || wh().prop_map(u64::from);
    let money = || 1..3_000_000_i128;
    let step = prop_oneof![
        3 => (pick(), energy()).prop_map(|(a, b)| Step::Export(a, b)),
        4 => (pick(), energy(), price()).prop_map(|(a, b, c)| Step::List(a, b, c)),
        1 => (pick(), energy()).prop_map(|(a, b)| Step::Unlist(a, b)),
        6 => (pick(), pick(), pick(), wh()).prop_map(|(a, b, c, d)| Step::Buy(a, b, c, d)),
        2 => (pick(), pick(), wh()).prop_map(|(a, b, c)| Step::BuyReserve(a, b, c)),
        3 => (pick(), wh()).prop_map(|(a, b)| Step::Use(a, b)),
        4 => (pick(), pick(), wh()).prop_map(|(a, b, c)| Step::Refund(a, b, c)),
        2 => (energy(), price()).prop_map(|(a, b)| Step::SellReserve(a, b)),
        1 => energy().prop_map(Step::UnlistReserve),
        2 => (pick(), money()).prop_map(|(a, b)| Step::Fund(a, b)),
        1 => (pick(), money()).prop_map(|(a, b)| Step::PayOut(a, b)),
        1 => money().prop_map(Step::PayProvider),
        1 => (0..=10_000_u32, 0..=10_000_u32).prop_map(|(a, b)| Step::Rates(a, b)),
        1 => pick().prop_map(Step::Revoke),
        1 => pick().prop_map(Step::Reinstate),
    ];
    proptest::collection::vec(step, 1..40)
}

/// A market with two of everybody, and what the meters have used of it.
struct Trade {
    bazaar: Bazaar,
    producers: [Address; 2],
    buyers: [Address; 2],
    meters: [u64; 2],
    provider: Address,
    drawn_wh: u64,
}

impl Trade {
    fn begin(bazaar: Bazaar) -> Self {
        let bazaar = bazaar.offering(3_000);
        Self {
            producers: [bazaar.producer.clone(), bazaar.another_producer()],
            buyers: [bazaar.buyer.clone(), bazaar.newcomer()],
            meters: [bazaar.meter_id, bazaar.metering.register(1, 0)],
            provider: Address::generate(&bazaar.env),
            drawn_wh: 0,
            bazaar,
        }
    }

    /// Does one thing; many are refused, and must then change nothing.
    fn go(&mut self, step: Step) {
        let (bazaar, contract) = (&self.bazaar, &self.bazaar.contract);
        let own = &contract.address;
        match step {
            Step::Export(p, wh) => {
                if bazaar.certification.is_certified(&self.producers[p]) {
                    bazaar.export(&self.producers[p], wh);
                }
            }
            Step::List(p, wh, price) => {
                _ = contract.try_add_energy_for_sale(&self.producers[p], &wh, &price);
            }
            Step::Unlist(p, wh) => {
                _ = contract.try_remove_energy_from_sale(&self.producers[p], &wh);
            }
            Step::Buy(b, p, m, wh) => self.buy(b, &self.producers[p], m, wh),
            Step::BuyReserve(b, m, wh) => self.buy(b, own, m, wh),
            Step::Use(m, wh) => {
                bazaar.wait(HOUR);
                let before = bazaar.metering.credit_wh(self.meters[m]);
                bazaar.metering.draw(self.meters[m], wh);
                let drawn = before - bazaar.metering.credit_wh(self.meters[m]);
                assert_eq!(drawn, wh.min(before));
                self.drawn_wh += u64::from(drawn);
            }
            Step::Refund(b, m, wh) => {
                _ = contract.try_refund_energy(&self.buyers[b], &self.meters[m], &wh);
            }
            Step::SellReserve(wh, price) => _ = contract.try_sell_reserve(&wh, &price),
            Step::UnlistReserve(wh) => _ = contract.try_remove_energy_from_sale(own, &wh),
            Step::Fund(b, amount) => _ = contract.try_fund_reserve(&self.buyers[b], &amount),
            Step::PayOut(p, amount) => {
                _ = contract.try_withdraw_balance(&self.producers[p], &amount);
            }
            Step::PayProvider(amount) => {
                _ = contract.try_withdraw_funds(&self.provider, &amount);
            }
            Step::Rates(commission, refund) => {
                contract.set_commission_rate(&commission);
                contract.set_refund_rate(&refund);
            }
            Step::Revoke(p) => {
                if bazaar.certification.is_certified(&self.producers[p]) {
                    bazaar.revoke(&self.producers[p]);
                }
            }
            Step::Reinstate(p) => {
                if !bazaar.certification.is_certified(&self.producers[p]) {
                    bazaar.reinstate(&self.producers[p]);
                }
            }
        }
    }

    /// Buys at exactly the quoted price, if there is a quote.
    fn buy(&self, buyer: Pick, seller: &Address, meter: Pick, wh: u32) {
        let contract = &self.bazaar.contract;
        let buyer = &self.buyers[buyer];
        let Ok(quote) = verdict(contract.try_quote(seller, &wh)) else {
            let refused = contract.try_buy_energy_from_user(
                buyer,
                seller,
                &self.meters[meter],
                &wh,
                &i64::MAX,
            );
            assert!(refused.is_err(), "what isn't quoted isn't sold");
            return;
        };
        let before = self.bazaar.token.balance(buyer);
        let (meter_id, total) = (&self.meters[meter], &quote.total);
        let bought = contract.try_buy_energy_from_user(buyer, seller, meter_id, &wh, total);
        let paid = before - self.bazaar.token.balance(buyer);
        assert_eq!(paid, bought.map_or(0, |_| i128::from(quote.total)));
    }

    fn check_tokens(&self) {
        let (bazaar, contract) = (&self.bazaar, &self.bazaar.contract);
        let earned: i128 = self
            .producers
            .iter()
            .map(|who| contract.get_token_balance(who))
            .sum();
        let funds = contract.get_reserve().funds;
        assert!(funds >= 0);
        assert_eq!(bazaar.till(), earned + funds, "the till holds what is owed");
        let people = self.producers.iter().chain(&self.buyers);
        let owned: i128 = people.map(|who| bazaar.token.balance(who)).sum();
        let provider = bazaar.token.balance(&self.provider);
        assert_eq!(bazaar.till() + owned + provider, 2 * SAVINGS);
    }

    fn check_energy(&self) {
        let (bazaar, contract) = (&self.bazaar, &self.bazaar.contract);
        let mut sold_wh = 0;
        for who in &self.producers {
            let listing = contract.get_listing(who);
            let exported_wh = bazaar.certification.exported_wh(who);
            assert!(
                listing.wh + listing.sold_wh <= exported_wh,
                "sold is exported"
            );
            sold_wh += listing.sold_wh;
        }
        let waiting: u32 = self
            .meters
            .iter()
            .map(|id| bazaar.metering.credit_wh(*id))
            .sum();
        let held = self.meters.iter().filter_map(|id| contract.get_holding(id));
        assert_eq!(held.map(|held| held.wh).sum::<u32>(), waiting);
        let own_wh = contract.get_reserve().wh + contract.get_listing(&contract.address).wh;
        assert_eq!(sold_wh, u64::from(waiting) + self.drawn_wh + own_wh);
        let listings = contract.get_listings(&0, &50);
        let offered_wh: u64 = listings.iter().map(|listing| listing.wh).sum();
        assert_eq!(
            bazaar.offered_wh(),
            offered_wh,
            "the limit counts what is offered"
        );
    }
}

fn no_order_of_calls_creates_or_destroys_energy_or_tokens(bazaar: Bazaar, steps: &[Step]) {
    let mut trade = Trade::begin(bazaar);
    for step in steps {
        trade.go(*step);
        trade.check_tokens();
        trade.check_energy();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(6) })]

    #[test]
    fn no_order_of_calls_creates_or_destroys_energy_or_tokens_in_rust(steps in steps()) {
        no_order_of_calls_creates_or_destroys_energy_or_tokens(Bazaar::on_rust(), &steps);
    }

    #[test]
    fn no_order_of_calls_creates_or_destroys_energy_or_tokens_in_wasm(steps in steps()) {
        no_order_of_calls_creates_or_destroys_energy_or_tokens(Bazaar::on_wasm(), &steps);
    }
}
