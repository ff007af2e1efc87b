//! Events: filtered, in pages, and only as far back as the window reaches.

use ed25519_dalek::SigningKey;
use serde_json::{json, Value};
use soroban_env_host::xdr::*;

use super::contracts::{address, deploy_native_asset, transfer};
use super::support::*;

/// Three transfers of 1, 2 and 3 stroops, the last one from bob.
struct Transfers {
    net: Net,
    token: ContractId,
    alice: SigningKey,
}

fn transfers() -> Transfers {
    let net = Net::closing();
    let (alice, bob) = (net.account(1), net.account(2));
    let token = deploy_native_asset(&net, &alice);
    net.run(&alice, transfer(&token, &alice, &bob, 1));
    net.run(&alice, transfer(&token, &alice, &bob, 2));
    net.run(&bob, transfer(&token, &bob, &alice, 3));
    Transfers { net, token, alice }
}

fn amounts(answer: &Value) -> Vec<u64> {
    let events = answer["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| match from_base64(&event["value"]) {
            ScVal::I128(amount) => amount.lo,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn filtered(net: &Net, filter: Value) -> Vec<u64> {
    amounts(&net.call("getEvents", json!({"startLedger": 1, "filters": [filter]})))
}

#[test]
fn without_a_filter_all_events_come_in_order() {
    let all = transfers();
    let answer = all.net.call("getEvents", json!({"startLedger": 1}));
    assert_eq!(amounts(&answer), [1, 2, 3]);
    let event = &answer["events"][0];
    assert_eq!(event["type"], "contract");
    assert_eq!(event["transactionIndex"], 1);
    assert_eq!(event["operationIndex"], 0);
    assert_eq!(event["ledgerClosedAt"], "2027-01-15T08:00:00Z");
    let contract = stellar_strkey::Contract(all.token.0 .0).to_string();
    assert_eq!(event["contractId"], contract.as_str());
}

#[test]
fn topics_are_matched_with_one_and_two_stars() {
    let all = transfers();
    let name = to_base64(&ScVal::Symbol("transfer".try_into().unwrap()));
    let alice = to_base64(&ScVal::Address(address(&all.alice)));
    for (topics, expected) in [
        (json!([[name, "**"]]), vec![1, 2, 3]),
        (json!([["**"]]), vec![1, 2, 3]),
        (json!([[name, alice, "*", "*"]]), vec![1, 2]),
        (json!([[name, "*", alice, "**"]]), vec![3]),
        (
            json!([["*", alice, "**"], ["*", "*", alice, "*"]]),
            vec![1, 2, 3],
        ),
        (json!([[name, "*"]]), vec![]),
        (json!([[alice, "**"]]), vec![]),
    ] {
        let found = filtered(&all.net, json!({"topics": topics}));
        assert_eq!(found, expected, "{topics}");
    }
}

#[test]
fn events_are_chosen_by_contract_and_type() {
    let all = transfers();
    let own = stellar_strkey::Contract(all.token.0 .0).to_string();
    let other = stellar_strkey::Contract([7; 32]).to_string();
    assert_eq!(
        filtered(&all.net, json!({"contractIds": [own.as_str()]})).len(),
        3
    );
    assert_eq!(
        filtered(&all.net, json!({"contractIds": [other.as_str()]})).len(),
        0
    );
    assert_eq!(filtered(&all.net, json!({"type": "contract"})).len(), 3);
    assert_eq!(filtered(&all.net, json!({"type": "system"})).len(), 0);
}

#[test]
fn a_cursor_goes_on_right_after_the_last_event_and_waits_at_the_end() {
    let all = transfers();
    let page = |pagination: Value, start: Option<u32>| {
        let mut params = json!({"pagination": pagination});
        if let Some(start) = start {
            params["startLedger"] = json!(start);
        }
        all.net.call("getEvents", params)
    };
    let first = page(json!({"limit": 2}), Some(1));
    assert_eq!(amounts(&first), [1, 2]);
    assert_eq!(first["cursor"], first["events"][1]["id"]);
    let second = page(json!({"limit": 2, "cursor": first["cursor"]}), None);
    assert_eq!(amounts(&second), [3]);
    let end = page(json!({"cursor": second["cursor"]}), None);
    assert_eq!(amounts(&end), Vec::<u64>::new());
    let bob = SigningKey::from_bytes(&[2; 32]);
    all.net
        .run(&all.alice, transfer(&all.token, &all.alice, &bob, 4));
    let later = page(json!({"cursor": end["cursor"]}), None);
    assert_eq!(amounts(&later), [4]);
}

#[test]
fn an_end_ledger_is_not_included() {
    let all = transfers();
    let ledger = |index: usize| {
        let answer = all.net.call("getEvents", json!({"startLedger": 1}));
        answer["events"][index]["ledger"].as_u64().unwrap()
    };
    let range = json!({"startLedger": ledger(0), "endLedger": ledger(2)});
    assert_eq!(amounts(&all.net.call("getEvents", range)), [1, 2]);
}

#[test]
fn ledgers_outside_the_window_are_refused_in_stellar_rpcs_words() {
    let net = Net::new(false, 10);
    net.call("dev_closeLedgers", json!({"n": 99}));
    for start in [90, 101] {
        let error = net.refusal("getEvents", json!({"startLedger": start}));
        assert_eq!(error.code, -32600);
        let words = "startLedger must be within the ledger range: 91 - 100";
        assert_eq!(error.message, words);
    }
    net.call("getEvents", json!({"startLedger": 91}));
    let old = "0000000042949672959-4294967295";
    let error = net.refusal("getEvents", json!({"pagination": {"cursor": old}}));
    assert_eq!(error.code, -32600);
}

#[test]
fn one_request_looks_through_ten_thousand_ledgers() {
    let all = transfers();
    all.net.call("dev_closeLedgers", json!({"n": 20_000}));
    let start = 9_u32;
    let answer = all.net.call("getEvents", json!({"startLedger": start}));
    let last = u64::from(start + 9_999) << 32 | u64::from(u32::MAX);
    assert_eq!(answer["cursor"], format!("{last:019}-4294967295"));
}

#[test]
fn wrong_filters_are_refused_in_stellar_rpcs_words() {
    let net = Net::manual();
    for (params, words) in [
        (json!({}), "startLedger must be positive"),
        (
            json!({"startLedger": 1, "pagination": {"cursor": "1-1"}}),
            "ledger ranges and cursor cannot both be set",
        ),
        (
            json!({"startLedger": 1, "pagination": {"limit": 10_001}}),
            "limit must not exceed 10000",
        ),
        (
            json!({"startLedger": 1, "filters": [{}, {}, {}, {}, {}, {}]}),
            "maximum 5 filters per request",
        ),
        (
            json!({"startLedger": 1, "filters": [{"type": "diagnostic"}]}),
            "filter 1 invalid: filter type invalid: if set, type must be either 'system' or 'contract'",
        ),
        (
            json!({"startLedger": 1, "filters": [{"contractIds": ["C"]}]}),
            "filter 1 invalid: contract ID 1 invalid",
        ),
        (
            json!({"startLedger": 1, "filters": [{}, {"topics": [["**", "*"]]}]}),
            "filter 2 invalid: topic 1 invalid: segment 1 invalid: wildcard '**' is only allowed as the last segment",
        ),
        (
            json!({"startLedger": 1, "filters": [{"topics": [["*", "*", "*", "*", "*"]]}]}),
            "filter 1 invalid: topic 1 invalid: topic cannot have more than 4 segments",
        ),
        (
            json!({"startLedger": 1, "filters": [{"topics": [[]]}]}),
            "filter 1 invalid: topic 1 invalid: topic must have at least 1 segment",
        ),
    ] {
        let error = net.refusal("getEvents", params);
        assert_eq!((error.code, error.message.as_str()), (-32602, words));
    }
}
