//! Events as the network carries them: topics and data as XDR values, named by what the ABI says.

use soroban_sdk::testutils::Events as _;
use soroban_sdk::xdr::{ContractEventBody, ScBytes, ScMap, ScString, ScSymbol, ScVal};
use soroban_sdk::{Address, Env};

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub topics: Vec<ScVal>,
    pub data: ScVal,
}

/// An event of a contract: its name, the other topics, and its data by name in alphabetical order.
pub fn event(name: &str, topics: &[ScVal], data: &[(&str, ScVal)]) -> Event {
    let named = data.iter().map(|(key, value)| (symbol(key), value.clone()));
    let map = ScMap::sorted_from(named).expect("keys differ");
    Event {
        topics: [&[symbol(name)], topics].concat(),
        data: ScVal::Map(Some(map)),
    }
}

/// What a contract (not one that it calls) said in the last call.
pub fn events(env: &Env, contract: &Address) -> Vec<Event> {
    let all = env.events().all();
    all.filter_by_contract(contract)
        .events()
        .iter()
        .map(|event| {
            let ContractEventBody::V0(body) = &event.body;
            Event {
                topics: body.topics.to_vec(),
                data: body.data.clone(),
            }
        })
        .collect()
}

pub fn symbol(text: &str) -> ScVal {
    ScVal::Symbol(ScSymbol(text.try_into().expect("short enough")))
}

pub fn text(text: &str) -> ScVal {
    ScVal::String(ScString(text.try_into().expect("short enough")))
}

pub fn bytes(bytes: &[u8]) -> ScVal {
    ScVal::Bytes(ScBytes(bytes.try_into().expect("short enough")))
}

pub fn address(address: &Address) -> ScVal {
    ScVal::Address(address.into())
}

pub fn i128(value: i128) -> ScVal {
    value.into()
}
