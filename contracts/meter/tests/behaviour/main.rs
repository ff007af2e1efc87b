//! What the contract promises, each promise kept twice: by the Rust code, and by the committed WASM.
//!
//! The real host runs both; only signatures are granted without keys, except where they are what is tested.

mod admin;
mod alone;
mod arrears;
mod batches;
mod drafts;
mod faults;
mod floats;
mod legacy;
mod lifetimes;
mod market;
mod orders;
mod payments;
mod prices;
mod registry;
mod residue;
mod splits;
mod transitions;
mod village;
mod wire;

/// Runs each named law, a function of a [`village::Village`], on the Rust code and on the WASM.
#[macro_export]
macro_rules! laws {
    ($($law:ident),+ $(,)?) => {
        mod rust {
            $(#[test] fn $law() { super::$law($crate::village::Village::on_rust()); })+
        }
        mod wasm {
            $(#[test] fn $law() { super::$law($crate::village::Village::on_wasm()); })+
        }
    };
}
