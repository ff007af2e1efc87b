//! Which transactions are taken, which are refused and with what code, and what they pay.

use serde_json::json;
use soroban_env_host::xdr::*;

use super::support::*;

const XLM: i64 = 10_000_000;

fn payment_codes(answer: &serde_json::Value) -> Vec<OperationResult> {
    match result(answer).result {
        TransactionResultResult::TxSuccess(results)
        | TransactionResultResult::TxFailed(results) => results.to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_payment_moves_its_amount_and_costs_the_base_fee() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let mut transaction = net.transaction(&alice, vec![payment(&bob, 5 * XLM)]);
    transaction.fee = 5_000;
    let answer = net.apply(transaction, &alice);
    assert_eq!(answer["status"], "SUCCESS");
    assert_eq!(result(&answer).fee_charged, 100);
    assert_eq!(net.account_entry(&alice).balance, 9_995 * XLM - 100);
    assert_eq!(net.account_entry(&bob).balance, 10_005 * XLM);
}

#[test]
fn a_failed_operation_undoes_the_others_but_costs_fee_and_sequence_number() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let before = net.account_entry(&alice);
    let operations = vec![payment(&bob, XLM), payment(&bob, 20_000 * XLM)];
    let answer = net.apply(net.transaction(&alice, operations), &alice);
    assert_eq!(answer["status"], "FAILED");
    let underfunded = OperationResultTr::Payment(PaymentResult::Underfunded);
    assert_eq!(
        payment_codes(&answer)[1],
        OperationResult::OpInner(underfunded)
    );
    let after = net.account_entry(&alice);
    assert_eq!(after.balance, before.balance - 200);
    assert_eq!(after.seq_num.0, before.seq_num.0 + 1);
    assert_eq!(net.account_entry(&bob).balance, 10_000 * XLM);
}

#[test]
fn a_payment_cannot_touch_the_reserve() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let all_but_reserve = net.account_entry(&alice).balance - XLM - 100;
    let answer = net.apply(
        net.transaction(&alice, vec![payment(&bob, all_but_reserve + 1)]),
        &alice,
    );
    assert_eq!(answer["status"], "FAILED");
    let answer = net.apply(
        net.transaction(&alice, vec![payment(&bob, all_but_reserve - 100)]),
        &alice,
    );
    assert_eq!(answer["status"], "SUCCESS");
    assert_eq!(net.account_entry(&alice).balance, XLM);
}

#[test]
fn a_second_transaction_of_one_source_has_to_wait() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let first = net.transaction(&alice, vec![payment(&bob, XLM)]);
    let mut second = first.clone();
    second.seq_num.0 += 1;
    assert_eq!(net.send(first.clone(), &[&alice])["status"], "PENDING");
    assert_eq!(net.send(first, &[&alice])["status"], "DUPLICATE");
    let waiting = net.send(second.clone(), &[&alice]);
    assert_eq!(waiting["status"], "TRY_AGAIN_LATER");
    net.close();
    assert_eq!(net.send(second, &[&alice])["status"], "PENDING");
}

#[test]
fn a_transaction_that_has_entered_a_ledger_is_a_bad_sequence_number_from_then_on() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let transaction = net.transaction(&alice, vec![payment(&bob, XLM)]);
    net.apply(transaction.clone(), &alice);
    let refusal = net.refused(transaction, &[&alice]);
    assert_eq!(refusal.result, TransactionResultResult::TxBadSeq);
    assert_eq!(net.account_entry(&bob).balance, 10_001 * XLM);
}

#[test]
fn a_sequence_number_ahead_is_refused() {
    let net = Net::manual();
    let alice = net.account(1);
    let mut transaction = net.transaction(&alice, vec![payment(&alice, XLM)]);
    transaction.seq_num.0 += 1;
    let refusal = net.refused(transaction, &[&alice]);
    assert_eq!(refusal.result, TransactionResultResult::TxBadSeq);
    assert_eq!(refusal.fee_charged, 100);
}

#[test]
fn missing_wrong_and_superfluous_signatures_are_refused() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let transaction = net.transaction(&alice, vec![payment(&bob, XLM)]);
    for (keys, expected) in [
        (vec![], TransactionResultResult::TxBadAuth),
        (vec![&bob], TransactionResultResult::TxBadAuth),
        (vec![&alice, &bob], TransactionResultResult::TxBadAuthExtra),
        (
            vec![&alice, &alice],
            TransactionResultResult::TxBadAuthExtra,
        ),
    ] {
        assert_eq!(net.refused(transaction.clone(), &keys).result, expected);
    }
    assert_eq!(net.send(transaction, &[&alice])["status"], "PENDING");
}

#[test]
fn a_signature_for_another_network_is_refused() {
    let net = Net::manual();
    let alice = net.account(1);
    let transaction = net.transaction(&alice, vec![payment(&alice, XLM)]);
    let TransactionEnvelope::Tx(mut envelope) = sign(transaction, &[&alice]) else {
        panic!("a V1 envelope");
    };
    envelope.tx.memo = Memo::Id(1);
    let envelope = to_base64(&TransactionEnvelope::Tx(envelope));
    let answer = net.call("sendTransaction", json!({"transaction": envelope}));
    let refusal: TransactionResult = from_base64(&answer["errorResultXdr"]);
    assert_eq!(refusal.result, TransactionResultResult::TxBadAuth);
}

#[test]
fn an_operation_for_another_account_needs_its_signature() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let mut transaction = net.transaction(&alice, vec![payment(&alice, XLM)]);
    let mut operations = transaction.operations.to_vec();
    operations[0].source_account = Some(muxed(&bob));
    transaction.operations = operations.try_into().unwrap();
    let refusal = net.refused(transaction.clone(), &[&alice]);
    let bad_auth = vec![OperationResult::OpBadAuth].try_into().unwrap();
    assert_eq!(refusal.result, TransactionResultResult::TxFailed(bad_auth));
    assert_eq!(net.send(transaction, &[&alice, &bob])["status"], "PENDING");
}

#[test]
fn a_fee_below_the_minimum_or_beyond_the_balance_is_refused() {
    let net = Net::manual();
    let alice = net.account(1);
    let mut transaction = net.transaction(&alice, vec![payment(&alice, XLM)]);
    transaction.fee = 99;
    let refusal = net.refused(transaction.clone(), &[&alice]);
    assert_eq!(refusal.result, TransactionResultResult::TxInsufficientFee);
    let spend = net.account_entry(&alice).balance - XLM - 1_000;
    let bob = net.account(2);
    net.apply(net.transaction(&alice, vec![payment(&bob, spend)]), &alice);
    let mut transaction = net.transaction(&alice, vec![payment(&alice, 1)]);
    transaction.fee = 1_000;
    let refusal = net.refused(transaction, &[&alice]);
    assert_eq!(
        refusal.result,
        TransactionResultResult::TxInsufficientBalance
    );
}

#[test]
fn an_unknown_source_account_is_refused() {
    let net = Net::manual();
    let alice = net.account(1);
    let stranger = ed25519_dalek::SigningKey::from_bytes(&[99; 32]);
    let mut transaction = net.transaction(&alice, vec![payment(&alice, XLM)]);
    transaction.source_account = muxed(&stranger);
    let refusal = net.refused(transaction, &[&stranger]);
    assert_eq!(refusal.result, TransactionResultResult::TxNoAccount);
}

#[test]
fn operations_that_are_not_carried_out_here_are_refused_and_cost_nothing() {
    let net = Net::manual();
    let alice = net.account(1);
    let merge = OperationBody::AccountMerge(muxed(&alice));
    let refusal = net.refused(net.transaction(&alice, vec![merge]), &[&alice]);
    let unsupported = vec![OperationResult::OpNotSupported].try_into().unwrap();
    assert_eq!(
        refusal.result,
        TransactionResultResult::TxFailed(unsupported)
    );
    assert_eq!(net.account_entry(&alice).balance, 10_000 * XLM);
}

#[test]
fn a_transaction_without_operations_is_refused() {
    let net = Net::manual();
    let alice = net.account(1);
    let refusal = net.refused(net.transaction(&alice, vec![]), &[&alice]);
    assert_eq!(refusal.result, TransactionResultResult::TxMissingOperation);
}

#[test]
fn an_account_is_created_once_and_not_below_its_reserve() {
    let net = Net::manual();
    let alice = net.account(1);
    let bob = ed25519_dalek::SigningKey::from_bytes(&[2; 32]);
    let create = |starting_balance| {
        OperationBody::CreateAccount(CreateAccountOp {
            destination: account_id(&bob),
            starting_balance,
        })
    };
    let code = |answer| match &payment_codes(&answer)[0] {
        OperationResult::OpInner(OperationResultTr::CreateAccount(code)) => code.clone(),
        other => panic!("{other:?}"),
    };
    let send = |balance| net.apply(net.transaction(&alice, vec![create(balance)]), &alice);
    assert_eq!(code(send(XLM - 1)), CreateAccountResult::LowReserve);
    assert_eq!(code(send(XLM)), CreateAccountResult::Success);
    assert_eq!(code(send(XLM)), CreateAccountResult::AlreadyExist);
    let created_in = net.account_entry(&bob).seq_num.0 >> 32;
    assert_eq!(created_in, i64::from(net.latest()) - 1);
}

#[test]
fn friendbot_creates_an_account_but_never_tops_it_up() {
    let net = Net::closing();
    let alice = net.account(1);
    let address = stellar_strkey::ed25519::PublicKey(alice.verifying_key().to_bytes());
    let refusal = localnet::rpc::fund(&net.node, &address.to_string()).unwrap_err();
    assert_eq!(refusal["status"], 400);
    assert_eq!(net.account_entry(&alice).balance, 10_000 * XLM);
    let refusal = localnet::rpc::fund(&net.node, "SECRET").unwrap_err();
    assert!(refusal["detail"]
        .as_str()
        .unwrap()
        .contains("starts with G"));
}
