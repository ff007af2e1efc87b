//! XDR to bytes and back, and SHA-256: the two encodings everything is made of.
//!
//! Decoding is bounded, because the bytes come from clients. Encoding is not,
//! because the values are our own.

use sha2::{Digest, Sha256};
use soroban_env_host::xdr::{Limits, ReadXdr, WriteXdr};

/// Deepest nesting accepted from a client, as in stellar-rpc.
const MAX_DEPTH: u32 = 500;

/// Encodes a value as XDR.
pub fn encode(value: &impl WriteXdr) -> Vec<u8> {
    value
        .to_xdr(Limits::none())
        .expect("a value in memory always encodes without limits")
}

/// Decodes one value from `bytes`, all of which it has to fill.
pub fn decode<T: ReadXdr>(bytes: &[u8]) -> Result<T, soroban_env_host::xdr::Error> {
    T::from_xdr(
        bytes,
        Limits {
            depth: MAX_DEPTH,
            len: bytes.len(),
        },
    )
}

/// Hashes `bytes` with SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
