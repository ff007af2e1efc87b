//! Oracle and scheduler: everybody subscribes a streaming meter, an hour is recorded, its payments are drawn.

use soroban_sdk::{Address, Bytes, Val, Vec};

use super::Who::{Anyone, Caller, Only};
use super::{nothing, row, Line};
use crate::provider::Role::{
    self, Admin, Certifier, Gateway, Household, Operator, Producer, Stranger,
};
use crate::provider::{meter_id, Provider, HOUR, SITE};

/// Everybody's streaming meter lies this many slots behind the prepaid one.
const STREAMING: u32 = 8;
const PRICE: i64 = 1_200_000;

pub fn lines() -> std::vec::Vec<Line> {
    let mut lines = recording();
    lines.extend(payments());
    lines.extend(reading());
    lines
}

fn recording() -> std::vec::Vec<Line> {
    let (oracle, scheduler) = ("oracle", "scheduler");
    vec![
        row(oracle, "allow", Only(Admin), |p, _| {
            p.values((SITE, p.address(Gateway)))
        }),
        row(scheduler, "subscribe", Caller(&Role::ALL), |p, who| {
            p.values((who, own_meter(p, who)))
        }),
        Line::Then(|p| p.wait(2 * HOUR)),
        row(
            oracle,
            "update_usage_and_price",
            Caller(&[Gateway]),
            |p, who| {
                p.values((
                    who,
                    SITE,
                    Vec::<Val>::from_array(&p.env, [hour_of_usage(p)]),
                ))
            },
        ),
    ]
}

fn payments() -> std::vec::Vec<Line> {
    let on = "scheduler";
    vec![
        row(on, "set_provider", Only(Admin), |p, _| {
            p.values((p.address(Admin),))
        }),
        row(on, "schedule_payment", Anyone, |p, _| {
            p.values((meter_of(p, Household), last_hour(p)))
        }),
        row(on, "schedule_payments", Anyone, |p, _| {
            let meters = Vec::from_array(&p.env, [meter_of(p, Household)]);
            p.values((meters, last_hour(p)))
        }),
        Line::Then(|p| {
            for payer in [Household, Operator] {
                let allowance = (
                    p.address(payer),
                    p.contract("scheduler"),
                    i128::from(i64::MAX),
                    53_000_000_u32,
                );
                p.run("electric", "approve", p.values(allowance));
            }
        }),
        row(on, "execute", Anyone, |p, _| {
            p.values((schedule(p, Household),))
        }),
        row(on, "execute_all", Anyone, |p, _| {
            p.values((Vec::from_array(&p.env, [schedule(p, Household)]),))
        }),
        row(on, "handle_insufficient_funds", Anyone, |p, _| {
            p.values((schedule(p, Producer),))
        }),
        Line::Then(|p| {
            schedule(p, Operator);
            p.run("electric", "pause", Vec::new(&p.env));
        }),
        row(on, "handle_schedule_failure", Anyone, |p, _| {
            p.values((schedule(p, Operator),))
        }),
        Line::Then(|p| {
            p.run("electric", "unpause", Vec::new(&p.env));
        }),
        row(on, "cancel_schedule", Caller(&[Stranger]), |p, who| {
            p.values((who, schedule(p, Stranger)))
        }),
        Line::Then(|p| {
            schedule(p, Certifier);
            p.wait(26 * HOUR);
        }),
        row(on, "reschedule_expired", Anyone, |p, _| {
            p.values((schedule(p, Certifier),))
        }),
        row(on, "end_subscription", Only(Admin), |p, _| {
            p.values((meter_of(p, Household),))
        }),
        Line::Then(|p| {
            let again = (p.address(Household), meter_of(p, Household));
            p.run("scheduler", "subscribe", p.values(again));
        }),
        row(on, "cancel_subscription", Caller(&Role::ALL), |p, who| {
            p.values((who, own_meter(p, who)))
        }),
    ]
}

fn reading() -> std::vec::Vec<Line> {
    let (oracle, scheduler) = ("oracle", "scheduler");
    let mut lines = vec![
        row(oracle, "get_meter", Anyone, nothing),
        row(oracle, "get_historical_data", Anyone, |p, _| {
            p.values((meter_of(p, Household), newest(p)))
        }),
        row(oracle, "get_history", Anyone, |p, _| {
            p.values((meter_of(p, Household), newest(p), 1_u32))
        }),
        row(oracle, "extend", Anyone, |p, _| p.values((SITE, 0_u32))),
        row(scheduler, "get_schedule_status", Anyone, |p, _| {
            let id: u64 = p.read(
                "scheduler",
                "schedule_payment",
                p.values((meter_of(p, Household), newest(p))),
            );
            p.values((id,))
        }),
    ];
    for function in ["get_writers", "get_newest"] {
        lines.push(row(oracle, function, Anyone, |p, _| p.values((SITE,))));
    }
    for function in ["is_streaming", "get_latest_data"] {
        lines.push(row(oracle, function, Anyone, |p, _| {
            p.values((meter_of(p, Household),))
        }));
    }
    for function in ["get_token", "get_oracle", "get_provider"] {
        lines.push(row(scheduler, function, Anyone, nothing));
    }
    for function in [
        "get_subscription",
        "get_open",
        "get_account",
        "get_uncollected",
        "extend",
    ] {
        lines.push(row(scheduler, function, Anyone, |p, _| {
            p.values((meter_of(p, Household),))
        }));
    }
    lines
}

fn own_meter(p: &Provider, who: &Address) -> u64 {
    meter_id(STREAMING + p.slot_of(who))
}

fn meter_of(p: &Provider, role: Role) -> u64 {
    own_meter(p, &p.address(role))
}

/// Start of the last hour that is over.
fn last_hour(p: &Provider) -> u64 {
    p.now() - p.now() % HOUR - HOUR
}

fn newest(p: &Provider) -> u64 {
    p.read("oracle", "get_newest", p.values((SITE,)))
}

/// The payment of the recorded hour for somebody's meter; made on first sight.
fn schedule(p: &Provider, role: Role) -> u64 {
    p.read(
        "scheduler",
        "schedule_payment",
        p.values((meter_of(p, role), newest(p))),
    )
}

/// The last hour, in which every streaming meter used 2 500 Wh.
fn hour_of_usage(p: &Provider) -> Val {
    let mut data = Bytes::from_array(&p.env, &(0xff_u64 << STREAMING).to_be_bytes());
    for _ in 0..8 {
        data.push_back(1);
        data.extend_from_array(&2_500_u16.to_be_bytes());
    }
    let page = p.map(&[("data", p.val(data)), ("page", p.val(0_u32))]);
    p.map(&[
        ("hour", p.val(last_hour(p))),
        ("pages", p.val(Vec::<Val>::from_array(&p.env, [page]))),
        ("prices", p.val(Vec::from_array(&p.env, [PRICE]))),
        ("tier", p.val(1_u32)),
    ])
}
