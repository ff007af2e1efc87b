//! Events as the network carries them: topics and data as XDR values, named by what the ABI says.

use soroban_sdk::testutils::Events as _;
use soroban_sdk::xdr::{ContractEventBody, ScBytes, ScMap, ScSymbol, ScVal};
use soroban_sdk::Address;

use crate::village::{Village, SITE};

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub topics: Vec<ScVal>,
    pub data: ScVal,
}

/// An event of the contract: its name, the other topics, and its data by name in alphabetical order.
pub fn event(name: &str, topics: &[ScVal], data: &[(&str, ScVal)]) -> Event {
    let named = data.iter().map(|(key, value)| (symbol(key), value.clone()));
    let map = ScMap::sorted_from(named).expect("keys differ");
    Event {
        topics: [&[symbol(name)], topics].concat(),
        data: ScVal::Map(Some(map)),
    }
}

/// What a batch says of one of the site's pages: bit i of each map stands for index i.
pub fn page_event(page: u32, activated: u64, deactivated: u64, refused: u64) -> Event {
    event(
        "page",
        &[ScVal::U32(SITE), ScVal::U32(page)],
        &[
            ("activated", ScVal::U64(activated)),
            ("deactivated", ScVal::U64(deactivated)),
            ("refused", ScVal::U64(refused)),
        ],
    )
}

/// What the contract (not the token) said in the last call.
pub fn events(village: &Village) -> Vec<Event> {
    let all = village.env.events().all();
    all.filter_by_contract(&village.meter.address)
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

pub fn bytes(bytes: &[u8]) -> ScVal {
    ScVal::Bytes(ScBytes(bytes.try_into().expect("short enough")))
}

pub fn address(address: &Address) -> ScVal {
    ScVal::Address(address.into())
}

pub fn i128(value: i128) -> ScVal {
    value.into()
}
