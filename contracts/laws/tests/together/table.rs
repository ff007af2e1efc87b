//! The table: for each entry point, arguments that work, and who may call it with them.
//!
//! Its lines are run in order, as a provider's life: what a line needs was done by an earlier one.

use soroban_sdk::{Address, Val, Vec};

use crate::provider::{Provider, Role};

mod administration;
mod meters;
mod streaming;
mod trade;

pub type Arguments = fn(&Provider, &Address) -> Vec<Val>;

/// Who may call.
pub enum Who {
    /// Anybody, without a signature.
    Anyone,
    /// One whom the contract knows; the arguments don't say who calls.
    Only(Role),
    /// Those of the roles that name themselves in the arguments, and sign.
    Caller(&'static [Role]),
}

pub struct Row {
    pub contract: &'static str,
    pub function: &'static str,
    pub arguments: Arguments,
    pub who: Who,
}

impl Row {
    pub fn name(&self) -> String {
        format!("{}.{}", self.contract, self.function)
    }
}

pub enum Line {
    Call(Row),
    /// Something that has to happen before the next line.
    Then(fn(&Provider)),
}

/// All lines, in order.
pub fn lines() -> std::vec::Vec<Line> {
    let mut lines = meters::lines();
    lines.extend(trade::lines());
    lines.extend(streaming::lines());
    lines.extend(administration::lines());
    lines
}

/// One entry point of `contract`.
fn row(contract: &'static str, function: &'static str, who: Who, arguments: Arguments) -> Line {
    Line::Call(Row {
        contract,
        function,
        arguments,
        who,
    })
}

fn nothing(p: &Provider, _: &Address) -> Vec<Val> {
    Vec::new(&p.env)
}
