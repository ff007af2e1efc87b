//! The network's identity and settings, fixed at genesis.

use soroban_env_host::xdr::{
    AccountId, LedgerEntry, LedgerEntryData, LedgerEntryExt, PublicKey, Uint256,
};
use soroban_env_host::LedgerInfo;
use soroban_simulation::NetworkConfig;

use super::operations::classic::new_account;
use super::settings::{config_settings, BASE_RESERVE, PROTOCOL};
use super::state::{Snapshot, State};
use crate::codec::sha256;

/// All lumens there are, in stroops: 100 000 million XLM.
pub const TOTAL_COINS: i64 = 1_000_000_000_000_000_000;
/// What friendbot starts with, in stroops.
const FRIENDBOT_COINS: i64 = TOTAL_COINS / 2;

/// Identity and settings.
pub struct Network {
    pub passphrase: String,
    pub id: [u8; 32],
    pub config: NetworkConfig,
}

impl Network {
    /// Reads the settings out of `state`; `None` if it lacks any.
    pub fn of(passphrase: &str, state: &State) -> Option<Self> {
        Some(Self {
            passphrase: passphrase.to_owned(),
            id: sha256(passphrase.as_bytes()),
            config: NetworkConfig::load_from_snapshot(&Snapshot(state.clone())).ok()?,
        })
    }

    /// Describes a ledger to the host.
    pub fn ledger_info(&self, sequence: u32, timestamp: u64) -> LedgerInfo {
        let mut info = LedgerInfo {
            protocol_version: PROTOCOL,
            sequence_number: sequence,
            timestamp,
            network_id: self.id,
            base_reserve: BASE_RESERVE,
            ..LedgerInfo::default()
        };
        self.config.fill_config_fields_in_ledger_info(&mut info);
        info
    }

    /// Returns the key of the root account: its seed is the network id, as in stellar-core.
    pub fn root_key(&self) -> ed25519_dalek::SigningKey {
        ed25519_dalek::SigningKey::from_bytes(&self.id)
    }

    /// Returns the key of the account that friendbot pays from.
    ///
    /// It is not the root account, so that friendbot never takes a sequence
    /// number from under a program that uses root.
    pub fn friendbot_key(&self) -> ed25519_dalek::SigningKey {
        ed25519_dalek::SigningKey::from_bytes(&sha256(&[&self.id[..], b"friendbot"].concat()))
    }
}

/// Creates a network and its first state: settings, root account and friendbot's.
///
/// `state_bytes` is the size of all contract state that the rate of rent follows.
pub fn genesis(passphrase: &str, state_bytes: u64) -> (Network, State) {
    let mut state = State::default();
    for setting in config_settings(state_bytes) {
        put(&mut state, LedgerEntryData::ConfigSetting(setting));
    }
    let network = Network::of(passphrase, &state).expect("the settings are complete");
    for (key, balance) in [
        (network.root_key(), TOTAL_COINS - FRIENDBOT_COINS),
        (network.friendbot_key(), FRIENDBOT_COINS),
    ] {
        let account = new_account(account_id(&key), balance, 0);
        put(&mut state, LedgerEntryData::Account(account));
    }
    (network, state)
}

fn put(state: &mut State, data: LedgerEntryData) {
    let entry = LedgerEntry {
        last_modified_ledger_seq: 1,
        data,
        ext: LedgerEntryExt::V0,
    };
    state.put(entry, None);
}

/// Returns the account that `key` is the master key of.
pub fn account_id(key: &ed25519_dalek::SigningKey) -> AccountId {
    let key = Uint256(key.verifying_key().to_bytes());
    AccountId(PublicKey::PublicKeyTypeEd25519(key))
}
