//! Ledger time: it rules time bounds, it can be driven, and it never goes back.

use serde_json::json;
use soroban_env_host::xdr::*;

use super::support::*;

fn bounded(net: &Net, key: &ed25519_dalek::SigningKey, min: u64, max: u64) -> Transaction {
    let mut transaction = net.transaction(key, vec![payment(key, 1)]);
    transaction.cond = Preconditions::Time(TimeBounds {
        min_time: TimePoint(min),
        max_time: TimePoint(max),
    });
    transaction
}

fn close_time(net: &Net) -> u64 {
    let latest = net.call("getLatestLedger", json!({}));
    latest["closeTime"].as_str().unwrap().parse().unwrap()
}

#[test]
fn time_bounds_are_held_against_ledger_time_to_the_second() {
    let net = Net::manual();
    let alice = net.account(1);
    let now = START_S;
    let early = net.refused(bounded(&net, &alice, now + 1, 0), &[&alice]);
    assert_eq!(early.result, TransactionResultResult::TxTooEarly);
    let late = net.refused(bounded(&net, &alice, 0, now - 1), &[&alice]);
    assert_eq!(late.result, TransactionResultResult::TxTooLate);
    let answer = net.send(bounded(&net, &alice, now, now), &[&alice]);
    assert_eq!(answer["status"], "PENDING");
}

#[test]
fn a_transaction_whose_time_runs_out_while_it_waits_vanishes_without_a_charge() {
    let net = Net::manual();
    let alice = net.account(1);
    let before = net.account_entry(&alice);
    let sent = net.send(bounded(&net, &alice, 0, START_S + 10), &[&alice]);
    net.call("dev_advance", json!({"seconds": 11}));
    let answer = net.call("getTransaction", json!({"hash": sent["hash"]}));
    assert_eq!(answer["status"], "NOT_FOUND");
    assert_eq!(answer["latestLedgerCloseTime"], (START_S + 11).to_string());
    assert_eq!(net.account_entry(&alice), before);
}

#[test]
fn ledger_bounds_are_held_against_the_ledger_to_be_entered() {
    let net = Net::manual();
    let alice = net.account(1);
    let next = net.latest() + 1;
    let with_bounds = |min_ledger, max_ledger| {
        let mut transaction = net.transaction(&alice, vec![payment(&alice, 1)]);
        transaction.cond = Preconditions::V2(PreconditionsV2 {
            ledger_bounds: Some(LedgerBounds {
                min_ledger,
                max_ledger,
            }),
            ..PreconditionsV2::default()
        });
        transaction
    };
    let early = net.refused(with_bounds(next + 1, 0), &[&alice]);
    assert_eq!(early.result, TransactionResultResult::TxTooEarly);
    let late = net.refused(with_bounds(0, next), &[&alice]);
    assert_eq!(late.result, TransactionResultResult::TxTooLate);
    let answer = net.send(with_bounds(next, next + 1), &[&alice]);
    assert_eq!(answer["status"], "PENDING");
}

#[test]
fn ledger_time_stands_still_when_the_wall_clock_goes_back() {
    let net = Net::manual();
    net.set_wall(START_S + 100);
    net.close();
    net.set_wall(START_S - 5_000);
    net.close();
    assert_eq!(close_time(&net), START_S + 100);
    net.set_wall(START_S + 101);
    net.close();
    assert_eq!(close_time(&net), START_S + 101);
}

#[test]
fn closing_ledgers_counts_them_without_moving_time() {
    let net = Net::manual();
    let before = net.latest();
    let answer = net.call("dev_closeLedgers", json!({"n": 1_000}));
    assert_eq!(answer["sequence"], before + 1_000);
    assert_eq!(answer["closeTime"], START_S.to_string());
}

#[test]
fn advancing_ledgers_moves_time_by_five_seconds_each_in_one_close() {
    let net = Net::manual();
    let before = net.latest();
    let answer = net.call("dev_advanceLedgers", json!({"n": 17_280}));
    assert_eq!(answer["sequence"], before + 17_280);
    assert_eq!(answer["closeTime"], (START_S + 86_400).to_string());
}

#[test]
fn a_count_that_makes_no_sense_is_answered_with_its_bounds() {
    let net = Net::manual();
    for (method, params) in [
        ("dev_closeLedgers", json!({"n": 0})),
        ("dev_closeLedgers", json!({})),
        ("dev_advance", json!({"seconds": -1})),
        ("dev_advanceLedgers", json!({"n": 4_000_000_000_u32})),
    ] {
        let error = net.refusal(method, params.clone());
        assert_eq!(error.code, -32602, "{method} {params}");
    }
    assert_eq!(net.latest(), 1);
}
