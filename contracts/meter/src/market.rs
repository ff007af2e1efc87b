//! Energy bought on the market: credit in Wh that a meter draws before money. Which contract trades is the admin's word.

use soroban_sdk::{Address, Env};

use crate::errors::{refuse, Error};
use crate::events;
use crate::registry;
use crate::storage::Key;
use crate::types::Mode;

/// Makes `market` the one contract that may move credit; `None` stops all trade.
pub fn name(env: &Env, market: Option<&Address>) {
    match market {
        Some(market) => env.storage().instance().set(&Key::Market, market),
        None => env.storage().instance().remove(&Key::Market),
    }
}

/// The contract that may move credit, if there is one.
pub fn get(env: &Env) -> Option<Address> {
    env.storage().instance().get(&Key::Market)
}

/// Goes on only when the market itself calls.
pub fn enforce(env: &Env) {
    get(env)
        .unwrap_or_else(|| refuse(env, Error::NoMarket))
        .require_auth();
}

/// Makes a meter's credit what `next` says of it and `wh`, and returns it; `otherwise` when there is no such credit.
pub fn change(
    env: &Env,
    meter_id: u64,
    wh: u32,
    next: fn(u32, u32) -> Option<u32>,
    otherwise: Error,
) -> u32 {
    if wh == 0 {
        refuse(env, Error::AmountNotPositive);
    }
    let mut opened = registry::open(env, meter_id);
    if opened.record.mode() != Mode::Prepaid {
        refuse(env, Error::MeterNotPrepaid);
    }
    let credit_wh =
        next(opened.record.market_credit_wh, wh).unwrap_or_else(|| refuse(env, otherwise));
    opened.record.market_credit_wh = credit_wh;
    registry::save(env, &mut opened);
    events::MarketCredit {
        meter_id,
        credit_wh,
    }
    .publish(env);
    credit_wh
}
