//! Events as the network carries them: topics and data as XDR values, named by what the ABI says.

pub use laws::wire::{address, event, i128, Event};

use crate::bazaar::Bazaar;

/// What the contract (not one that it calls) said in the last call.
pub fn events(bazaar: &Bazaar) -> Vec<Event> {
    laws::wire::events(&bazaar.env, &bazaar.contract.address)
}
