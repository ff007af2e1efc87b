//! Contracts on the real host: deployed, called, limited, paid for.

use serde_json::json;
use soroban_env_host::xdr::*;

use super::support::*;

/// A contract with one function, `put`, that stores `true` under `true`, persistently.
///
/// ```wat
/// (module
///   (import "l" "_" (func $put_contract_data (param i64 i64 i64) (result i64)))
///   (func (export "put") (result i64)
///     i64.const 1  i64.const 1  i64.const 1  call $put_contract_data))
/// ```
/// followed by the section that names the protocol (28) it was made for.
pub const WASM: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x0c\x02\x60\x03\x7e\x7e\x7e\x01\x7e\x60\x00\x01\x7e\
    \x02\x07\x01\x01l\x01_\x00\x00\
    \x03\x02\x01\x01\
    \x07\x07\x01\x03put\x00\x01\
    \x0a\x0c\x01\x0a\x00\x42\x01\x42\x01\x42\x01\x10\x00\x0b\
    \x00\x1e\x11contractenvmetav0\0\0\0\0\0\0\0\x1c\0\0\0\0";

pub fn host_function(host_function: HostFunction) -> OperationBody {
    OperationBody::InvokeHostFunction(InvokeHostFunctionOp {
        host_function,
        auth: Default::default(),
    })
}

pub fn upload(wasm: &[u8]) -> OperationBody {
    host_function(HostFunction::UploadContractWasm(
        wasm.to_vec().try_into().unwrap(),
    ))
}

pub fn call(contract: &ContractId, function: &str, args: Vec<ScVal>) -> OperationBody {
    host_function(HostFunction::InvokeContract(InvokeContractArgs {
        contract_address: ScAddress::Contract(contract.clone()),
        function_name: function.try_into().unwrap(),
        args: args.try_into().unwrap(),
    }))
}

fn contract_of(value: ScVal) -> ContractId {
    match value {
        ScVal::Address(ScAddress::Contract(id)) => id,
        other => panic!("{other:?}"),
    }
}

/// Deploys [`WASM`].
pub fn deploy(net: &Net, key: &ed25519_dalek::SigningKey) -> ContractId {
    let ScVal::Bytes(hash) = net.run(key, upload(WASM)) else {
        panic!("the hash of the code");
    };
    create_contract(net, key, Hash(hash.as_slice().try_into().unwrap()))
}

/// Creates a contract of code that was uploaded.
pub fn create_contract(net: &Net, key: &ed25519_dalek::SigningKey, code: Hash) -> ContractId {
    let create = HostFunction::CreateContract(CreateContractArgs {
        contract_id_preimage: ContractIdPreimage::Address(ContractIdPreimageFromAddress {
            address: address(key),
            salt: Uint256([0; 32]),
        }),
        executable: ContractExecutable::Wasm(code),
    });
    contract_of(net.run(key, host_function(create)))
}

/// Deploys the contract of the native asset.
pub fn deploy_native_asset(net: &Net, key: &ed25519_dalek::SigningKey) -> ContractId {
    let create = HostFunction::CreateContract(CreateContractArgs {
        contract_id_preimage: ContractIdPreimage::Asset(Asset::Native),
        executable: ContractExecutable::StellarAsset,
    });
    contract_of(net.run(key, host_function(create)))
}

pub fn address(key: &ed25519_dalek::SigningKey) -> ScAddress {
    ScAddress::Account(account_id(key))
}

pub fn transfer(
    token: &ContractId,
    from: &ed25519_dalek::SigningKey,
    to: &ed25519_dalek::SigningKey,
    stroops: i64,
) -> OperationBody {
    let amount = ScVal::I128(Int128Parts {
        hi: stroops >> 63,
        lo: stroops as u64,
    });
    let args = vec![
        ScVal::Address(address(from)),
        ScVal::Address(address(to)),
        amount,
    ];
    call(token, "transfer", args)
}

pub fn invoke_result(answer: &serde_json::Value) -> InvokeHostFunctionResult {
    let results = match result(answer).result {
        TransactionResultResult::TxSuccess(results)
        | TransactionResultResult::TxFailed(results) => results,
        other => panic!("{other:?}"),
    };
    match &results[0] {
        OperationResult::OpInner(OperationResultTr::InvokeHostFunction(result)) => result.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_contract_can_be_uploaded_created_and_called() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = deploy(&net, &alice);
    assert_eq!(net.run(&alice, call(&contract, "put", vec![])), ScVal::Void);
}

#[test]
fn the_result_commits_to_return_value_and_events() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let token = deploy_native_asset(&net, &alice);
    let answer = net.apply(
        net.prepare(&alice, transfer(&token, &alice, &bob, 7)),
        &alice,
    );
    let image = InvokeHostFunctionSuccessPreImage {
        return_value: soroban_meta(&answer).return_value.unwrap(),
        events: meta(&answer).operations[0].events.clone(),
    };
    assert_eq!(image.events.len(), 1);
    let hash = Hash(localnet::codec::sha256(&localnet::codec::encode(&image)));
    assert_eq!(
        invoke_result(&answer),
        InvokeHostFunctionResult::Success(hash)
    );
}

#[test]
fn the_native_assets_contract_moves_lumens_between_accounts() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let token = deploy_native_asset(&net, &alice);
    net.run(&alice, transfer(&token, &alice, &bob, 70_000_000));
    assert_eq!(net.account_entry(&bob).balance, 100_070_000_000);
}

#[test]
fn the_fee_is_what_was_declared_less_what_was_not_used() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let token = deploy_native_asset(&net, &alice);
    let before = net.account_entry(&alice).balance;
    let transaction = net.prepare(&alice, transfer(&token, &alice, &bob, 1));
    let declared = i64::from(transaction.fee);
    let answer = net.apply(transaction, &alice);
    let charged = result(&answer).fee_charged;
    assert_eq!(net.account_entry(&alice).balance, before - 1 - charged);
    let SorobanTransactionMetaExt::V1(fees) = soroban_meta(&answer).ext else {
        panic!("fees in the metadata");
    };
    let resource_fee =
        fees.total_non_refundable_resource_fee_charged + fees.total_refundable_resource_fee_charged;
    assert_eq!(charged, resource_fee + 100);
    assert!(charged < declared, "{charged} of {declared}");
    assert_eq!(fees.rent_fee_charged, 0);
}

#[test]
fn a_call_that_fails_keeps_only_the_non_refundable_fee() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let token = deploy_native_asset(&net, &alice);
    let transaction = net.prepare(&alice, transfer(&token, &alice, &bob, 90_000_000_000));
    let empty = net.account_entry(&alice).balance - 50_000_000_000;
    net.apply(net.transaction(&alice, vec![payment(&bob, empty)]), &alice);
    let mut transaction = transaction;
    transaction.seq_num.0 += 1;
    let before = net.account_entry(&alice).balance;
    let answer = net.apply(transaction, &alice);
    assert_eq!(invoke_result(&answer), InvokeHostFunctionResult::Trapped);
    let SorobanTransactionMetaExt::V1(fees) = soroban_meta(&answer).ext else {
        panic!("fees in the metadata");
    };
    assert_eq!(fees.total_refundable_resource_fee_charged, 0);
    let charged = fees.total_non_refundable_resource_fee_charged + 100;
    assert_eq!(net.account_entry(&alice).balance, before - charged);
    assert!(!meta(&answer).diagnostic_events.is_empty());
}

#[test]
fn simulation_names_the_contracts_error() {
    let net = Net::manual();
    let alice = net.account(1);
    let token = deploy_native_asset(&net, &alice);
    let body = transfer(&token, &alice, &alice, -1);
    let simulated = net.simulate(&net.transaction(&alice, vec![body]));
    let error = simulated["error"].as_str().unwrap();
    assert!(error.contains("Error(Contract, #8)"), "{error}");
    assert!(!simulated["events"].as_array().unwrap().is_empty());
}

#[test]
fn simulation_changes_nothing() {
    let net = Net::manual();
    let (alice, bob) = (net.account(1), net.account(2));
    let token = deploy_native_asset(&net, &alice);
    let before = net.account_entry(&bob);
    let body = transfer(&token, &alice, &bob, 5);
    let simulated = net.simulate(&net.transaction(&alice, vec![body]));
    assert_eq!(simulated["stateChanges"].as_array().unwrap().len(), 2);
    assert_eq!(net.account_entry(&bob), before);
}

#[test]
fn transactions_beyond_one_ledgers_write_limit_wait_for_the_next() {
    let net = Net::manual();
    let keys: Vec<_> = (1..=4).map(|seed| net.account(seed)).collect();
    let token = deploy_native_asset(&net, &keys[0]);
    let mut hashes = Vec::new();
    for key in &keys {
        let mut transaction = net.prepare(key, transfer(&token, key, &keys[0], 1));
        transaction.fee += 1_000_000;
        let large = with_data(transaction, |data| {
            data.resources.write_bytes = 100_000;
            data.resource_fee += 1_000_000;
        });
        hashes.push(net.send(large, &[key])["hash"].clone());
    }
    let found = || {
        let status = |hash| net.call("getTransaction", json!({"hash": hash}))["status"].clone();
        hashes
            .iter()
            .filter(|hash| status(*hash) == "SUCCESS")
            .count()
    };
    net.close();
    assert_eq!(found(), 2);
    net.close();
    assert_eq!(found(), 4);
}

#[test]
fn metadata_lists_what_an_operation_changed() {
    let net = Net::manual();
    let alice = net.account(1);
    let contract = deploy(&net, &alice);
    let answer = net.apply(net.prepare(&alice, call(&contract, "put", vec![])), &alice);
    let changes = &meta(&answer).operations[0].changes;
    let created: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            LedgerEntryChange::Created(entry) => Some(entry.data.name()),
            _ => None,
        })
        .collect();
    assert_eq!(created, ["ContractData", "Ttl"]);
}
