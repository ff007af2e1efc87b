//! Money paid on site: the operator funds a float, and top-ups are credited out of it exactly once.

use meter::credit::TopUp;
use meter::errors::Error;
use meter::storage::Key;
use meter::types::{Float, Plan};
use soroban_sdk::testutils::Address as _;
use soroban_sdk::xdr::ScVal;
use soroban_sdk::{Address, Bytes};

use crate::drafts::top_ups_text;
use crate::village::{
    assert_refused, meter_id, verdict, Village, DAILY, DAY, HOUR, SITE, START, WEEKLY,
};
use crate::wire::{bytes, event, events, page_event};

crate::laws!(
    anyone_funds_a_float_and_only_the_operator_takes_money_out,
    a_float_is_never_overdrawn,
    a_new_operator_takes_over_the_float,
    the_provider_withdraws_what_was_collected_and_no_float,
    a_credit_moves_money_from_the_float_to_the_meters,
    a_repeated_credit_changes_nothing,
    other_content_under_the_same_sequence_is_refused,
    credits_count_from_one_without_a_gap,
    a_credit_beyond_the_float_is_refused_whole,
    what_can_not_be_applied_stays_in_the_float,
    amounts_are_above_zero,
    a_credit_has_from_one_to_a_hundred_top_ups,
    top_ups_are_exact_to_the_byte,
    a_float_has_the_bounds_of_an_amount,
    a_credit_is_announced_with_a_map_for_each_page,
    a_hundred_top_ups_on_four_pages_fit_into_one_credit,
    plans_are_bought_as_by_a_payment,
    only_signers_credit_and_only_while_not_paused,
    a_credit_renews_the_float_and_its_pages,
);

const HALF: i64 = i64::MAX / 2;

fn fund(village: &Village, amount: i128) -> Result<(), soroban_sdk::Error> {
    let payer = &village.payer;
    verdict(village.meter.try_fund_float(payer, &SITE, &amount))
}

fn take(village: &Village, amount: i128) -> Result<(), soroban_sdk::Error> {
    let to = &village.operator;
    verdict(village.meter.try_withdraw_float(&SITE, to, &amount))
}

fn top_up(slot: u32, amount: i64, plan: Plan) -> TopUp {
    TopUp {
        meter_id: meter_id(slot),
        amount,
        plan,
    }
}

fn credit(
    village: &Village,
    sequence: u64,
    top_ups: &[TopUp],
) -> Result<Float, soroban_sdk::Error> {
    let top_ups = top_ups_text(&village.env, top_ups);
    let signer = &village.signer;
    verdict(village.meter.try_credit(signer, &SITE, &sequence, &top_ups))
}

fn credit_of(slot: u32, amount: i64) -> [TopUp; 1] {
    [top_up(slot, amount, Plan::UsageBased)]
}

fn float(village: &Village) -> Float {
    village.meter.get_float(&SITE)
}

fn anyone_funds_a_float_and_only_the_operator_takes_money_out(village: Village) {
    let empty = float(&village);
    assert_eq!(
        (empty.balance, empty.sequence, empty.total_credited),
        (0, 0, 0)
    );
    let held = village.token.balance(&village.payer);
    fund(&village, 500).expect("the payer has money");
    let said = event(
        "float",
        &[ScVal::U32(SITE)],
        &[("balance", ScVal::I64(500))],
    );
    assert_eq!(events(&village), [said]);
    village.assert_signed_by(&village.payer);
    assert_eq!(village.token.balance(&village.payer), held - 500);
    take(&village, 200).expect("it is there");
    village.assert_signed_by(&village.operator);
    assert_eq!(village.token.balance(&village.operator), 200);
    assert_eq!(
        (
            float(&village).balance,
            village.token.balance(&village.meter.address)
        ),
        (300, 300)
    );
    village.env.set_auths(&[]);
    assert!(take(&village, 1).is_err() && fund(&village, 1).is_err());
}

fn a_float_is_never_overdrawn(village: Village) {
    assert_refused(take(&village, 1), Error::FloatTooSmall);
    fund(&village, 10).expect("the payer has money");
    village.register(1);
    village.pay(0, 1_000, Plan::UsageBased);
    assert_refused(take(&village, 11), Error::FloatTooSmall);
    for amount in [0, -1, i128::MIN] {
        assert_refused(take(&village, amount), Error::AmountNotPositive);
        assert_refused(fund(&village, amount), Error::AmountNotPositive);
    }
    for amount in [i128::from(i64::MAX) + 1, i128::MAX] {
        assert_refused(take(&village, amount), Error::AmountTooLarge);
        assert_refused(fund(&village, amount), Error::AmountTooLarge);
    }
    let nowhere = village.meter.try_fund_float(&village.payer, &99, &1);
    assert_refused(verdict(nowhere), Error::UnknownSite);
    assert_refused(
        verdict(village.meter.try_get_float(&99)),
        Error::UnknownSite,
    );
    assert_eq!(float(&village).balance, 10);
}

fn a_new_operator_takes_over_the_float(village: Village) {
    fund(&village, 10).expect("the payer has money");
    let next = Address::generate(&village.env);
    village.meter.set_operator(&SITE, &next);
    take(&village, 1).expect("it is there");
    village.assert_signed_by(&next);
}

fn the_provider_withdraws_what_was_collected_and_no_float(village: Village) {
    let withdraw = |amount: i128| verdict(village.meter.try_withdraw(&village.admin, &amount));
    village.register(1);
    village.pay(0, 100, Plan::UsageBased);
    village.meter.add_site(&9, &village.operator);
    village.meter.fund_float(&village.payer, &9, &70);
    fund(&village, 50).expect("the payer has money");
    assert_refused(withdraw(101), Error::MoreThanCollected);
    assert_eq!(withdraw(100), Ok(()));
    credit(&village, 1, &credit_of(0, 20)).expect("the float holds it");
    assert_refused(withdraw(21), Error::MoreThanCollected);
    assert_eq!(withdraw(20), Ok(()));
    take(&village, 30).expect("it is there");
    assert_eq!(village.token.balance(&village.meter.address), 70);
    assert_refused(withdraw(1), Error::MoreThanCollected);
}

fn a_credit_moves_money_from_the_float_to_the_meters(village: Village) {
    village.register(2);
    fund(&village, 1_000).expect("the payer has money");
    let top_ups = [credit_of(0, 300), credit_of(1, 500)].concat();
    let after = credit(&village, 1, &top_ups).expect("the float holds it");
    assert_eq!((after.sequence, after.balance), (1, 200));
    assert_eq!(
        (after.credited, after.refused, after.total_credited),
        (800, 0, 800)
    );
    assert_eq!(
        (after.previous_digest.to_array(), after.closed_at),
        ([0; 32], village.now())
    );
    assert_eq!(float(&village), after);
    assert_eq!([0, 1].map(|slot| village.record(slot).balance), [300, 500]);
    assert_eq!(village.token.balance(&village.meter.address), 1_000);
    let next = credit(&village, 2, &credit_of(0, 200)).expect("the float holds it");
    assert_eq!(next.previous_digest, after.digest);
    assert_eq!(
        (next.credited, next.total_credited, next.balance),
        (200, 1_000, 0)
    );
}

fn a_repeated_credit_changes_nothing(village: Village) {
    village.register(1);
    fund(&village, 1_000).expect("the payer has money");
    let after = credit(&village, 1, &credit_of(0, 300)).expect("the float holds it");
    village.wait(30 * DAY);
    for _ in 0..3 {
        assert_eq!(credit(&village, 1, &credit_of(0, 300)), Ok(after.clone()));
        assert_eq!(events(&village), []);
    }
    assert_eq!((village.record(0).balance, float(&village)), (300, after));
}

fn other_content_under_the_same_sequence_is_refused(village: Village) {
    village.register(2);
    fund(&village, 1_000).expect("the payer has money");
    let after = credit(&village, 1, &credit_of(0, 300)).expect("the float holds it");
    let spoilt = [
        credit_of(0, 301).to_vec(),
        credit_of(1, 300).to_vec(),
        vec![top_up(0, 300, Plan::Daily)],
        [credit_of(0, 300), credit_of(0, 300)].concat(),
    ];
    for other in spoilt {
        assert_refused(credit(&village, 1, &other), Error::SequenceUsed);
    }
    assert_eq!(float(&village), after);
}

fn credits_count_from_one_without_a_gap(village: Village) {
    village.register(1);
    fund(&village, 1_000).expect("the payer has money");
    for sequence in [0, 2, u64::MAX] {
        assert_refused(
            credit(&village, sequence, &credit_of(0, 1)),
            Error::SequenceGap,
        );
    }
    for sequence in [1, 2] {
        credit(&village, sequence, &credit_of(0, 1)).expect("the next one");
    }
    for sequence in [0, 1, 4] {
        assert_refused(
            credit(&village, sequence, &credit_of(0, 1)),
            Error::SequenceGap,
        );
    }
}

fn a_credit_beyond_the_float_is_refused_whole(village: Village) {
    village.register(2);
    fund(&village, 100).expect("the payer has money");
    let top_ups = [credit_of(0, 60), credit_of(1, 41)].concat();
    assert_refused(credit(&village, 1, &top_ups), Error::FloatTooSmall);
    let beyond = [credit_of(0, i64::MAX), credit_of(1, 1)].concat();
    assert_refused(credit(&village, 1, &beyond), Error::AmountTooLarge);
    assert_eq!([0, 1].map(|slot| village.record(slot).balance), [0, 0]);
    assert_eq!(
        (float(&village).balance, float(&village).sequence),
        (100, 0)
    );
}

fn what_can_not_be_applied_stays_in_the_float(village: Village) {
    village.register(1);
    village.register_as(1);
    // All the money there is isn't enough to fill a balance at once.
    village.pay(0, HALF, Plan::UsageBased);
    village.meter.withdraw(&village.payer, &HALF.into());
    village.pay(0, i64::MAX - HALF - 100, Plan::UsageBased);
    fund(&village, 3 * i128::from(WEEKLY)).expect("the payer has money");
    let elsewhere = TopUp {
        meter_id: 99 << 32,
        amount: 7,
        plan: Plan::UsageBased,
    };
    let top_ups = [
        elsewhere,
        top_up(9, 11, Plan::UsageBased),
        top_up(0, DAILY - 1, Plan::Daily),
        top_up(1, WEEKLY, Plan::Weekly),
        top_up(0, 101, Plan::UsageBased),
        top_up(1, 13, Plan::UsageBased),
        top_up(640, 17, Plan::UsageBased),
    ];
    let after = credit(&village, 1, &top_ups).expect("the float holds it");
    assert_eq!(after.credited, 13);
    assert_eq!(after.refused, 7 + 11 + (DAILY - 1) + WEEKLY + 101 + 17);
    assert_eq!(after.balance, 3 * WEEKLY - 13);
    let record = village.record(0);
    assert_eq!(
        (record.balance, record.plan, record.paid_until),
        (i64::MAX - 100, 3, 0)
    );
}

fn amounts_are_above_zero(village: Village) {
    village.register(1);
    for amount in [0, -1, i64::MIN] {
        let top_ups = [credit_of(0, 5), credit_of(0, amount)].concat();
        assert_refused(credit(&village, 1, &top_ups), Error::AmountNotPositive);
    }
    assert_eq!(village.record(0).balance, 0);
}

fn a_credit_has_from_one_to_a_hundred_top_ups(village: Village) {
    village.register(1);
    fund(&village, 1_000).expect("the payer has money");
    assert_refused(credit(&village, 1, &[]), Error::InvalidTopUps);
    let many: std::vec::Vec<_> = (0..101).map(|_| top_up(0, 1, Plan::UsageBased)).collect();
    assert_refused(credit(&village, 1, &many), Error::InvalidTopUps);
    let after = credit(&village, 1, &many[..100]).expect("as many as are allowed");
    assert_eq!((after.credited, village.record(0).balance), (100, 100));
}

fn top_ups_are_exact_to_the_byte(village: Village) {
    village.register(1);
    fund(&village, 1_000).expect("the payer has money");
    let good: std::vec::Vec<u8> = top_ups_text(&village.env, &credit_of(0, 1))
        .iter()
        .collect();
    let with = |position: usize, value: u8| {
        let mut text = good.clone();
        text[position] = value;
        text
    };
    let spoilt = [
        vec![],
        good[..3].to_vec(),
        good[..23].to_vec(),
        [good.as_slice(), &[0]].concat(),
        [&good[..], &good[4..]].concat(),
        // A count that isn't theirs, and plans that there aren't.
        with(3, 2),
        with(0, 1),
        with(23, 0),
        with(23, 4),
        with(20, 1),
    ];
    for text in spoilt {
        let top_ups = Bytes::from_slice(&village.env, &text);
        let answer = village
            .meter
            .try_credit(&village.signer, &SITE, &1, &top_ups);
        assert_refused(verdict(answer), Error::InvalidTopUps);
    }
    assert_eq!(
        credit(&village, 1, &credit_of(0, 1))
            .expect("it is there")
            .credited,
        1
    );
}

fn a_float_has_the_bounds_of_an_amount(village: Village) {
    let full = Float {
        balance: i64::MAX - 10,
        ..float(&village)
    };
    village.env.as_contract(&village.meter.address, || {
        let storage = village.env.storage().persistent();
        storage.set(&Key::Float(SITE), &full);
    });
    assert_refused(fund(&village, 11), Error::AmountTooLarge);
    fund(&village, 10).expect("that much fits");
    assert_eq!(float(&village).balance, i64::MAX);
    assert_refused(fund(&village, 1), Error::AmountTooLarge);
}

fn a_credit_is_announced_with_a_map_for_each_page(village: Village) {
    village.register(65);
    fund(&village, 1_000).expect("the payer has money");
    let top_ups = [0, 3, 64, 65].map(|slot| top_up(slot, 10, Plan::UsageBased));
    let after = credit(&village, 1, &top_ups).expect("the float holds it");
    let summary = event(
        "credit",
        &[ScVal::U32(SITE)],
        &[
            ("credited", ScVal::I64(30)),
            ("digest", bytes(&after.digest.to_array())),
            ("refused", ScVal::I64(10)),
            ("sequence", ScVal::U64(1)),
        ],
    );
    let pages = [page_event(0, 0b1001, 0, 0), page_event(1, 0b01, 0, 0b10)];
    assert_eq!(events(&village), [&pages[..], &[summary]].concat());
}

fn a_hundred_top_ups_on_four_pages_fit_into_one_credit(village: Village) {
    village.register(200);
    fund(&village, 1_000).expect("the payer has money");
    let top_ups: std::vec::Vec<_> = (0..100)
        .map(|number| top_up(number * 2, 1, Plan::UsageBased))
        .collect();
    let after = credit(&village, 1, &top_ups).expect("the float holds it");
    assert_eq!((after.credited, events(&village).len()), (100, 5));
    assert_eq!(village.record(198).balance, 1);
}

fn plans_are_bought_as_by_a_payment(village: Village) {
    village.register(2);
    fund(&village, DAILY.into()).expect("the payer has money");
    credit(&village, 1, &[top_up(0, DAILY, Plan::Daily)]).expect("the float holds it");
    village.pay(1, DAILY, Plan::Daily);
    assert_eq!(village.record(0), village.record(1));
    assert_eq!(village.record(0).paid_until, START + DAY);
}

fn only_signers_credit_and_only_while_not_paused(village: Village) {
    village.register(1);
    fund(&village, 1_000).expect("the payer has money");
    let top_ups = top_ups_text(&village.env, &credit_of(0, 1));
    let stranger = Address::generate(&village.env);
    let answer = village.meter.try_credit(&stranger, &SITE, &1, &top_ups);
    assert_refused(verdict(answer), Error::NotAllowed);
    credit(&village, 1, &credit_of(0, 1)).expect("the float holds it");
    village.assert_signed_by(&village.signer);
    village.meter.pause();
    assert!(credit(&village, 1, &credit_of(0, 1)).is_err());
    assert!(fund(&village, 1).is_err() && take(&village, 1).is_err());
    village.env.set_auths(&[]);
    assert_eq!(float(&village).balance, 999, "reading goes on");
}

fn a_credit_renews_the_float_and_its_pages(village: Village) {
    use soroban_sdk::testutils::storage::Persistent as _;
    village.register(1);
    fund(&village, 1_000).expect("the payer has money");
    village.wait(50 * DAY + HOUR);
    credit(&village, 1, &credit_of(0, 1)).expect("the float holds it");
    let lives = village.env.as_contract(&village.meter.address, || {
        let storage = village.env.storage().persistent();
        [Key::Float(SITE), Key::Page(SITE, 0), Key::Site(SITE)].map(|key| storage.get_ttl(&key))
    });
    assert_eq!(lives, [crate::village::MAX_TTL_LEDGERS - 1; 3]);
}
