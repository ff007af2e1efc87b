//! What the oracle promises, each promise kept twice: by the Rust code, and by the committed WASM.
//!
//! The real host runs both, beside the committed WASM of the meter contract; only signatures are granted without keys,
//! except where they are what is tested.

mod admin;
mod drafts;
mod history;
mod lifetimes;
mod recording;
mod refusals;
mod repeats;
mod village;

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
