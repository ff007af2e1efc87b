//! A development ledger for Stellar smart contracts.
//!
//! It runs contracts on the real `soroban-env-host` and speaks the JSON-RPC of
//! `stellar-rpc`, so that unmodified SDKs and tools work against it. It has no
//! consensus and no peers: it never holds value and never leaves the loopback interface.
//!
//! [`ledger`] decides what is true, [`rpc`] puts it into JSON, [`server`] puts
//! that on a socket. Each knows only the one before it. [`snapshot_file`] keeps a
//! ledger between two runs, if that is asked for.

#![expect(
    clippy::result_large_err,
    reason = "an XDR result is as large as its rarest variant; they are few and short-lived"
)]

pub mod codec;
pub mod ledger;
pub mod options;
pub mod rpc;
pub mod server;
pub mod snapshot_file;
