//! What the contract promises, each promise kept twice: by the Rust code, and by the committed WASM.
//!
//! The real host runs both; only signatures are granted without keys, except where they are what is tested.

mod applications;
mod energy;
mod fees;
mod lifetimes;
mod lists;
mod office;
mod page;
mod roles;
mod standing;
mod wire;

/// Runs each named law, a function of an [`office::Office`], on the Rust code and on the WASM.
#[macro_export]
macro_rules! laws {
    ($($law:ident),+ $(,)?) => {
        mod rust {
            $(#[test] fn $law() { super::$law($crate::office::Office::on_rust()); })+
        }
        mod wasm {
            $(#[test] fn $law() { super::$law($crate::office::Office::on_wasm()); })+
        }
    };
}
