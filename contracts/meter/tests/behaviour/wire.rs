//! Events as the network carries them: topics and data as XDR values, named by what the ABI says.

pub use laws::wire::{address, bytes, event, i128, Event};
use soroban_sdk::xdr::ScVal;

use crate::village::{Village, SITE};

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
    laws::wire::events(&village.env, &village.meter.address)
}
