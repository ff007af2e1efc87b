//! The token and the meter contract: a village is opened, paid for and settled.

use soroban_sdk::{BytesN, IntoVal, Val, Vec};

use super::Who::{Anyone, Caller, Only};
use super::{nothing, row, Line};
use crate::provider::Role::{self, Admin, Gateway, Household, Market, Operator, Stranger};
use crate::provider::{meter_id, Provider, DAY, HOUR, SITE, START};

const USAGE_BASED: u32 = 3;
/// Never paid for, so that usage becomes arrears.
pub const DEBTOR: u32 = 16;
const WRITER: [u8; 16] = [0xa1; 16];

pub fn lines() -> std::vec::Vec<Line> {
    let mut lines = token();
    lines.extend(village());
    lines.extend(money());
    lines.extend(settlement());
    lines.extend(reading());
    lines
}

fn token() -> std::vec::Vec<Line> {
    let on = "electric";
    vec![
        row(on, "mint", Only(Admin), |p, _| {
            p.values((p.address(Household), 1_i128))
        }),
        row(on, "grant", Only(Admin), |p, _| {
            p.values((p.address(Household),))
        }),
        row(on, "is_granted", Anyone, |p, who| p.values((who,))),
        row(on, "balance", Anyone, |p, who| p.values((who,))),
        row(on, "decimals", Anyone, nothing),
        row(on, "name", Anyone, nothing),
        row(on, "symbol", Anyone, nothing),
        row(on, "extend", Anyone, nothing),
        row(on, "transfer", Caller(&Role::ALL), |p, who| {
            p.values((who, p.address(Stranger), 1_i128))
        }),
        row(on, "approve", Caller(&Role::ALL), |p, who| {
            p.values((who, p.address(Stranger), 1_i128, 51_000_000_u32))
        }),
        Line::Then(|p| {
            for role in Role::ALL {
                let spender = p.address(role);
                let allowed = (p.address(Household), spender, 100_i128, 51_000_000_u32);
                p.run("electric", "approve", p.values(allowed));
            }
        }),
        row(on, "allowance", Anyone, |p, who| {
            p.values((p.address(Household), who))
        }),
        row(on, "transfer_from", Caller(&Role::ALL), |p, who| {
            p.values((who, p.address(Household), p.address(Stranger), 1_i128))
        }),
        row(on, "burn", Caller(&Role::ALL), |p, who| {
            p.values((who, 1_i128))
        }),
        row(on, "burn_from", Caller(&Role::ALL), |p, who| {
            p.values((who, p.address(Household), 1_i128))
        }),
    ]
}

fn village() -> std::vec::Vec<Line> {
    let on = "meter";
    vec![
        row(on, "add_site", Only(Admin), |p, _| {
            p.values((SITE, p.address(Admin)))
        }),
        row(on, "set_operator", Only(Admin), |p, _| {
            p.values((SITE, p.address(Operator)))
        }),
        Line::Then(|p| {
            p.run("meter", "add_site", p.values((9_u32, p.address(Operator))));
        }),
        row(on, "remove_site", Only(Admin), |p, _| p.values((9_u32,))),
        row(on, "allow", Only(Admin), |p, _| {
            p.values((SITE, p.address(Gateway)))
        }),
        row(on, "set_price", Only(Admin), |p, _| {
            p.values((START - DAY, rates(p), 5_000_000_i64, 30_000_000_i64))
        }),
        Line::Then(|p| {
            let later = (START + 30 * DAY, rates(p), 0_i64, 0_i64);
            p.run("meter", "set_price", p.values(later));
        }),
        row(on, "withdraw_price", Only(Admin), |p, _| p.values((2_u32,))),
        row(on, "register_meter", Only(Admin), |p, _| {
            p.values((meter_id(0), p.address(Operator), 5_000_u32, 0_u32))
        }),
        Line::Then(|p| {
            for slot in 1..=DEBTOR {
                let streaming = u32::from((8..16).contains(&slot));
                let meter = (meter_id(slot), p.address(Operator), 5_000_u32, streaming);
                p.run("meter", "register_meter", p.values(meter));
            }
        }),
        row(on, "set_owner", Only(Admin), |p, _| {
            p.values((meter_id(0), p.address(Household)))
        }),
        row(on, "set_max_power", Only(Admin), |p, _| {
            p.values((meter_id(0), 6_000_u32))
        }),
        row(on, "deactivate_meter", Only(Admin), |p, _| {
            p.values((meter_id(0),))
        }),
        row(on, "activate_meter", Only(Admin), |p, _| {
            p.values((meter_id(0),))
        }),
        row(on, "migrate_meter", Only(Admin), |p, _| {
            p.values((meter_id(0),))
        }),
    ]
}

fn money() -> std::vec::Vec<Line> {
    let on = "meter";
    vec![
        row(on, "make_payment", Caller(&Role::ALL), |p, who| {
            p.values((who, meter_id(0), 1_000_000_i128, USAGE_BASED))
        }),
        row(on, "fund_float", Caller(&Role::ALL), |p, who| {
            p.values((who, SITE, 1_000_000_i128))
        }),
        row(on, "withdraw_float", Only(Operator), |p, _| {
            p.values((SITE, p.address(Operator), 1_i128))
        }),
        row(on, "credit", Caller(&[Gateway]), |p, who| {
            let top_ups = laws::batches::top_ups(&p.env, &[(meter_id(0), 100_000, USAGE_BASED)]);
            p.values((who, SITE, 1_u64, top_ups))
        }),
        row(on, "withdraw", Only(Admin), |p, _| {
            p.values((p.address(Stranger), 1_i128))
        }),
        row(on, "set_market", Only(Admin), |p, _| {
            p.values((Some(p.address(Market)),))
        }),
        row(on, "add_market_credit", Only(Market), |p, _| {
            p.values((meter_id(0), 10_u32))
        }),
        row(on, "take_market_credit", Only(Market), |p, _| {
            p.values((meter_id(0), 10_u32))
        }),
        Line::Then(|p| {
            p.run(
                "meter",
                "set_market",
                p.values((Some(p.contract("market")),)),
            );
        }),
    ]
}

fn settlement() -> std::vec::Vec<Line> {
    let on = "meter";
    vec![
        Line::Then(|p| p.wait(2 * HOUR)),
        row(on, "update_usage", Caller(&[Gateway]), |p, who| {
            p.values((who, meter_id(0), 100_u64))
        }),
        row(on, "batch_update_usage", Caller(&[Gateway]), |p, who| {
            batch(p, who, 1, [START, START + HOUR], 0)
        }),
        row(on, "take_over", Caller(&[Gateway]), |p, who| {
            let receipt: soroban_sdk::Map<soroban_sdk::Symbol, Val> =
                p.read("meter", "get_receipt", p.values((SITE,)));
            let digest = receipt.get_unchecked(soroban_sdk::Symbol::new(&p.env, "digest"));
            p.values((
                who,
                SITE,
                1_u64,
                digest,
                BytesN::from_array(&p.env, &WRITER),
            ))
        }),
        Line::Then(|p| {
            let gateway = p.address(Gateway);
            let period = [START + HOUR, START + 2 * HOUR];
            p.run(
                "meter",
                "batch_update_usage",
                batch(p, &gateway, 2, period, 900),
            );
        }),
        row(on, "write_off", Only(Admin), |p, _| {
            p.values((meter_id(DEBTOR), 10_i128))
        }),
        row(on, "reinstate", Only(Admin), |p, _| {
            p.values((meter_id(DEBTOR), 10_i128))
        }),
    ]
}

fn reading() -> std::vec::Vec<Line> {
    let on = "meter";
    let mut lines = vec![
        row(on, "price_version_at", Anyone, |p, _| p.values((START,))),
        row(on, "get_price", Anyone, |p, _| p.values((1_u32,))),
        row(on, "get_page", Anyone, |p, _| p.values((SITE, 0_u32))),
        row(on, "get_token", Anyone, nothing),
        row(on, "get_market", Anyone, nothing),
    ];
    for function in ["get_receipt", "get_site", "get_float", "extend"] {
        lines.push(row(on, function, Anyone, |p, _| p.values((SITE,))));
    }
    for function in [
        "check_access",
        "get_usage",
        "get_meter",
        "get_owner",
        "get_written_off",
    ] {
        lines.push(row(on, function, Anyone, |p, _| p.values((meter_id(0),))));
    }
    lines
}

fn rates(p: &Provider) -> Val {
    Vec::from_array(&p.env, [960_000_i64, 1_200_000, 1_800_000]).into_val(&p.env)
}

/// A batch in which the debtor used `wh` at the standard rate.
fn batch(
    p: &Provider,
    signer: &soroban_sdk::Address,
    sequence: u64,
    [from, to]: [u64; 2],
    wh: u32,
) -> Vec<Val> {
    let data = [
        &(1_u64 << DEBTOR).to_be_bytes()[..],
        &[0b10],
        &wh.to_be_bytes(),
    ];
    let pages = laws::batches::pages(&p.env, &[(0, data.concat())]);
    let writer = BytesN::from_array(&p.env, &WRITER);
    let root: Option<BytesN<32>> = None;
    p.values((signer, SITE, writer, sequence, from, to, 1_u32, pages, root))
}
