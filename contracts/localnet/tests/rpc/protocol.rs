//! The JSON-RPC envelope, and what the informative methods say.

use localnet::rpc::respond;
use serde_json::{json, Value};
use soroban_env_host::xdr::*;

use super::support::*;

#[test]
fn malformed_json_is_a_parse_error() {
    let net = Net::manual();
    let answer = respond(&net.node, b"{\"method\":");
    assert_eq!(answer["error"]["code"], -32700);
    assert_eq!(answer["id"], Value::Null);
}

#[test]
fn a_request_without_a_method_and_an_unknown_method_are_told_apart() {
    let net = Net::manual();
    let answer = respond(&net.node, b"[1, 2]");
    assert_eq!(answer["error"]["code"], -32600);
    let answer = respond(&net.node, br#"{"id": "x", "method": "getMoon"}"#);
    assert_eq!(answer["error"]["code"], -32601);
    assert_eq!(answer["id"], "x");
}

#[test]
fn an_answer_carries_the_id_of_its_request() {
    let net = Net::manual();
    let answer = respond(
        &net.node,
        br#"{"jsonrpc":"2.0","id":7,"method":"getHealth"}"#,
    );
    assert_eq!(answer["id"], 7);
    assert_eq!(answer["result"]["status"], "healthy");
    assert_eq!(answer["result"]["ledgerRetentionWindow"], 120_960);
}

#[test]
fn a_panic_while_the_ledger_is_held_does_not_stop_later_requests() {
    let net = Net::manual();
    let node = net.node.clone();
    let broken = std::thread::spawn(move || {
        let _ledger = node.lock();
        panic!("as a request might");
    });
    assert!(broken.join().is_err());
    assert_eq!(net.call("getHealth", json!({}))["status"], "healthy");
}

#[test]
fn what_is_not_xdr_is_refused_as_stellar_rpc_refuses_it() {
    let net = Net::manual();
    for transaction in ["AAAA", "not base64", ""] {
        let error = net.refusal("sendTransaction", json!({"transaction": transaction}));
        assert_eq!(
            (error.code, error.message.as_str()),
            (-32602, "invalid_xdr")
        );
    }
    let error = net.refusal("getLedgerEntries", json!({"keys": ["AAAA"]}));
    assert_eq!(error.message, "cannot unmarshal key value AAAA at index 0");
}

#[test]
fn a_v0_envelope_is_refused_with_a_sentence() {
    let net = Net::manual();
    let envelope = TransactionEnvelope::TxV0(TransactionV0Envelope {
        tx: TransactionV0 {
            source_account_ed25519: Uint256([1; 32]),
            fee: 100,
            seq_num: SequenceNumber(1),
            time_bounds: None,
            memo: Memo::None,
            operations: VecM::default(),
            ext: TransactionV0Ext::V0,
        },
        signatures: VecM::default(),
    });
    let params = json!({"transaction": to_base64(&envelope)});
    let error = net.refusal("sendTransaction", params);
    assert!(error.message.contains("no V0"), "{}", error.message);
}

#[test]
fn only_base64_is_offered() {
    let net = Net::manual();
    let error = net.refusal("getHealth", json!({"xdrFormat": "json"}));
    assert_eq!(error.code, -32602);
}

#[test]
fn the_latest_ledger_comes_with_its_header_and_metadata() {
    let net = Net::manual();
    net.close();
    let latest = net.call("getLatestLedger", json!({}));
    let header: LedgerHeader = from_base64(&latest["headerXdr"]);
    assert_eq!(header.ledger_seq, 2);
    assert_eq!(header.scp_value.close_time.0, START_S);
    let LedgerCloseMeta::V2(meta) = from_base64(&latest["metadataXdr"]) else {
        panic!("metadata of version 2");
    };
    assert_eq!(meta.ledger_header.header, header);
    assert_eq!(latest["id"], hex::encode(meta.ledger_header.hash.0));
    net.close();
    let next: LedgerHeader = from_base64(&net.call("getLatestLedger", json!({}))["headerXdr"]);
    assert_eq!(next.previous_ledger_hash, meta.ledger_header.hash);
}

#[test]
fn times_to_live_cannot_be_asked_for_by_themselves() {
    let net = Net::manual();
    let key = LedgerKey::Ttl(LedgerKeyTtl {
        key_hash: Hash([0; 32]),
    });
    let error = net.refusal("getLedgerEntries", json!({"keys": [to_base64(&key)]}));
    assert_eq!(
        error.message,
        "ledger ttl entries cannot be queried directly"
    );
}

#[test]
fn transactions_are_listed_page_by_page_in_order() {
    let net = Net::closing();
    let alice = net.account(1);
    for stroops in 1..=4 {
        net.send(
            net.transaction(&alice, vec![payment(&alice, stroops)]),
            &[&alice],
        );
    }
    let first = net.call(
        "getTransactions",
        json!({"startLedger": 1, "pagination": {"limit": 3}}),
    );
    let rest = net.call(
        "getTransactions",
        json!({"pagination": {"limit": 3, "cursor": first["cursor"]}}),
    );
    let ledgers = |page: &Value| -> Vec<u64> {
        let list = page["transactions"].as_array().unwrap();
        list.iter()
            .map(|one| one["ledger"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(
        (ledgers(&first), ledgers(&rest)),
        (vec![2, 3, 4], vec![5, 6])
    );
    let end = net.call(
        "getTransactions",
        json!({"pagination": {"cursor": rest["cursor"]}}),
    );
    assert_eq!(ledgers(&end), Vec::<u64>::new());
}

#[test]
fn a_transaction_older_than_the_window_is_not_found_and_not_listed() {
    let net = Net::new(false, 10);
    let alice = net.account(1);
    let answer = net.apply(net.transaction(&alice, vec![payment(&alice, 1)]), &alice);
    net.call("dev_closeLedgers", json!({"n": 20}));
    let later = net.call("getTransaction", json!({"hash": answer["txHash"]}));
    assert_eq!(later["status"], "NOT_FOUND");
    assert_eq!(later["oldestLedger"], net.latest() - 9);
    let error = net.refusal("getTransactions", json!({"startLedger": 2}));
    let latest = net.latest();
    let oldest = latest - 9;
    assert_eq!(
        error.message,
        format!(
            "start ledger (2) must be between the oldest ledger: {oldest} and the latest \
             ledger: {latest} for this rpc instance"
        )
    );
}
