//! What every contract has: who administers it, its pause, its upgrades; and the lists that are emptied last.

use soroban_sdk::{Address, BytesN, Val, Vec};

use super::Who::{Anyone, Only};
use super::{nothing, row, Line};
use crate::provider::Role::{Admin, Gateway, Operator};
use crate::provider::{Provider, CONTRACTS, DAY, SITE};

const NOTICE_S: u64 = 7 * DAY;

pub fn lines() -> std::vec::Vec<Line> {
    let mut lines = vec![
        row("meter", "disallow", Only(Admin), |p, _| {
            p.values((SITE, p.address(Gateway)))
        }),
        row("oracle", "disallow", Only(Admin), |p, _| {
            p.values((SITE, p.address(Gateway)))
        }),
    ];
    for (on, _) in CONTRACTS {
        for function in ["get_admin", "paused", "get_upgrade"] {
            lines.push(row(on, function, Anyone, nothing));
        }
        for function in ["pause", "unpause"] {
            lines.push(row(on, function, Only(Admin), nothing));
        }
        lines.push(row(on, "announce_upgrade", Only(Admin), code));
        lines.push(row(on, "withdraw_upgrade", Only(Admin), nothing));
    }
    lines.push(Line::Then(|p| {
        for (on, _) in CONTRACTS {
            p.run(on, "announce_upgrade", code(p, &p.address(Admin)));
        }
        p.wait(NOTICE_S);
    }));
    for (on, _) in CONTRACTS {
        lines.push(row(on, "upgrade", Only(Admin), code));
        lines.push(row(on, "transfer_admin_role", Only(Admin), |p, _| {
            p.values((p.address(Operator), 52_000_000_u32))
        }));
        lines.push(row(on, "accept_admin_transfer", Only(Operator), nothing));
    }
    lines
}

/// Any code will do: what it becomes isn't called again.
fn code(p: &Provider, _: &Address) -> Vec<Val> {
    let hash: BytesN<32> = p.env.deployer().upload_contract_wasm(CONTRACTS[1].1);
    p.values((hash,))
}
