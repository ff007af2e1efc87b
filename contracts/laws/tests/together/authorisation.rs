//! Who may call what: every entry point of every contract, as each role and as a stranger.
//!
//! The table lists what is allowed; the contracts' own specs say whether a line is missing from it.

use std::collections::BTreeSet;

use soroban_sdk::testutils::{MockAuth, MockAuthInvoke};
use soroban_sdk::xdr::ScSpecEntry;
use soroban_sdk::{Address, Symbol, Val, Vec};

use crate::provider::{Provider, Role, CONTRACTS};
use crate::table::{self, Line, Row, Who};

#[test]
fn every_entry_point_lets_in_whom_the_table_names_and_nobody_else() {
    let provider = Provider::open();
    for line in table::lines() {
        match line {
            Line::Call(row) => check(&provider, &row),
            Line::Then(step) => step(&provider),
        }
    }
}

#[test]
fn the_table_names_every_entry_point_of_every_contract() {
    let mut listed = BTreeSet::new();
    for line in table::lines() {
        if let Line::Call(row) = line {
            listed.insert((row.contract.to_owned(), row.function.to_owned()));
        }
    }
    let mut offered = BTreeSet::new();
    for (contract, wasm) in CONTRACTS {
        for function in functions(wasm) {
            offered.insert((contract.to_owned(), function));
        }
    }
    let missing: std::vec::Vec<_> = offered.difference(&listed).collect();
    let gone: std::vec::Vec<_> = listed.difference(&offered).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "not in the table: {missing:?}; no entry point any more: {gone:?}"
    );
}

/// Names of a contract's functions, but its constructor, which runs once and is tested by deploying.
fn functions(wasm: &[u8]) -> std::vec::Vec<String> {
    let entries = soroban_spec::read::from_wasm(wasm).expect("a contract has a spec");
    let names = entries.into_iter().filter_map(|entry| match entry {
        ScSpecEntry::FunctionV0(function) => Some(function.name.to_string()),
        _ => None,
    });
    names.filter(|name| name != "__constructor").collect()
}

fn check(provider: &Provider, row: &Row) {
    match row.who {
        Who::Anyone => {
            provider.env.set_auths(&[]);
            assert!(
                call(provider, row, Role::Stranger).is_ok(),
                "{} asks for a signature",
                row.name()
            );
        }
        Who::Only(role) => only(provider, row, role),
        Who::Caller(roles) => callers(provider, row, roles),
    }
}

/// The contract knows who it is: nobody else's signature will do, and no other is asked for.
fn only(provider: &Provider, row: &Row, role: Role) {
    provider.env.set_auths(&[]);
    assert!(
        call(provider, row, role).is_err(),
        "{} asks for no signature",
        row.name()
    );
    for other in Role::ALL.into_iter().filter(|other| *other != role) {
        sign_as(provider, row, other, other);
        assert!(
            call(provider, row, other).is_err(),
            "{} lets {other:?} in",
            row.name()
        );
    }
    enters(provider, row, role);
}

/// The caller says who it is: it must be one of `roles`, and must sign itself.
fn callers(provider: &Provider, row: &Row, roles: &[Role]) {
    for role in Role::ALL.into_iter().filter(|role| !roles.contains(role)) {
        provider.env.mock_all_auths();
        assert!(
            call(provider, row, role).is_err(),
            "{} lets {role:?} in",
            row.name()
        );
    }
    for &role in roles {
        let thief = if role == Role::Stranger {
            Role::Admin
        } else {
            Role::Stranger
        };
        sign_as(provider, row, thief, role);
        assert!(
            call(provider, row, role).is_err(),
            "{} lets {thief:?} act for {role:?}",
            row.name()
        );
        enters(provider, row, role);
    }
}

/// With every signature at hand, the call is let in, and asks for `role`'s and no other.
fn enters(provider: &Provider, row: &Row, role: Role) {
    provider.env.mock_all_auths();
    let (name, answer) = (row.name(), call(provider, row, role));
    assert_eq!(
        answer,
        Ok(()),
        "{name} keeps {role:?} out, or fails for another reason"
    );
    assert_eq!(signers(provider), [provider.address(role)], "{name}");
}

/// Grants one signature and no other: `signer`'s, on the call with `caller`'s arguments.
fn sign_as(provider: &Provider, row: &Row, signer: Role, caller: Role) {
    provider.env.mock_auths(&[MockAuth {
        address: &provider.address(signer),
        invoke: &MockAuthInvoke {
            contract: &provider.contract(row.contract),
            fn_name: row.function,
            args: (row.arguments)(provider, &provider.address(caller)),
            sub_invokes: &[],
        },
    }]);
}

fn call(provider: &Provider, row: &Row, caller: Role) -> Result<(), String> {
    let env = &provider.env;
    let arguments: Vec<Val> = (row.arguments)(provider, &provider.address(caller));
    let answer = env.try_invoke_contract::<Val, soroban_sdk::Error>(
        &provider.contract(row.contract),
        &Symbol::new(env, row.function),
        arguments,
    );
    match answer {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// Whose signatures the last call needed.
fn signers(provider: &Provider) -> std::vec::Vec<Address> {
    let needed = provider.env.auths();
    needed.into_iter().map(|(address, _)| address).collect()
}
