//! Certification and market: a producer is certified, exports, sells; everybody buys for their own meter.

use soroban_sdk::{String, Val};

use super::Who::{Anyone, Caller, Only};
use super::{nothing, row, Line};
use crate::provider::Role::{self, Admin, Certifier, Gateway, Producer, Stranger};
use crate::provider::{meter_id, Provider, DAY, SITE};

const FEE: i128 = 1_000;
const SOLAR: u32 = 1;
const CAPACITY_W: u32 = 5_000;

pub fn lines() -> std::vec::Vec<Line> {
    let mut lines = roles();
    lines.extend(certificates());
    lines.extend(certification_reads());
    lines.extend(terms());
    lines.extend(sales());
    lines.extend(market_reads());
    lines
}

fn roles() -> std::vec::Vec<Line> {
    let on = "certification";
    vec![
        row(on, "add_certifier", Only(Admin), |p, _| {
            p.values((p.address(Certifier),))
        }),
        row(on, "add_reporter", Only(Admin), |p, _| {
            p.values((p.address(Gateway),))
        }),
        row(on, "set_fee", Only(Admin), |p, _| p.values((FEE,))),
        row(on, "set_capacity_limits", Only(Admin), |p, _| {
            p.values((1_u32, 10_000_u32))
        }),
    ]
}

fn certificates() -> std::vec::Vec<Line> {
    let on = "certification";
    let judged = |function| {
        row(on, function, Caller(&[Certifier]), |p, who| {
            p.values((who, p.address(Producer), reason(p)))
        })
    };
    vec![
        row(
            on,
            "apply_for_certification",
            Caller(&Role::ALL),
            |p, who| p.values((who, CAPACITY_W, SOLAR, FEE)),
        ),
        row(on, "withdraw_application", Caller(&Role::ALL), |p, who| {
            p.values((who,))
        }),
        Line::Then(apply),
        judged("reject_application"),
        Line::Then(apply),
        row(on, "certify_producer", Caller(&[Certifier]), |p, who| {
            p.values((who, p.address(Producer)))
        }),
        judged("revoke_certification"),
        judged("reinstate_certification"),
        row(on, "report_production", Caller(&[Gateway]), |p, who| {
            p.values((who, p.address(Producer), 0_u64))
        }),
        Line::Then(|p| {
            p.wait(DAY);
            let report = (p.address(Gateway), p.address(Producer), 50_000_u64);
            p.run("certification", "report_production", p.values(report));
        }),
        row(on, "withdraw", Only(Admin), |p, _| {
            p.values((p.address(Stranger), FEE))
        }),
    ]
}

fn certification_reads() -> std::vec::Vec<Line> {
    let on = "certification";
    let mut lines = vec![
        row(on, "get_production_history", Anyone, |p, _| {
            let today = (p.now() / DAY) as u32;
            p.values((p.address(Producer), today, 1_u32))
        }),
        row(on, "get_audit", Anyone, |p, _| {
            p.values((p.address(Producer), 0_u32, 10_u32))
        }),
        row(on, "extend_audit", Anyone, |p, _| {
            p.values((p.address(Producer), 0_u32, 10_u32))
        }),
        row(on, "remove_certifier", Only(Admin), |p, _| {
            p.values((p.address(Certifier),))
        }),
        row(on, "remove_reporter", Only(Admin), |p, _| {
            p.values((p.address(Gateway),))
        }),
    ];
    for function in ["get_applications", "get_producers", "extend"] {
        lines.push(row(on, function, Anyone, |p, _| p.values((0_u32, 10_u32))));
    }
    for function in [
        "get_certification",
        "get_application",
        "is_certified",
        "exported_wh",
        "get_production",
    ] {
        lines.push(row(on, function, Anyone, |p, _| {
            p.values((p.address(Producer),))
        }));
    }
    for function in [
        "get_certifiers",
        "get_reporters",
        "get_fee",
        "get_earned_fees",
        "get_capacity_limits",
        "get_token",
    ] {
        lines.push(row(on, function, Anyone, nothing));
    }
    lines
}

fn terms() -> std::vec::Vec<Line> {
    let on = "market";
    let mut lines = vec![row(on, "set_price", Only(Admin), |p, _| {
        p.values((1_000_000_i64,))
    })];
    for function in ["set_commission_rate", "set_refund_rate"] {
        lines.push(row(on, function, Only(Admin), |p, _| p.values((500_u32,))));
    }
    for function in ["set_global_reserve_limit", "set_user_reserve_limit"] {
        lines.push(row(on, function, Only(Admin), |p, _| {
            p.values((100_000_u64,))
        }));
    }
    lines.push(row(on, "set_site_open", Only(Admin), |p, _| {
        p.values((SITE, true))
    }));
    lines
}

fn sales() -> std::vec::Vec<Line> {
    let on = "market";
    vec![
        row(on, "add_energy_for_sale", Caller(&[Producer]), |p, who| {
            p.values((who, 10_000_u64, 1_000_000_i64))
        }),
        row(on, "set_listing_price", Caller(&[Producer]), |p, who| {
            p.values((who, 1_100_000_i64))
        }),
        row(
            on,
            "remove_energy_from_sale",
            Caller(&[Producer]),
            |p, who| p.values((who, 1_u64)),
        ),
        row(on, "quote", Anyone, |p, _| {
            p.values((p.address(Producer), 100_u32))
        }),
        row(on, "buy_energy_from_user", Caller(&BUYERS), |p, who| {
            let meter = meter_id(p.slot_of(who));
            p.values((who, p.address(Producer), meter, 100_u32, i64::MAX))
        }),
        row(on, "fund_reserve", Caller(&Role::ALL), |p, who| {
            p.values((who, 1_000_000_i128))
        }),
        row(on, "refund_energy", Caller(&BUYERS), |p, who| {
            p.values((who, meter_id(p.slot_of(who)), 10_u32))
        }),
        row(on, "sell_reserve", Only(Admin), |p, _| {
            p.values((10_u64, 1_000_000_i64))
        }),
        row(on, "withdraw_balance", Caller(&[Producer]), |p, who| {
            p.values((who, 1_i128))
        }),
        row(on, "withdraw_funds", Only(Admin), |p, _| {
            p.values((p.address(Stranger), 1_i128))
        }),
    ]
}

/// Nobody buys from themselves.
const BUYERS: [Role; 7] = [
    Admin,
    Role::Operator,
    Gateway,
    Certifier,
    Role::Household,
    Role::Market,
    Stranger,
];

fn market_reads() -> std::vec::Vec<Line> {
    let on = "market";
    let mut lines = vec![
        row(on, "site_open", Anyone, |p, _| p.values((SITE,))),
        row(on, "get_holding", Anyone, |p, _| p.values((meter_id(0),))),
        row(on, "extend_site", Anyone, |p, _| {
            p.values((SITE, 0_u32, 10_u32))
        }),
    ];
    for function in ["get_listings", "extend"] {
        lines.push(row(on, function, Anyone, |p, _| p.values((0_u32, 10_u32))));
    }
    for function in ["get_listing", "get_energy_balance", "get_token_balance"] {
        lines.push(row(on, function, Anyone, |p, _| {
            p.values((p.address(Producer),))
        }));
    }
    for function in [
        "price",
        "commission_rate",
        "refund_rate",
        "global_reserve_limit",
        "user_reserve_limit",
        "get_terms",
        "get_reserve",
        "get_token",
        "get_certification",
        "get_meter",
    ] {
        lines.push(row(on, function, Anyone, nothing));
    }
    lines
}

fn apply(p: &Provider) {
    let application = (p.address(Producer), CAPACITY_W, SOLAR, FEE);
    p.run(
        "certification",
        "apply_for_certification",
        p.values(application),
    );
}

fn reason(p: &Provider) -> Val {
    p.val(String::from_str(&p.env, "looked at on site"))
}
