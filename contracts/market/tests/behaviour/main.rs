//! What the contract promises, each promise kept twice: by the Rust code, and by the committed WASM.
//!
//! The real host runs both, beside the committed WASM of `meter` and `certification`; only signatures are granted without
//! keys, except where they are what is tested.

mod administering;
mod bazaar;
mod buying;
mod conservation;
mod lifetimes;
mod metering;
mod money;
mod refunds;
mod remainders;
mod selling;
mod wire;

/// Runs each named law, a function of a [`bazaar::Bazaar`], on the Rust code and on the WASM.
#[macro_export]
macro_rules! laws {
    ($($law:ident),+ $(,)?) => {
        mod rust {
            $(#[test] fn $law() { super::$law($crate::bazaar::Bazaar::on_rust()); })+
        }
        mod wasm {
            $(#[test] fn $law() { super::$law($crate::bazaar::Bazaar::on_wasm()); })+
        }
    };
}
