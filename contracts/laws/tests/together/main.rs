//! What the contracts promise together: all of them deployed from the WASM that is committed, as one provider's.

mod authorisation;
mod energy;
mod provider;
mod table;
