//! Contract code, compiled once when it is uploaded.
//!
//! Without it every call would compile its contract anew, and run out of the
//! instructions that simulation counted. It only saves work: the state holds
//! the code itself.

use std::sync::Arc;

use soroban_env_host::budget::Budget;
use soroban_env_host::storage::Storage;
use soroban_env_host::xdr::{LedgerEntryData, LedgerKey};
use soroban_env_host::{Host, ModuleCache};

use super::network::Network;
use super::settings::PROTOCOL;
use super::state::State;

/// The compiled form of all code in the ledger.
pub struct CompiledCode {
    modules: ModuleCache,
    network: Arc<Network>,
}

impl CompiledCode {
    /// Starts without any code.
    pub fn new(network: Arc<Network>) -> Self {
        Self {
            modules: ModuleCache::new(&compiler(&network)).expect("an empty cache always builds"),
            network,
        }
    }

    /// Returns the cache that the host reads from.
    pub fn modules(&self) -> &ModuleCache {
        &self.modules
    }

    /// Compiles the code that `state` holds under any of `keys`.
    pub fn add_from<'a>(&self, state: &State, keys: impl Iterator<Item = &'a LedgerKey>) {
        for held in keys.filter_map(|key| state.get(key)) {
            let LedgerEntryData::ContractCode(code) = &held.entry.data else {
                continue;
            };
            // The host has accepted this code already. Were it refused here after
            // all, calls would still work, only at a higher cost.
            let _ = self.modules.parse_and_cache_module_simple(
                &compiler(&self.network),
                PROTOCOL,
                code.code.as_slice(),
            );
        }
    }
}

/// Returns a host to compile in; its budget ends nothing.
fn compiler(network: &Network) -> Host {
    let budget = Budget::try_from_configs(
        u64::MAX,
        u64::MAX,
        network.config.cpu_cost_params.clone(),
        network.config.memory_cost_params.clone(),
    )
    .expect("the settings hold valid cost parameters");
    Host::with_storage_and_budget(Storage::default(), budget)
}
