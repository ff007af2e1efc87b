//! Fee bumps: who pays, who gets the refund, what is refused, and what may replace what waits.

use ed25519_dalek::SigningKey;
use serde_json::{json, Value};
use soroban_env_host::xdr::*;

use super::contracts::{deploy_native_asset, transfer};
use super::support::*;

const XLM: i64 = 10_000_000;

/// Alice pays Bob one lumen by a transaction that she has signed; a bump is to pay the fee.
fn gift(net: &Net, alice: &SigningKey, bob: &SigningKey) -> TransactionEnvelope {
    sign(net.transaction(alice, vec![payment(bob, XLM)]), &[alice])
}

fn refusal(net: &Net, envelope: &TransactionEnvelope) -> TransactionResult {
    let answer = net.send_envelope(envelope);
    assert_eq!(answer["status"], "ERROR", "{answer}");
    from_base64(&answer["errorResultXdr"])
}

/// What became of the transaction inside, whose hash has to be the one that is named.
fn inner_result(
    result: &TransactionResult,
    inner: &TransactionEnvelope,
) -> InnerTransactionResultResult {
    match &result.result {
        TransactionResultResult::TxFeeBumpInnerSuccess(pair)
        | TransactionResultResult::TxFeeBumpInnerFailed(pair) => {
            assert_eq!(pair.transaction_hash.0, hash_of(inner));
            assert_eq!(pair.result.fee_charged, 0);
            pair.result.result.clone()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_account_pays_the_fee_but_not_the_sequence_number() {
    let net = Net::manual();
    let (alice, bob, payer) = (net.account(1), net.account(2), net.account(3));
    let before = [&alice, &payer].map(|key| net.account_entry(key));
    let inner = gift(&net, &alice, &bob);
    let answer = net.apply_envelope(&bump(&inner, &payer, 5_000, &[&payer]));
    assert_eq!(answer["status"], "SUCCESS");
    assert_eq!(result(&answer).fee_charged, 200);
    assert!(matches!(
        inner_result(&result(&answer), &inner),
        InnerTransactionResultResult::TxSuccess(_)
    ));
    let after = [&alice, &payer].map(|key| net.account_entry(key));
    assert_eq!(after[0].balance, before[0].balance - XLM);
    assert_eq!(after[0].seq_num.0, before[0].seq_num.0 + 1);
    assert_eq!(after[1].balance, before[1].balance - 200);
    assert_eq!(after[1].seq_num, before[1].seq_num);
}

#[test]
fn a_fee_bump_is_found_by_its_own_hash_and_by_the_inner_one() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let inner = gift(&net, &alice, &bob);
    let outer = bump(&inner, &bob, 200, &[&bob]);
    net.apply_envelope(&outer);
    for envelope in [&outer, &inner] {
        let hash = hex::encode(hash_of(envelope));
        let answer = net.call("getTransaction", json!({"hash": hash}));
        assert_eq!(answer["status"], "SUCCESS");
        assert_eq!(answer["txHash"], hash);
        assert_eq!(answer["feeBump"], true);
        assert_eq!(answer["envelopeXdr"], to_base64(&outer));
    }
    let listed = net.call("getTransactions", json!({"startLedger": net.latest()}));
    assert_eq!(listed["transactions"].as_array().unwrap().len(), 1);
    let hash = hex::encode(hash_of(&outer));
    assert_eq!(listed["transactions"][0]["txHash"], hash);
}

#[test]
fn a_resource_fee_that_no_transaction_can_hold_is_paid_by_a_fee_bump_and_refunded_to_its_source() {
    let net = Net::manual();
    let (alice, bob, payer) = (net.account(1), net.account(2), net.account(3));
    let token = deploy_native_asset(&net, &alice);
    let mut transaction = net.prepare(&alice, transfer(&token, &alice, &bob, 7));
    let TransactionExt::V1(data) = &mut transaction.ext else {
        panic!("a contract transaction");
    };
    data.resource_fee = 500 * XLM;
    transaction.fee = u32::MAX;
    let refused = net.refused(transaction.clone(), &[&alice]);
    assert_eq!(refused.result, TransactionResultResult::TxSorobanInvalid);
    transaction.fee = 0;
    let before = [&alice, &payer].map(|key| net.account_entry(key).balance);
    let inner = sign(transaction, &[&alice]);
    let answer = net.apply_envelope(&bump(&inner, &payer, 500 * XLM + 200, &[&payer]));
    assert_eq!(answer["status"], "SUCCESS");
    let charged = result(&answer).fee_charged;
    assert!(charged < XLM, "{charged}");
    let after = [&alice, &payer].map(|key| net.account_entry(key).balance);
    assert_eq!(after, [before[0] - 7, before[1] - charged]);
}

#[test]
fn a_fee_that_is_too_small_is_refused() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let too_small = TransactionResultResult::TxInsufficientFee;
    let inner = gift(&net, &alice, &bob);
    let cheap = refusal(&net, &bump(&inner, &bob, 199, &[&bob]));
    assert_eq!((cheap.result, cheap.fee_charged), (too_small.clone(), 200));
    let negative = refusal(&net, &bump(&inner, &bob, -1, &[&bob]));
    assert_eq!(negative.result, TransactionResultResult::TxMalformed);

    let mut generous = net.transaction(&alice, vec![payment(&bob, XLM)]);
    generous.fee = 333;
    let inner = sign(generous, &[&alice]);
    let outbid = refusal(&net, &bump(&inner, &bob, 665, &[&bob]));
    assert_eq!(
        (outbid.result, outbid.fee_charged),
        (too_small.clone(), 666)
    );

    let token = deploy_native_asset(&net, &alice);
    let mut transaction = net.prepare(&alice, transfer(&token, &alice, &bob, 7));
    let resource_fee = i64::from(transaction.fee) - 100;
    transaction.fee = 0;
    let inner = sign(transaction, &[&alice]);
    let short = refusal(&net, &bump(&inner, &bob, resource_fee + 199, &[&bob]));
    assert_eq!(short.result, too_small);
    let enough = net.send_envelope(&bump(&inner, &bob, resource_fee + 200, &[&bob]));
    assert_eq!(enough["status"], "PENDING");
}

#[test]
fn the_payer_has_to_sign_the_fee_bump_and_nobody_else() {
    let net = Net::manual();
    let (alice, bob, payer) = (net.account(1), net.account(2), net.account(3));
    let inner = gift(&net, &alice, &bob);
    for (keys, expected) in [
        (vec![], TransactionResultResult::TxBadAuth),
        (vec![&alice], TransactionResultResult::TxBadAuth),
        (
            vec![&payer, &alice],
            TransactionResultResult::TxBadAuthExtra,
        ),
    ] {
        let refused = refusal(&net, &bump(&inner, &payer, 200, &keys));
        assert_eq!(refused.result, expected);
    }
    let TransactionEnvelope::TxFeeBump(mut altered) = bump(&inner, &payer, 200, &[&payer]) else {
        panic!("a fee bump");
    };
    altered.tx.fee = 201;
    let refused = refusal(&net, &TransactionEnvelope::TxFeeBump(altered));
    assert_eq!(refused.result, TransactionResultResult::TxBadAuth);
}

#[test]
fn a_payer_that_is_unknown_or_too_poor_is_refused() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let inner = gift(&net, &alice, &bob);
    let stranger = SigningKey::from_bytes(&[99; 32]);
    let refused = refusal(&net, &bump(&inner, &stranger, 200, &[&stranger]));
    assert_eq!(refused.result, TransactionResultResult::TxNoAccount);
    let spendable = net.account_entry(&bob).balance - XLM;
    let refused = refusal(&net, &bump(&inner, &bob, spendable + 1, &[&bob]));
    assert_eq!(
        refused.result,
        TransactionResultResult::TxInsufficientBalance
    );
    let answer = net.send_envelope(&bump(&inner, &bob, spendable, &[&bob]));
    assert_eq!(answer["status"], "PENDING");
}

#[test]
fn a_transaction_inside_that_is_not_valid_is_refused_and_costs_nothing() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let before = net.account_entry(&bob);
    let transaction = net.transaction(&alice, vec![payment(&bob, XLM)]);
    let unsigned = sign(transaction.clone(), &[]);
    let refused = refusal(&net, &bump(&unsigned, &bob, 200, &[&bob]));
    let inner = inner_result(&refused, &unsigned);
    assert_eq!(inner, InnerTransactionResultResult::TxBadAuth);
    let mut ahead = transaction;
    ahead.seq_num.0 += 1;
    let ahead = sign(ahead, &[&alice]);
    let refused = refusal(&net, &bump(&ahead, &bob, 200, &[&bob]));
    let inner = inner_result(&refused, &ahead);
    assert_eq!(inner, InnerTransactionResultResult::TxBadSeq);
    assert_eq!(net.account_entry(&bob), before);
}

#[test]
fn a_transaction_inside_that_fails_costs_the_payer_the_fee() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let before = [&alice, &bob].map(|key| net.account_entry(key));
    let inner = net.transaction(&alice, vec![payment(&bob, 20_000 * XLM)]);
    let inner = sign(inner, &[&alice]);
    let answer = net.apply_envelope(&bump(&inner, &bob, 200, &[&bob]));
    assert_eq!(answer["status"], "FAILED");
    let InnerTransactionResultResult::TxFailed(results) = inner_result(&result(&answer), &inner)
    else {
        panic!("{answer}");
    };
    let underfunded = OperationResultTr::Payment(PaymentResult::Underfunded);
    assert_eq!(results[0], OperationResult::OpInner(underfunded));
    let after = [&alice, &bob].map(|key| net.account_entry(key));
    assert_eq!(after[0].seq_num.0, before[0].seq_num.0 + 1);
    assert_eq!(after[0].balance, before[0].balance);
    assert_eq!(after[1].balance, before[1].balance - 200);
}

#[test]
fn what_waits_gives_way_only_to_a_fee_bump_that_offers_ten_times_as_much() {
    let net = Net::manual();
    let (alice, bob, payer) = (net.account(1), net.account(2), net.account(3));
    let inner = gift(&net, &alice, &bob);
    let mut later = net.transaction(&alice, vec![payment(&bob, XLM)]);
    later.seq_num.0 += 1;
    let later = sign(later, &[&alice]);
    let status =
        |envelope: &TransactionEnvelope| -> Value { net.send_envelope(envelope)["status"].clone() };
    assert_eq!(status(&inner), "PENDING");
    let refused = refusal(&net, &bump(&inner, &payer, 1_999, &[&payer]));
    assert_eq!(refused.result, TransactionResultResult::TxInsufficientFee);
    assert_eq!(refused.fee_charged, 2_000);
    let first = bump(&inner, &payer, 2_000, &[&payer]);
    assert_eq!(status(&first), "PENDING");
    assert_eq!(status(&first), "DUPLICATE");
    assert_eq!(status(&inner), "DUPLICATE");
    assert_eq!(status(&later), "TRY_AGAIN_LATER");
    let bumped_later = bump(&later, &payer, 50_000, &[&payer]);
    assert_eq!(status(&bumped_later), "TRY_AGAIN_LATER");
    assert_eq!(status(&bump(&inner, &bob, 20_000, &[&bob])), "PENDING");
    net.close();
    assert_eq!(net.account_entry(&payer).balance, 10_000 * XLM);
    assert_eq!(net.account_entry(&bob).balance, 10_001 * XLM - 200);
}

#[test]
fn a_payer_has_to_be_able_to_pay_for_all_that_waits() {
    let net = Net::manual();
    let (alice, bob, payer) = (net.account(1), net.account(2), net.account(3));
    let half = (net.account_entry(&payer).balance - XLM) / 2;
    let first = bump(&gift(&net, &alice, &bob), &payer, half, &[&payer]);
    assert_eq!(net.send_envelope(&first)["status"], "PENDING");
    let second = gift(&net, &bob, &alice);
    let refused = refusal(&net, &bump(&second, &payer, half + 1, &[&payer]));
    assert_eq!(
        refused.result,
        TransactionResultResult::TxInsufficientBalance
    );
    let answer = net.send_envelope(&bump(&second, &payer, half, &[&payer]));
    assert_eq!(answer["status"], "PENDING");
}

#[test]
fn a_fee_bump_simulates_like_the_transaction_inside() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let token = deploy_native_asset(&net, &alice);
    let transaction = net.transaction(&alice, vec![transfer(&token, &alice, &bob, 7)]);
    let outer = bump(&sign(transaction.clone(), &[]), &bob, 200, &[]);
    let simulated = net.call(
        "simulateTransaction",
        json!({"transaction": to_base64(&outer)}),
    );
    assert_eq!(simulated, net.simulate(&transaction));
    assert!(simulated.get("error").is_none(), "{simulated}");
}
