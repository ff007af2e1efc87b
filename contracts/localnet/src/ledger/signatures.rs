//! Which signatures a transaction carries, and whose weight they add.
//!
//! Only ed25519 signers count; hash and pre-authorised signers are not supported.

use ed25519_dalek::{Signature, VerifyingKey};
use soroban_env_host::xdr::{AccountEntry, DecoratedSignature, PublicKey, SignerKey};

/// The thresholds of an account, as positions in its `thresholds`.
#[derive(Clone, Copy)]
pub enum Threshold {
    Low = 1,
    Medium = 2,
}

/// Checks signatures over one hash and remembers which were needed.
pub struct SignatureChecker<'a> {
    hash: &'a [u8; 32],
    signatures: &'a [DecoratedSignature],
    used: Vec<bool>,
}

impl<'a> SignatureChecker<'a> {
    /// Takes the hash that was signed and the signatures that came with it.
    pub fn new(hash: &'a [u8; 32], signatures: &'a [DecoratedSignature]) -> Self {
        Self {
            hash,
            signatures,
            used: vec![false; signatures.len()],
        }
    }

    /// Tells whether `account` has signed with at least the weight of `threshold`.
    ///
    /// A threshold of 0 still takes one signature, as on the network.
    pub fn meets(&mut self, account: &AccountEntry, threshold: Threshold) -> bool {
        let needed = u32::from(account.thresholds.0[threshold as usize]);
        let mut weight = 0;
        let mut signers = ed25519_signers(account);
        for (index, decorated) in self.signatures.iter().enumerate() {
            let signed_by = |(key, _): &([u8; 32], u32)| verifies(key, decorated, self.hash);
            let Some(position) = signers.iter().position(signed_by) else {
                continue;
            };
            self.used[index] = true;
            weight += signers.swap_remove(position).1;
            if weight >= needed {
                return true;
            }
        }
        false
    }

    /// Tells whether every signature was needed by someone.
    pub fn all_used(&self) -> bool {
        self.used.iter().all(|used| *used)
    }
}

fn ed25519_signers(account: &AccountEntry) -> Vec<([u8; 32], u32)> {
    let PublicKey::PublicKeyTypeEd25519(master) = &account.account_id.0;
    let master_weight = u32::from(account.thresholds.0[0]);
    let mut signers = Vec::new();
    if master_weight > 0 {
        signers.push((master.0, master_weight));
    }
    for signer in account.signers.iter() {
        if let SignerKey::Ed25519(key) = &signer.key {
            signers.push((key.0, signer.weight.min(255)));
        }
    }
    signers
}

fn verifies(key: &[u8; 32], decorated: &DecoratedSignature, hash: &[u8; 32]) -> bool {
    if decorated.hint.0 != key[28..] {
        return false;
    }
    let Ok(signature) = Signature::from_slice(decorated.signature.0.as_slice()) else {
        return false;
    };
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(hash, &signature).is_ok())
}
