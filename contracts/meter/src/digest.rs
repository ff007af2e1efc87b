//! The digest that chains a site's batches, and its credits: which network, which contract, what came before, what
//! was said.

use soroban_sdk::{Bytes, BytesN, Env};

use crate::batch::Batch;
use crate::record::swapped;

/// Length of a contract's strkey ("C..." in ASCII).
const STRKEY_LEN: usize = 56;

/// Digest of a batch behind the one with digest `previous`.
pub fn digest(env: &Env, previous: &BytesN<32>, batch: &Batch) -> BytesN<32> {
    chained(env, previous, &canonical(env, batch))
}

/// sha256(previous ‖ network id ‖ contract strkey ‖ what was said).
pub fn chained(env: &Env, previous: &BytesN<32>, said: &Bytes) -> BytesN<32> {
    let mut strkey = [0; STRKEY_LEN];
    let contract = env.current_contract_address().to_string();
    contract.copy_into_slice(&mut strkey);

    let mut text = Bytes::new(env);
    text.append(previous.as_bytes());
    text.append(env.ledger().network_id().as_bytes());
    text.extend_from_slice(&strkey);
    text.append(said);
    env.crypto().sha256(&text).to_bytes()
}

/// The batch as bytes, every number big endian:
/// site ‖ writer ‖ sequence ‖ from ‖ to ‖ price version ‖ root ‖ pages as they were sent.
pub fn canonical(env: &Env, batch: &Batch) -> Bytes {
    let mut text = Bytes::new(env);
    put_u32(&mut text, batch.site);
    text.append(batch.writer.as_bytes());
    put_u64(&mut text, batch.sequence);
    put_u64(&mut text, batch.from);
    put_u64(&mut text, batch.to);
    put_u32(&mut text, batch.price_version);
    text.append(batch.root.as_bytes());
    text.append(&batch.pages);
    text
}

/// Appends a number of 32 bits, big endian.
pub fn put_u32(text: &mut Bytes, value: u32) {
    put(text, value.into(), 4);
}

/// Appends a number of 64 bits, big endian.
pub fn put_u64(text: &mut Bytes, value: u64) {
    put(text, value, 8);
}

fn put(text: &mut Bytes, value: u64, len: usize) {
    let bytes = swapped(value).to_le_bytes();
    text.extend_from_slice(&bytes[bytes.len() - len..]);
}
