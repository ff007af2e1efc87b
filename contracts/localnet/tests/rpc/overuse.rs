//! Each limit on what a call uses: beyond it, the call is undone and says what was too much.
//!
//! Codes and sentences are those of stellar-core's `InvokeHostFunctionOpFrame`.

use soroban_env_host::xdr::*;

use super::contracts::*;
use super::glutton::{self, bytes, data_key, emit, put};
use super::limits::{sentence, table, Table};
use super::support::*;

/// The 65 536 bytes of an entry, less what is around the value.
const LARGEST_VALUE: usize = 65_536 - 72;

type Use = fn(&Table) -> Transaction;

/// What a call may use: how to use more of it, and the complaint.
const USED: [(Use, &str); 8] = [
    (
        |all| with_data(all.call(), |data| data.resources.instructions = 10_000),
        "operation instructions exceeds amount specified",
    ),
    (
        |all| {
            let nothing = call(&all.glutton, "nothing", vec![]);
            let hoard = call(&all.glutton, "hoard", vec![bytes(16_000)]);
            with_data(all.instead(nothing, hoard), |data| {
                data.resources.instructions = 400_000_000;
            })
        },
        "operation memory usage exceeds network config limit",
    ),
    (
        |all| {
            let bob = all.net.account(2);
            let token = deploy_native_asset(&all.net, &all.alice);
            let transaction = all.generous(transfer(&token, &all.alice, &bob, 1));
            with_data(transaction, |data| data.resources.disk_read_bytes = 100)
        },
        "operation byte-read resources exceeds amount specified",
    ),
    (
        |all| {
            let transaction = all.generous(put(&all.glutton, 1, 1_000));
            with_data(transaction, |data| data.resources.write_bytes = 1_000)
        },
        "operation byte-write resources exceeds amount specified",
    ),
    (
        |all| all.generous(put(&all.glutton, 1, LARGEST_VALUE + 1)),
        "ContractData size exceeds network config maximum size",
    ),
    (
        |all| {
            let length = glutton::code(0).len();
            all.generous(upload(&glutton::code(131_000 - length)))
        },
        "Wasm size exceeds network config maximum contract size",
    ),
    (
        |all| all.generous(emit(&all.glutton, 16_384)),
        "total events size exceeds network config maximum",
    ),
    (
        |all| all.generous(call(&all.glutton, "echo", vec![bytes(16_384)])),
        "return value pushes events size above network config maximum",
    ),
];

#[test]
fn a_call_that_uses_more_than_it_may_is_undone_and_says_what_was_too_much() {
    for (overuse, complaint) in USED {
        let all = table();
        let transaction = overuse(&all);
        let before = all.net.account_entry(&all.alice);
        let answer = all.apply(transaction);
        let exceeded = InvokeHostFunctionResult::ResourceLimitExceeded;
        assert_eq!(invoke_result(&answer), exceeded, "{complaint}");
        let events = meta(&answer).diagnostic_events;
        assert_eq!(sentence(events.last().unwrap()), complaint);
        let after = all.net.account_entry(&all.alice);
        assert_eq!(after.seq_num.0, before.seq_num.0 + 1);
        assert_eq!(all.net.entry(&data_key(&all.glutton, 1)), None);
    }
}

#[test]
fn a_call_may_use_just_as_much_as_there_is() {
    let all = table();
    for body in [
        put(&all.glutton, 1, LARGEST_VALUE),
        emit(&all.glutton, 16_000),
        call(&all.glutton, "echo", vec![bytes(16_376)]),
    ] {
        let answer = all.apply(all.generous(body));
        assert_eq!(answer["status"], "SUCCESS", "{}", answer["resultXdr"]);
    }
}

#[test]
fn rent_that_the_declared_fee_does_not_cover_undoes_the_call() {
    let all = table();
    let transaction = all.net.prepare(&all.alice, put(&all.glutton, 1, 10_000));
    let short = with_data(transaction, |data| data.resource_fee -= 5_000_000);
    let answer = all.apply(short);
    let short = InvokeHostFunctionResult::InsufficientRefundableFee;
    assert_eq!(invoke_result(&answer), short);
}

/// The host stops it just before the last instruction, so no limit was exceeded.
#[test]
fn code_that_never_ends_traps() {
    let all = table();
    let nothing = call(&all.glutton, "nothing", vec![]);
    let spin = all.instead(nothing, call(&all.glutton, "spin", vec![]));
    let answer = all.apply(with_data(spin, |data| {
        data.resources.instructions = 3_000_000
    }));
    assert_eq!(invoke_result(&answer), InvokeHostFunctionResult::Trapped);
}

#[test]
fn a_key_outside_the_footprint_traps() {
    let all = table();
    let declared = put(&all.glutton, 1, 10);
    let answer = all.apply(all.instead(declared, put(&all.glutton, 2, 10)));
    assert_eq!(invoke_result(&answer), InvokeHostFunctionResult::Trapped);
}
