//! Balances: sellers take out what they earned, the admin what the platform earned, and neither the other's.

use market::errors::Error;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::Address;

use crate::bazaar::{assert_refused, verdict, Bazaar, PRICE};
use crate::wire::{address, event, events, i128};

crate::laws!(
    a_seller_takes_out_what_was_earned,
    the_admin_takes_out_funds_but_never_sellers_money,
    anyone_may_fund_the_reserve,
    amounts_are_above_zero,
);

fn a_seller_takes_out_what_was_earned(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.buy(1_000);
    let (contract, producer) = (&bazaar.contract, &bazaar.producer);
    let withdraw = |amount: i128| verdict(contract.try_withdraw_balance(producer, &amount));
    for amount in [i128::from(PRICE) + 1, i128::MAX] {
        assert_refused(withdraw(amount), Error::BalanceTooSmall);
    }
    assert_eq!(withdraw(100), Ok(()));
    let said = event(
        "balance_withdrawn",
        &[address(producer)],
        &[("amount", i128(100))],
    );
    assert_eq!(events(&bazaar), [said]);
    assert_eq!(bazaar.token.balance(producer), 100);
    assert_eq!(
        contract.get_token_balance(producer),
        i128::from(PRICE) - 100
    );
    assert_eq!(withdraw(i128::from(PRICE) - 100), Ok(()));
    assert_refused(withdraw(1), Error::BalanceTooSmall);
    let stranger = verdict(contract.try_withdraw_balance(&bazaar.buyer, &1));
    assert_refused(stranger, Error::BalanceTooSmall);
}

fn the_admin_takes_out_funds_but_never_sellers_money(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    let commission = i128::from(bazaar.buy(1_000).commission);
    let provider = Address::generate(&bazaar.env);
    let withdraw = |amount: i128| verdict(bazaar.contract.try_withdraw_funds(&provider, &amount));
    for amount in [commission + 1, bazaar.till(), i128::MAX] {
        assert_refused(withdraw(amount), Error::ReserveTooSmall);
    }
    bazaar.contract.pause();
    assert_eq!(withdraw(commission), Ok(()), "also while paused");
    let data = [("amount", i128(commission)), ("to", address(&provider))];
    assert_eq!(events(&bazaar), [event("funds_withdrawn", &[], &data)]);
    assert_eq!(bazaar.token.balance(&provider), commission);
    assert_eq!(bazaar.till(), bazaar.listing().balance);
}

fn anyone_may_fund_the_reserve(bazaar: Bazaar) {
    bazaar.contract.fund_reserve(&bazaar.buyer, &55);
    let data = [("amount", i128(55)), ("payer", address(&bazaar.buyer))];
    assert_eq!(events(&bazaar), [event("funded", &[], &data)]);
    assert_eq!(bazaar.contract.get_reserve().funds, 55);
    assert_eq!(bazaar.till(), 55);
    let poor = Address::generate(&bazaar.env);
    for amount in [1, i128::MAX] {
        assert!(bazaar.contract.try_fund_reserve(&poor, &amount).is_err());
    }
    assert_eq!(bazaar.contract.get_reserve().funds, 55);
}

fn amounts_are_above_zero(bazaar: Bazaar) {
    let bazaar = bazaar.offering(1_000);
    bazaar.buy(1_000);
    let contract = &bazaar.contract;
    for amount in [0, -1, i128::MIN] {
        let error = Error::AmountNotPositive;
        assert_refused(
            verdict(contract.try_withdraw_balance(&bazaar.producer, &amount)),
            error,
        );
        assert_refused(
            verdict(contract.try_withdraw_funds(&bazaar.admin, &amount)),
            error,
        );
        assert_refused(
            verdict(contract.try_fund_reserve(&bazaar.buyer, &amount)),
            error,
        );
    }
}
