//! Dated prices: a batch names the version that was in force, so an outage never reprices the past.

use meter::errors::Error;
use soroban_sdk::xdr::{ScVal, ScVec};

use crate::drafts::{standard, Draft};
use crate::village::{assert_refused, verdict, Village, DAILY, DAY, HOUR, RATES, START, WEEKLY};
use crate::wire::{event, events};

crate::laws!(
    versions_count_from_one_and_are_kept,
    a_later_price_starts_later,
    a_price_is_set_a_day_before_it_starts,
    the_first_price_may_start_at_any_time,
    a_price_to_come_is_withdrawn_and_its_number_given_out_again,
    only_the_latest_price_is_withdrawn_and_never_one_in_force,
    a_price_has_three_rates_and_nothing_negative,
    the_version_in_force_is_told_for_any_time,
    a_batch_names_the_price_of_its_whole_period,
    an_outage_does_not_reprice_the_past,
    a_new_price_is_announced,
);

const CHEAP: [i64; 3] = [1_000, 2_000, 3_000];

fn versions_count_from_one_and_are_kept(village: Village) {
    assert_eq!(village.set_price(START + 900, CHEAP), 2);
    let first = village.meter.get_price(&1);
    assert_eq!(first.energy, village.energy(RATES));
    assert_eq!((first.version, first.effective_from), (1, START - 30 * DAY));
    assert_eq!((first.daily, first.weekly), (DAILY, WEEKLY));
    assert_eq!(village.meter.get_price(&2).energy, village.energy(CHEAP));
}

fn try_set(
    village: &Village,
    from: u64,
    rates: &[i64],
    plans: [i64; 2],
) -> Result<u32, soroban_sdk::Error> {
    let energy = soroban_sdk::Vec::from_slice(&village.env, rates);
    verdict(
        village
            .meter
            .try_set_price(&from, &energy, &plans[0], &plans[1]),
    )
}

fn a_later_price_starts_later(village: Village) {
    let first = START - 30 * DAY;
    for from in [first, first - 900, 0] {
        assert_refused(
            try_set(&village, from, &CHEAP, [1, 1]),
            Error::PriceNotLater,
        );
    }
    assert_eq!(try_set(&village, START + 3 * DAY, &CHEAP, [1, 1]), Ok(2));
    for from in [START + 3 * DAY, START + 3 * DAY - 900] {
        assert_refused(
            try_set(&village, from, &CHEAP, [1, 1]),
            Error::PriceNotLater,
        );
    }
}

fn a_price_is_set_a_day_before_it_starts(village: Village) {
    for from in [START - 900, START, START + DAY - 900] {
        assert_refused(try_set(&village, from, &CHEAP, [1, 1]), Error::PriceTooSoon);
    }
    village.wait(1);
    let from = START + DAY;
    assert_refused(try_set(&village, from, &CHEAP, [1, 1]), Error::PriceTooSoon);
    assert_eq!(try_set(&village, from + 900, &CHEAP, [1, 1]), Ok(2));
}

fn the_first_price_may_start_at_any_time(village: Village) {
    for from in [0, START, START + DAY] {
        village.forget_prices();
        assert_eq!(try_set(&village, from, &CHEAP, [1, 1]), Ok(1));
    }
}

fn withdraw(village: &Village, version: u32) -> Result<(), soroban_sdk::Error> {
    verdict(village.meter.try_withdraw_price(&version))
}

fn a_price_to_come_is_withdrawn_and_its_number_given_out_again(village: Village) {
    village.set_price(START + DAY, CHEAP);
    assert_eq!(withdraw(&village, 2), Ok(()));
    let said = event("price_withdrawn", &[ScVal::U32(2)], &[]);
    assert_eq!(events(&village), [said]);
    assert_eq!(village.meter.price_version_at(&(START + DAY)), 1);
    assert_refused(
        verdict(village.meter.try_get_price(&2)),
        Error::UnknownPriceVersion,
    );
    assert_eq!(village.set_price(START + 2 * DAY, RATES), 2);
    assert_eq!(village.meter.get_price(&2).effective_from, START + 2 * DAY);
}

fn only_the_latest_price_is_withdrawn_and_never_one_in_force(village: Village) {
    assert_refused(withdraw(&village, 1), Error::PriceInForce);
    village.set_price(START + DAY, CHEAP);
    village.set_price(START + 2 * DAY, CHEAP);
    for version in [0, 1, 2, 4, u32::MAX] {
        assert_refused(withdraw(&village, version), Error::UnknownPriceVersion);
    }
    village.wait(2 * DAY);
    assert_refused(withdraw(&village, 3), Error::PriceInForce);
}

fn a_price_has_three_rates_and_nothing_negative(village: Village) {
    let from = START + DAY;
    for rates in [
        &[][..],
        &[1, 2],
        &[1, 2, 3, 4],
        &[-1, 2, 3],
        &[1, 2, i64::MIN],
    ] {
        assert_refused(try_set(&village, from, rates, [1, 1]), Error::InvalidPrice);
    }
    for plans in [[-1, 1], [1, -1]] {
        assert_refused(try_set(&village, from, &CHEAP, plans), Error::InvalidPrice);
    }
    assert_refused(
        try_set(&village, from + 1, &CHEAP, [1, 1]),
        Error::InvalidPrice,
    );
}

fn the_version_in_force_is_told_for_any_time(village: Village) {
    village.set_price(START + HOUR, CHEAP);
    let first = START - 30 * DAY;
    let told = [
        0,
        first - 1,
        first,
        START + HOUR - 1,
        START + HOUR,
        u64::MAX,
    ]
    .map(|time| village.meter.price_version_at(&time));
    assert_eq!(told, [0, 0, 1, 1, 2, 2]);
}

fn a_batch_names_the_price_of_its_whole_period(village: Village) {
    village.set_price(START + HOUR, CHEAP);
    village.wait(2 * HOUR);
    let draft = village.next_batch();
    for price_version in [0, 1, 2, 3, u32::MAX] {
        let across = Draft {
            price_version,
            ..draft.clone()
        };
        assert_refused(village.try_settle(&across), Error::WrongPriceVersion);
    }
    let too_early = Draft {
        from: START - 31 * DAY,
        to: START,
        ..draft.clone()
    };
    assert_refused(village.try_settle(&too_early), Error::WrongPriceVersion);
    village.settle(&Draft {
        to: START + HOUR,
        ..draft
    });
    village.settle(&Draft {
        price_version: 2,
        ..village.next_batch()
    });
}

fn an_outage_does_not_reprice_the_past(village: Village) {
    village.register(1);
    village.set_price(START + HOUR, CHEAP);
    village.wait(30 * DAY);
    let old = Draft {
        to: START + HOUR,
        ..village.next_batch()
    };
    village.settle(&old.with(&[(0, standard(1_000))]));
    assert_eq!(village.record(0).balance, -RATES[1]);
    let new = Draft {
        price_version: 2,
        ..village.next_batch()
    };
    village.settle(&new.with(&[(0, standard(1_000))]));
    assert_eq!(village.record(0).balance, -RATES[1] - CHEAP[1]);
}

fn a_new_price_is_announced(village: Village) {
    village.set_price(START + 900, CHEAP);
    let said = events(&village);
    let rates = CHEAP.map(ScVal::I64).to_vec();
    let energy = ScVal::Vec(Some(ScVec(rates.try_into().expect("three"))));
    let expected = event(
        "price",
        &[ScVal::U32(2)],
        &[
            ("daily", ScVal::I64(DAILY)),
            ("effective_from", ScVal::U64(START + 900)),
            ("energy", energy),
            ("weekly", ScVal::I64(WEEKLY)),
        ],
    );
    assert_eq!(said, [expected]);
}
