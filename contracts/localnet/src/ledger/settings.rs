//! The network's settings: limits, fees and lifetimes, as mainnet had them in mid-2026.
//!
//! All of them are `MAINNET_LIMITS_JSON` of Stellar Laboratory's `networkLimits.ts`, a
//! file that it generates from the network itself
//! (<https://github.com/stellar/laboratory/blob/main/src/constants/networkLimits.ts>);
//! the README says which one agrees with which other source.
//!
//! They are written into genesis as genuine `ConfigSetting` entries, because
//! simulation reads them from there, and kept as constants for the checks that
//! neither simulation nor host makes.

use soroban_env_host::budget::Budget;
use soroban_env_host::xdr::{
    ConfigSettingContractBandwidthV0, ConfigSettingContractComputeV0,
    ConfigSettingContractEventsV0, ConfigSettingContractExecutionLanesV0,
    ConfigSettingContractHistoricalDataV0, ConfigSettingContractLedgerCostExtV0,
    ConfigSettingContractLedgerCostV0, ConfigSettingContractParallelComputeV0, ConfigSettingEntry,
    ConfigSettingScpTiming, ContractCostParamEntry, ContractCostParams, ContractCostType,
    ExtensionPoint, StateArchivalSettings,
};

/// Protocol version of every ledger here; the host crates' major version.
pub const PROTOCOL: u32 = 28;
/// Reserve per entry of an account, in stroops; an account itself counts twice.
pub const BASE_RESERVE: u32 = 5_000_000;
/// Inclusion fee per operation, in stroops.
pub const BASE_FEE: u32 = 100;
/// Operations in one classic transaction.
pub const MAX_OPERATIONS: u32 = 100;

/// What one contract transaction may declare or use.
pub const TX_MAX_INSTRUCTIONS: u32 = 400_000_000;
pub const TX_MAX_MEMORY_BYTES: u32 = 41_943_040;
pub const TX_MAX_FOOTPRINT_ENTRIES: u32 = 400;
pub const TX_MAX_DISK_READ_ENTRIES: u32 = 200;
pub const TX_MAX_DISK_READ_BYTES: u32 = 200_000;
pub const TX_MAX_WRITE_ENTRIES: u32 = 200;
pub const TX_MAX_WRITE_BYTES: u32 = 132_096;
pub const TX_MAX_SIZE_BYTES: u32 = 132_096;
pub const TX_MAX_EVENTS_BYTES: u32 = 16_384;
/// How large a key, an entry of data and a contract's code may be.
pub const MAX_KEY_BYTES: u32 = 250;
pub const MAX_DATA_ENTRY_BYTES: u32 = 65_536;
pub const MAX_CODE_BYTES: u32 = 131_072;

/// What the contract transactions of one ledger may declare together.
pub const LEDGER_MAX_INSTRUCTIONS: i64 = 580_000_000;
pub const LEDGER_MAX_DISK_READ_ENTRIES: u32 = 1_000;
pub const LEDGER_MAX_DISK_READ_BYTES: u32 = 400_000;
pub const LEDGER_MAX_WRITE_ENTRIES: u32 = 1_000;
pub const LEDGER_MAX_WRITE_BYTES: u32 = 286_720;
pub const LEDGER_MAX_TRANSACTION_BYTES: u32 = 266_240;

/// Contract state of the whole network, by which the rate of rent is set, in bytes: the
/// average of the last window that Laboratory published for mainnet. Rent stays at the
/// protocol's minimum (1 000 stroops for 1 KiB and 1 215 ledgers) up to 2 000 000 000.
pub const STATE_BYTES: u64 = 1_090_340_722;

/// Samples that the average size of the state is taken of.
const STATE_SAMPLES: u32 = 30;

/// 180 days of 5-second ledgers.
pub const MAX_ENTRY_TTL: u32 = 3_110_400;
/// 120 days of 5-second ledgers.
pub const MIN_PERSISTENT_TTL: u32 = 2_073_600;
/// 1 day of 5-second ledgers.
pub const MIN_TEMPORARY_TTL: u32 = 17_280;

/// Returns the settings as ledger entries, for a network with `state_bytes` of contract state.
pub fn config_settings(state_bytes: u64) -> Vec<ConfigSettingEntry> {
    use ConfigSettingEntry as Setting;
    let (cpu, memory) = default_cost_params();
    vec![
        Setting::ContractMaxSizeBytes(MAX_CODE_BYTES),
        Setting::ContractComputeV0(compute()),
        Setting::ContractLedgerCostV0(ledger_cost()),
        Setting::ContractLedgerCostExtV0(ConfigSettingContractLedgerCostExtV0 {
            tx_max_footprint_entries: TX_MAX_FOOTPRINT_ENTRIES,
            fee_write1_kb: 875,
        }),
        Setting::ContractHistoricalDataV0(ConfigSettingContractHistoricalDataV0 {
            fee_historical1_kb: 4_059,
        }),
        Setting::ContractEventsV0(ConfigSettingContractEventsV0 {
            tx_max_contract_events_size_bytes: TX_MAX_EVENTS_BYTES,
            fee_contract_events1_kb: 5_000,
        }),
        Setting::ContractBandwidthV0(ConfigSettingContractBandwidthV0 {
            ledger_max_txs_size_bytes: LEDGER_MAX_TRANSACTION_BYTES,
            tx_max_size_bytes: TX_MAX_SIZE_BYTES,
            fee_tx_size1_kb: 406,
        }),
        Setting::ContractCostParamsCpuInstructions(cpu),
        Setting::ContractCostParamsMemoryBytes(memory),
        Setting::ContractDataKeySizeBytes(MAX_KEY_BYTES),
        Setting::ContractDataEntrySizeBytes(MAX_DATA_ENTRY_BYTES),
        Setting::StateArchival(archival()),
        Setting::LiveSorobanStateSizeWindow(
            vec![state_bytes; STATE_SAMPLES as usize]
                .try_into()
                .expect("30 samples fit"),
        ),
        Setting::ContractParallelComputeV0(ConfigSettingContractParallelComputeV0 {
            ledger_max_dependent_tx_clusters: 2,
        }),
        Setting::ContractExecutionLanes(ConfigSettingContractExecutionLanesV0 {
            ledger_max_tx_count: 2_000,
        }),
        Setting::ScpTiming(ConfigSettingScpTiming {
            ledger_target_close_time_milliseconds: 5_000,
            nomination_timeout_initial_milliseconds: 1_000,
            nomination_timeout_increment_milliseconds: 1_000,
            ballot_timeout_initial_milliseconds: 1_000,
            ballot_timeout_increment_milliseconds: 1_000,
        }),
    ]
}

fn compute() -> ConfigSettingContractComputeV0 {
    ConfigSettingContractComputeV0 {
        ledger_max_instructions: LEDGER_MAX_INSTRUCTIONS,
        tx_max_instructions: i64::from(TX_MAX_INSTRUCTIONS),
        fee_rate_per_instructions_increment: 7,
        tx_memory_limit: TX_MAX_MEMORY_BYTES,
    }
}

fn ledger_cost() -> ConfigSettingContractLedgerCostV0 {
    ConfigSettingContractLedgerCostV0 {
        ledger_max_disk_read_entries: LEDGER_MAX_DISK_READ_ENTRIES,
        ledger_max_disk_read_bytes: LEDGER_MAX_DISK_READ_BYTES,
        ledger_max_write_ledger_entries: LEDGER_MAX_WRITE_ENTRIES,
        ledger_max_write_bytes: LEDGER_MAX_WRITE_BYTES,
        tx_max_disk_read_entries: TX_MAX_DISK_READ_ENTRIES,
        tx_max_disk_read_bytes: TX_MAX_DISK_READ_BYTES,
        tx_max_write_ledger_entries: TX_MAX_WRITE_ENTRIES,
        tx_max_write_bytes: TX_MAX_WRITE_BYTES,
        fee_disk_read_ledger_entry: 1_563,
        fee_write_ledger_entry: 2_500,
        fee_disk_read1_kb: 447,
        soroban_state_target_size_bytes: 3_000_000_000,
        rent_fee1_kb_soroban_state_size_low: -17_000,
        rent_fee1_kb_soroban_state_size_high: 10_000,
        soroban_state_rent_fee_growth_factor: 5_000,
    }
}

fn archival() -> StateArchivalSettings {
    StateArchivalSettings {
        max_entry_ttl: MAX_ENTRY_TTL,
        min_temporary_ttl: MIN_TEMPORARY_TTL,
        min_persistent_ttl: MIN_PERSISTENT_TTL,
        persistent_rent_rate_denominator: 1_215,
        temp_rent_rate_denominator: 2_430,
        max_entries_to_archive: 1_000,
        live_soroban_state_size_window_sample_size: STATE_SAMPLES,
        live_soroban_state_size_window_sample_period: 64,
        eviction_scan_size: 500_000,
        starting_eviction_scan_level: 7,
    }
}

/// Recovers the host's calibrated cost parameters, which it does not export.
///
/// A charge is `const + linear * n / 128`, so the charges for n = 0 and for a
/// power of two up to 128 give both terms exactly.
fn default_cost_params() -> (ContractCostParams, ContractCostParams) {
    let (cpu, memory): (Vec<_>, Vec<_>) = ContractCostType::variants()
        .iter()
        .map(|kind| probe_cost(*kind))
        .unzip();
    (
        ContractCostParams(cpu.try_into().expect("fewer than 1024 cost types")),
        ContractCostParams(memory.try_into().expect("fewer than 1024 cost types")),
    )
}

fn probe_cost(kind: ContractCostType) -> (ContractCostParamEntry, ContractCostParamEntry) {
    // A cost with a linear term refuses a charge without n; one without refuses n.
    let Some((cpu, memory)) = charge_default(kind, Some(0)) else {
        let (cpu, memory) = charge_default(kind, None).expect("one of the two forms is accepted");
        return (cost_param(cpu, 0), cost_param(memory, 0));
    };
    // The largest power of two whose charge stays inside the default budget.
    let (n, (cpu_n, memory_n)) = [128, 64, 32, 16, 8, 4, 2, 1]
        .into_iter()
        .find_map(|n| Some((n, charge_default(kind, Some(n))?)))
        .expect("one unit of any cost fits the default budget");
    let linear = |at_n: u64, at_0: u64| (at_n - at_0) * 128 / n;
    (
        cost_param(cpu, linear(cpu_n, cpu)),
        cost_param(memory, linear(memory_n, memory)),
    )
}

fn charge_default(kind: ContractCostType, n: Option<u64>) -> Option<(u64, u64)> {
    let budget = Budget::default();
    budget.charge(kind, n).ok()?;
    let cpu = budget.get_cpu_insns_consumed().ok()?;
    let memory = budget.get_mem_bytes_consumed().ok()?;
    Some((cpu, memory))
}

fn cost_param(constant: u64, linear: u64) -> ContractCostParamEntry {
    ContractCostParamEntry {
        ext: ExtensionPoint::V0,
        const_term: constant as i64,
        linear_term: linear as i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probed_cost_parameters_charge_exactly_as_the_hosts_own() {
        let (cpu, memory) = default_cost_params();
        let mut compared = 0;
        for kind in ContractCostType::variants() {
            for n in [
                None,
                Some(0),
                Some(1),
                Some(3),
                Some(77),
                Some(1_000),
                Some(65_536),
            ] {
                let Some(expected) = charge_default(kind, n) else {
                    continue;
                };
                let limit = 100_000_000_000;
                let probed =
                    Budget::try_from_configs(limit, limit, cpu.clone(), memory.clone()).unwrap();
                probed.charge(kind, n).unwrap();
                let charged = (
                    probed.get_cpu_insns_consumed().unwrap(),
                    probed.get_mem_bytes_consumed().unwrap(),
                );
                assert_eq!(charged, expected, "{kind:?} with n = {n:?}");
                compared += 1;
            }
        }
        assert!(compared >= ContractCostType::variants().len());
    }
}
