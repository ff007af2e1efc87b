//! What the scheduler promises, each promise kept twice: by the Rust code, and by the committed WASM.
//!
//! The real host runs both, beside the committed WASM of meter, oracle and ELECTRIC; only signatures are granted without keys,
//! except where they are what is tested.

mod admin;
mod failures;
mod laws;
mod life;
mod lifetimes;
mod lists;
mod money;
mod subscriptions;
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
