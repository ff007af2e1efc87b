//! A ledger written down and taken up again: nothing lost, nothing foreign or torn accepted.

use serde_json::{json, Value};
use soroban_env_host::xdr::ScVal;

use super::contracts::{call, deploy, deploy_native_asset, transfer};
use super::support::*;

/// A network with a contract, events, a fee bump, time ahead of its clock and a
/// transaction that waits.
fn busy() -> Net {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let contract = deploy(&net, &alice);
    net.run(&alice, call(&contract, "put", vec![]));
    let token = deploy_native_asset(&net, &alice);
    net.run(&alice, transfer(&token, &alice, &bob, 7));
    let inner = sign(net.transaction(&alice, vec![payment(&bob, 5)]), &[&alice]);
    net.apply_envelope(&bump(&inner, &bob, 1_000, &[&bob]));
    net.call("dev_advance", json!({"seconds": 86_400}));
    net.send(net.transaction(&bob, vec![payment(&alice, 9)]), &[&bob]);
    net
}

fn snapshot(net: &Net) -> Vec<u8> {
    net.node.lock().snapshot()
}

#[test]
fn a_resumed_ledger_answers_every_question_as_the_one_before() {
    let before = busy();
    let after = Net::resume(&snapshot(&before), 120_960).unwrap();
    assert_eq!(snapshot(&after), snapshot(&before));
    let hash = before.call("getTransactions", json!({"startLedger": 1}))["transactions"][3]
        ["txHash"]
        .clone();
    for (method, params) in [
        ("getHealth", json!({})),
        ("getNetwork", json!({})),
        ("getLatestLedger", json!({})),
        ("getFeeStats", json!({})),
        ("getEvents", json!({"startLedger": 1})),
        ("getTransactions", json!({"startLedger": 1})),
        ("getTransaction", json!({"hash": hash})),
    ] {
        let answers = [&before, &after].map(|net| net.call(method, params.clone()));
        assert_eq!(answers[0], answers[1], "{method}");
    }
}

#[test]
fn a_resumed_ledger_goes_on_with_its_contracts_its_time_and_what_waits() {
    let before = busy();
    let after = Net::resume(&snapshot(&before), 120_960).unwrap();
    let (alice, bob) = (key(1), key(2));
    let spent = after.account_entry(&bob).balance;
    after.close();
    assert_eq!(after.account_entry(&bob).balance, spent - 9 - 100);
    let latest = after.call("getLatestLedger", json!({}));
    assert_eq!(latest["closeTime"], (START_S + 86_400).to_string());
    let token = call_token(&before);
    let sent = after.run(&alice, transfer(&token, &alice, &bob, 1));
    assert_eq!(sent, ScVal::Void);
}

fn call_token(net: &Net) -> soroban_env_host::xdr::ContractId {
    let answer = net.call("getEvents", json!({"startLedger": 1}));
    let id = answer["events"][0]["contractId"].as_str().unwrap();
    let bytes = stellar_strkey::Contract::from_string(id).unwrap().0;
    soroban_env_host::xdr::ContractId(soroban_env_host::xdr::Hash(bytes))
}

#[test]
fn a_shorter_window_forgets_what_has_left_it() {
    let before = busy();
    let after = Net::resume(&snapshot(&before), 2).unwrap();
    let health = after.call("getHealth", json!({}));
    assert_eq!(health["oldestLedger"], after.latest() - 1);
    assert_eq!(health["ledgerRetentionWindow"], 2);
    let listed = after.call("getTransactions", json!({"startLedger": after.latest()}));
    assert_eq!(listed["transactions"], Value::Array(vec![]));
}

#[test]
fn a_file_that_is_torn_anywhere_is_not_taken_for_a_ledger() {
    let whole = snapshot(&Net::manual());
    let first_line = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for length in (0..whole.len() - 1)
        .step_by(97)
        .chain([first_line, first_line + 1])
    {
        let refusal = Net::resume(&whole[..length], 10).err();
        assert!(refusal.is_some(), "the first {length} bytes");
    }
    for place in (0..whole.len() - 1).step_by(101) {
        let mut altered = whole.clone();
        altered[place] ^= 1;
        let refusal = Net::resume(&altered, 10).err();
        assert!(refusal.is_some(), "byte {place} altered");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let whole = String::from_utf8(snapshot(&Net::manual())).unwrap();
    let torn = &whole[..whole.len() / 2];
    let newer = whole.replacen("localnet-snapshot 1", "localnet-snapshot 2", 1);
    for (text, words) in [
        ("", "is not a snapshot of localnet"),
        ("{\"a\": 1}\n", "is not a snapshot of localnet"),
        (torn, "is torn"),
        (newer.as_str(), "is a snapshot of version 2"),
    ] {
        let sentence = Net::resume(text.as_bytes(), 10).err().unwrap();
        assert!(sentence.starts_with(words), "{sentence}");
    }
}

#[test]
fn without_a_file_to_write_to_the_request_says_what_to_do() {
    let error = Net::manual().refusal("dev_snapshot", json!({}));
    assert!(
        error.message.contains("--snapshot FILE"),
        "{}",
        error.message
    );
}
