//! Entries of contracts live for a time, are archived, and come back for rent.

use serde_json::json;
use soroban_env_host::xdr::*;

use super::contracts::{call, deploy};
use super::support::*;

const MIN_PERSISTENT_TTL: u32 = 2_073_600;

fn data_key(contract: &ContractId) -> LedgerKey {
    LedgerKey::ContractData(LedgerKeyContractData {
        contract: ScAddress::Contract(contract.clone()),
        key: ScVal::Bool(true),
        durability: ContractDataDurability::Persistent,
    })
}

fn live_until(net: &Net, contract: &ContractId) -> u32 {
    let entry = net.entry(&data_key(contract)).unwrap();
    entry["liveUntilLedgerSeq"].as_u64().unwrap() as u32
}

/// Deploys a contract with one entry, and lets all of it be archived.
fn archived(net: &Net, key: &ed25519_dalek::SigningKey) -> ContractId {
    let contract = deploy(net, key);
    net.run(key, call(&contract, "put", vec![]));
    net.call("dev_advanceLedgers", json!({"n": MIN_PERSISTENT_TTL + 10}));
    assert!(live_until(net, &contract) < net.latest());
    contract
}

fn on_footprint(
    net: &Net,
    key: &ed25519_dalek::SigningKey,
    body: OperationBody,
    footprint: LedgerFootprint,
) -> Transaction {
    let mut transaction = net.transaction(key, vec![body]);
    transaction.ext = TransactionExt::V1(SorobanTransactionData {
        ext: SorobanTransactionDataExt::V0,
        resources: SorobanResources {
            footprint,
            instructions: 0,
            disk_read_bytes: 0,
            write_bytes: 0,
        },
        resource_fee: 0,
    });
    let data: SorobanTransactionData = from_base64(&net.simulate(&transaction)["transactionData"]);
    transaction.fee += data.resource_fee as u32;
    transaction.ext = TransactionExt::V1(data);
    transaction
}

#[test]
fn a_new_persistent_entry_lives_for_the_minimum_time() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = deploy(&net, &alice);
    net.run(&alice, call(&contract, "put", vec![]));
    let last = net.latest() + MIN_PERSISTENT_TTL - 1;
    assert_eq!(live_until(&net, &contract), last);
}

#[test]
fn a_call_restores_what_it_needs_from_the_archive() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = archived(&net, &alice);
    let transaction = net.prepare(&alice, call(&contract, "put", vec![]));
    let TransactionExt::V1(data) = &transaction.ext else {
        panic!("a contract transaction");
    };
    let SorobanTransactionDataExt::V1(restored) = &data.ext else {
        panic!("simulation names what is to be restored");
    };
    assert_eq!(restored.archived_soroban_entries.len(), 3);
    let answer = net.apply(transaction, &alice);
    assert_eq!(answer["status"], "SUCCESS");
    assert!(live_until(&net, &contract) > net.latest());
    let SorobanTransactionMetaExt::V1(fees) = soroban_meta(&answer).ext else {
        panic!("fees in the metadata");
    };
    assert!(fees.rent_fee_charged > 0);
}

#[test]
fn a_call_that_does_not_name_the_archived_entries_fails() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = archived(&net, &alice);
    let mut transaction = net.prepare(&alice, call(&contract, "put", vec![]));
    let TransactionExt::V1(data) = &mut transaction.ext else {
        panic!("a contract transaction");
    };
    data.ext = SorobanTransactionDataExt::V0;
    let answer = net.apply(transaction, &alice);
    let TransactionResultResult::TxFailed(results) = result(&answer).result else {
        panic!("a failure");
    };
    let archived = OperationResultTr::InvokeHostFunction(InvokeHostFunctionResult::EntryArchived);
    assert_eq!(results[0], OperationResult::OpInner(archived));
}

#[test]
fn restoring_brings_an_entry_back_for_the_minimum_time() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = archived(&net, &alice);
    let restore = OperationBody::RestoreFootprint(RestoreFootprintOp {
        ext: ExtensionPoint::V0,
    });
    let footprint = LedgerFootprint {
        read_only: Default::default(),
        read_write: vec![data_key(&contract)].try_into().unwrap(),
    };
    let answer = net.apply(on_footprint(&net, &alice, restore, footprint), &alice);
    assert_eq!(answer["status"], "SUCCESS");
    let restored_in = answer["ledger"].as_u64().unwrap() as u32;
    assert_eq!(
        live_until(&net, &contract),
        restored_in + MIN_PERSISTENT_TTL - 1
    );
}

#[test]
fn extending_moves_the_end_and_never_brings_it_nearer() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = deploy(&net, &alice);
    net.run(&alice, call(&contract, "put", vec![]));
    let extend = |ledgers| {
        let body = OperationBody::ExtendFootprintTtl(ExtendFootprintTtlOp {
            ext: ExtensionPoint::V0,
            extend_to: ledgers,
        });
        let footprint = LedgerFootprint {
            read_only: vec![data_key(&contract)].try_into().unwrap(),
            read_write: Default::default(),
        };
        let answer = net.apply(on_footprint(&net, &alice, body, footprint), &alice);
        assert_eq!(answer["status"], "SUCCESS");
        answer["ledger"].as_u64().unwrap() as u32
    };
    let extended_in = extend(3_000_000);
    assert_eq!(live_until(&net, &contract), extended_in + 3_000_000);
    extend(100);
    assert_eq!(live_until(&net, &contract), extended_in + 3_000_000);
}
