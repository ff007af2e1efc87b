//! Entries of contracts live for a time, are archived, and come back for rent.

use serde_json::json;
use soroban_env_host::xdr::*;

use super::contracts::{call, deploy};
use super::glutton::{self, bytes, put};
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
fn metadata_names_what_came_back_from_the_archive() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = archived(&net, &alice);
    let answer = net.apply(net.prepare(&alice, call(&contract, "put", vec![])), &alice);
    let changes = &meta(&answer).operations[0].changes;
    let mut restored: Vec<_> = changes
        .iter()
        .map(|change| match change {
            LedgerEntryChange::Restored(entry) => entry.data.name(),
            other => panic!("{other:?}"),
        })
        .collect();
    restored.sort_unstable();
    let data = ["ContractCode", "ContractData", "ContractData"];
    assert_eq!(restored, [&data[..], &["Ttl"; 3]].concat());
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

fn restore() -> OperationBody {
    OperationBody::RestoreFootprint(RestoreFootprintOp {
        ext: ExtensionPoint::V0,
    })
}

fn read_write(keys: Vec<LedgerKey>) -> LedgerFootprint {
    LedgerFootprint {
        read_only: VecM::default(),
        read_write: keys.try_into().unwrap(),
    }
}

fn operation_result(answer: &serde_json::Value) -> OperationResultTr {
    let TransactionResultResult::TxFailed(results) = result(answer).result else {
        panic!("a failure");
    };
    match &results[0] {
        OperationResult::OpInner(result) => result.clone(),
        other => panic!("{other:?}"),
    }
}

fn rent_charged(answer: &serde_json::Value) -> i64 {
    let SorobanTransactionMetaExt::V1(fees) = soroban_meta(answer).ext else {
        panic!("fees in the metadata");
    };
    fees.rent_fee_charged
}

#[test]
fn a_temporary_entry_is_gone_when_its_time_ends_and_costs_half_the_rent() {
    let net = Net::manual();
    let alice = net.account(1);
    let token = super::contracts::deploy_native_asset(&net, &alice);
    let allow = |ledger: u32| {
        let amount = ScVal::I128(Int128Parts { hi: 0, lo: 5 });
        let spender = ScVal::Address(super::contracts::address(&alice));
        let owner = spender.clone();
        call(
            &token,
            "approve",
            vec![owner, spender, amount, ScVal::U32(ledger)],
        )
    };
    net.run(&alice, allow(net.latest() + 20_000));
    let allowance = || {
        let own = ScVal::Address(super::contracts::address(&alice));
        net.run(&alice, call(&token, "allowance", vec![own.clone(), own]))
    };
    assert_eq!(allowance(), ScVal::I128(Int128Parts { hi: 0, lo: 5 }));
    net.call("dev_advanceLedgers", json!({"n": 20_001}));
    assert_eq!(allowance(), ScVal::I128(Int128Parts { hi: 0, lo: 0 }));
}

#[test]
fn what_was_restored_meanwhile_is_not_paid_for_again() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = archived(&net, &alice);
    let mut prepared = net.prepare(&alice, call(&contract, "put", vec![]));
    let TransactionExt::V1(data) = &prepared.ext else {
        panic!("a contract transaction");
    };
    let keys = data.resources.footprint.read_write.to_vec();
    let restoring = on_footprint(&net, &alice, restore(), read_write(keys));
    assert!(rent_charged(&net.apply(restoring, &alice)) > 0);
    prepared.seq_num.0 += 1;
    let answer = net.apply(prepared, &alice);
    assert_eq!(answer["status"], "SUCCESS");
    assert_eq!(rent_charged(&answer), 0);
}

#[test]
fn restoring_with_less_than_it_takes_is_refused_with_its_own_codes() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = archived(&net, &alice);
    let prepared = || {
        let keys = read_write(vec![data_key(&contract)]);
        on_footprint(&net, &alice, restore(), keys)
    };
    let few_reads = with_data(prepared(), |data| data.resources.disk_read_bytes -= 1);
    let exceeded = RestoreFootprintResult::ResourceLimitExceeded;
    let result = operation_result(&net.apply(few_reads, &alice));
    assert_eq!(
        result,
        OperationResultTr::RestoreFootprint(exceeded.clone())
    );
    let few_writes = with_data(prepared(), |data| data.resources.write_bytes -= 1);
    let result = operation_result(&net.apply(few_writes, &alice));
    assert_eq!(result, OperationResultTr::RestoreFootprint(exceeded));
    let cheap = with_data(prepared(), |data| data.resource_fee -= 100_000);
    let unpaid = RestoreFootprintResult::InsufficientRefundableFee;
    let result = operation_result(&net.apply(cheap, &alice));
    assert_eq!(result, OperationResultTr::RestoreFootprint(unpaid));
    assert_eq!(net.apply(prepared(), &alice)["status"], "SUCCESS");
}

#[test]
fn extending_for_less_than_the_rent_is_refused_with_its_own_code() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = deploy(&net, &alice);
    net.run(&alice, call(&contract, "put", vec![]));
    let body = OperationBody::ExtendFootprintTtl(ExtendFootprintTtlOp {
        ext: ExtensionPoint::V0,
        extend_to: 3_000_000,
    });
    let footprint = LedgerFootprint {
        read_only: vec![data_key(&contract)].try_into().unwrap(),
        read_write: VecM::default(),
    };
    let extension = on_footprint(&net, &alice, body, footprint);
    let cheap = with_data(extension, |data| data.resource_fee -= 50_000);
    let result = operation_result(&net.apply(cheap, &alice));
    let unpaid = ExtendFootprintTtlResult::InsufficientRefundableFee;
    assert_eq!(result, OperationResultTr::ExtendFootprintTtl(unpaid));
}

#[test]
fn more_than_one_call_may_restore_is_restored_before_it() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = glutton::deploy(&net, &alice);
    for key in [1, 2] {
        net.run(&alice, put(&contract, key, 40_000));
    }
    net.call("dev_advanceLedgers", json!({"n": MIN_PERSISTENT_TTL + 10}));
    let args = vec![ScVal::U32(1), ScVal::U32(2), ScVal::U32(3), bytes(60_000)];
    let body = call(&contract, "copy", args);
    let simulated = net.simulate(&net.transaction(&alice, vec![body.clone()]));
    let preamble = &simulated["restorePreamble"];
    let data: SorobanTransactionData = from_base64(&preamble["transactionData"]);
    assert_eq!(data.resources.footprint.read_write.len(), 4);
    assert_eq!(preamble["minResourceFee"], data.resource_fee.to_string());
    let mut restoring = net.transaction(&alice, vec![restore()]);
    restoring.fee += data.resource_fee as u32;
    restoring.ext = TransactionExt::V1(data);
    assert_eq!(net.apply(restoring, &alice)["status"], "SUCCESS");
    let simulated = net.simulate(&net.transaction(&alice, vec![body.clone()]));
    assert_eq!(simulated.get("restorePreamble"), None);
    assert_eq!(net.run(&alice, body), ScVal::Void);
}

#[test]
fn an_extension_of_what_is_archived_asks_for_its_restoring_first() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = archived(&net, &alice);
    let mut transaction = net.transaction(
        &alice,
        vec![OperationBody::ExtendFootprintTtl(ExtendFootprintTtlOp {
            ext: ExtensionPoint::V0,
            extend_to: 3_000_000,
        })],
    );
    transaction.ext = TransactionExt::V1(SorobanTransactionData {
        ext: SorobanTransactionDataExt::V0,
        resources: SorobanResources {
            footprint: LedgerFootprint {
                read_only: vec![data_key(&contract)].try_into().unwrap(),
                read_write: VecM::default(),
            },
            instructions: 0,
            disk_read_bytes: 0,
            write_bytes: 0,
        },
        resource_fee: 0,
    });
    let simulated = net.simulate(&transaction);
    let data: SorobanTransactionData =
        from_base64(&simulated["restorePreamble"]["transactionData"]);
    let keys = data.resources.footprint.read_write.to_vec();
    assert_eq!(keys, [data_key(&contract)]);
}

/// 1 KiB for 120 days at 1 000 stroops for 1 KiB and 1 215 ledgers, the network's minimum.
#[test]
fn rent_is_what_the_networks_settings_make_it() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = glutton::deploy(&net, &alice);
    let answer = net.apply(net.prepare(&alice, put(&contract, 1, 952)), &alice);
    let size = net
        .entry(&glutton::data_key(&contract, 1))
        .map(|entry| localnet::codec::encode(&entry_of(&entry)).len())
        .unwrap();
    assert_eq!(size, 1_024);
    // Rent proper, then one more entry (2 500) of 48 bytes (875 for 1 KiB) for the time to live.
    let rent = (1_000_u64 * 2_073_600).div_ceil(1_215);
    let ttl = 2_500 + (48_u64 * 875).div_ceil(1_024);
    assert_eq!(rent_charged(&answer), (rent + ttl) as i64);
}

fn entry_of(answer: &serde_json::Value) -> LedgerEntry {
    LedgerEntry {
        last_modified_ledger_seq: 0,
        data: from_base64(&answer["xdr"]),
        ext: LedgerEntryExt::V0,
    }
}
