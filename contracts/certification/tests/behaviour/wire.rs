//! Events as the network carries them: topics and data as XDR values, named by what the ABI says.

use certification::types::Action;
use soroban_sdk::xdr::ScVal;
use soroban_sdk::Address;

pub use laws::wire::{address, event, i128, symbol, text, Event};

use crate::office::Office;

/// The line that the audit trail gets as its `index`-th.
pub fn audited(
    producer: &Address,
    index: u32,
    action: Action,
    by: &Address,
    reason: &str,
) -> Event {
    event(
        "audit",
        &[address(producer)],
        &[
            ("action", ScVal::U32(action as u32)),
            ("by", address(by)),
            ("index", ScVal::U32(index)),
            ("reason", text(reason)),
        ],
    )
}

/// What the contract (not the token) said in the last call.
pub fn events(office: &Office) -> Vec<Event> {
    laws::wire::events(&office.env, &office.contract.address)
}
