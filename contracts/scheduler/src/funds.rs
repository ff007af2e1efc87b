//! The user's money: what may be drawn, and drawing it. The token may refuse anything at any time (paused, frozen,
//! archived): that never ends a call here, it becomes a reason.

use soroban_sdk::token::TokenClient;
use soroban_sdk::{Address, Env};

use crate::storage::{self, Key};
use crate::types::Reason;

/// What could be drawn of an amount, in stroops, and why not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    pub paid: i64,
    pub reason: Reason,
}

impl Draw {
    const fn nothing(reason: Reason) -> Self {
        Self { paid: 0, reason }
    }
}

/// Draws `amount` stroops from `user` for the provider; when that isn't there, what is there if `in_part`, else nothing.
pub fn draw(e: &Env, user: &Address, amount: i64, in_part: bool) -> Draw {
    let token = TokenClient::new(e, &storage::address(e, &Key::Token));
    let Some((allowance, balance)) = funds(e, &token, user) else {
        return Draw::nothing(Reason::TokenRefused);
    };
    let reason = shortage(amount, allowance, balance);
    let paid = match reason {
        Reason::None => amount,
        _ if in_part => amount.min(clamped(allowance)).min(clamped(balance)),
        _ => 0,
    };
    if paid == 0 || transferred(e, &token, user, paid) {
        Draw { paid, reason }
    } else {
        Draw::nothing(Reason::TokenRefused)
    }
}

/// The user's allowance to this contract, and balance; `None` when the token doesn't answer.
fn funds(e: &Env, token: &TokenClient, user: &Address) -> Option<(i128, i128)> {
    let allowance = token.try_allowance(user, &e.current_contract_address());
    let balance = token.try_balance(user);
    Some((allowance.ok()?.ok()?, balance.ok()?.ok()?))
}

/// The allowance is named first: it is what the user can mend at once.
fn shortage(amount: i64, allowance: i128, balance: i128) -> Reason {
    let amount = i128::from(amount);
    if amount > allowance && allowance <= 0 {
        Reason::AllowanceExpired
    } else if amount > allowance {
        Reason::AllowanceTooSmall
    } else if amount > balance {
        Reason::InsufficientBalance
    } else {
        Reason::None
    }
}

fn clamped(funds: i128) -> i64 {
    i64::try_from(funds.max(0)).unwrap_or(i64::MAX)
}

fn transferred(e: &Env, token: &TokenClient, user: &Address, amount: i64) -> bool {
    let this = e.current_contract_address();
    let provider = storage::address(e, &Key::Provider);
    let answer = token.try_transfer_from(&this, user, &provider, &amount.into());
    matches!(answer, Ok(Ok(())))
}
