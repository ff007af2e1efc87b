//! `InvokeHostFunction`: one run of the real contract host in enforcing mode.
//!
//! The host gets exactly the entries of the declared footprint, in its order,
//! and a budget of exactly the declared instructions. What it returns is held
//! against the declared and the network's limits before it becomes a change.

use soroban_env_host::budget::Budget;
use soroban_env_host::e2e_invoke::{
    entry_size_for_rent, extract_rent_changes, invoke_host_function, InvokeHostFunctionResult,
    LedgerEntryChange, TtlLedgerEntryMeta,
};
use soroban_env_host::fees::compute_rent_fee;
use soroban_env_host::xdr::{
    AccountId, ContractEvent, DiagnosticEvent, Hash, InvokeHostFunctionOp,
    InvokeHostFunctionResult as Outcome, InvokeHostFunctionSuccessPreImage, LedgerEntry, LedgerKey,
    OperationResultTr as Inner, ScVal, SorobanTransactionData,
};
use soroban_env_host::HostError;

use super::Success;
use crate::codec::{decode, encode, sha256};
use crate::ledger::apply::Context;
use crate::ledger::fees::{archived_indices, resource_fee};
use crate::ledger::settings::{MAX_CODE_BYTES, MAX_DATA_ENTRY_BYTES, TX_MAX_EVENTS_BYTES};
use crate::ledger::state::{is_soroban, is_temporary, Draft, Held};
use crate::ledger::transaction::SignedTransaction;

/// XDR around the code in its entry, not counted against the limit on code.
const CODE_ENTRY_OVERHEAD_BYTES: u32 = 1_024;

type HostEntry = (Option<Vec<u8>>, Option<TtlLedgerEntryMeta>);

/// A contract call with all it was declared to use.
pub struct Invocation<'a> {
    pub transaction: &'a SignedTransaction,
    pub data: &'a SorobanTransactionData,
    pub operation: &'a InvokeHostFunctionOp,
    pub source: &'a AccountId,
}

impl Invocation<'_> {
    /// Runs the call and puts its changes into `draft`.
    pub fn apply(
        &self,
        context: &Context,
        draft: &mut Draft,
        diagnostics: &mut Vec<DiagnosticEvent>,
    ) -> Result<Success, Inner> {
        self.run(context, draft, diagnostics)
            .map_err(Inner::InvokeHostFunction)
    }

    fn run(
        &self,
        context: &Context,
        draft: &mut Draft,
        diagnostics: &mut Vec<DiagnosticEvent>,
    ) -> Result<Success, Outcome> {
        let entries = self.load_entries(context, draft)?;
        let budget = self.budget(context).map_err(|_| Outcome::Trapped)?;
        let trapped = |_: HostError| {
            if self.is_exhausted(&budget, context) {
                Outcome::ResourceLimitExceeded
            } else {
                Outcome::Trapped
            }
        };
        let run = self
            .call_host(&budget, entries, context, diagnostics)
            .map_err(trapped)?;
        let value = run.encoded_invoke_result.clone().map_err(trapped)?;
        let events_bytes = self.check_output(&run, &value)?;
        let fees = self.check_fee(&run, events_bytes, context)?;
        self.keep_changes(run.ledger_changes, draft);
        success(&run.encoded_contract_events, &value, fees)
    }

    /// Collects the entries of the footprint in its order, as the host wants them.
    fn load_entries(&self, context: &Context, draft: &Draft) -> Result<Vec<HostEntry>, Outcome> {
        let footprint = &self.data.resources.footprint;
        let read_only = footprint.read_only.iter().map(|key| (key, false));
        let restorable = archived_indices(self.data);
        let read_write = footprint
            .read_write
            .iter()
            .enumerate()
            .map(|(index, key)| (key, restorable.contains(&(index as u32))));
        let mut disk_bytes = 0;
        let mut entries = Vec::new();
        for (key, may_restore) in read_only.chain(read_write) {
            entries.push(match draft.state().get(key) {
                None => (None, None),
                Some(held) => host_entry(key, held, may_restore, context, &mut disk_bytes)?,
            });
        }
        if disk_bytes > self.data.resources.disk_read_bytes as usize {
            return Err(Outcome::ResourceLimitExceeded);
        }
        Ok(entries)
    }

    fn budget(&self, context: &Context) -> Result<Budget, HostError> {
        let config = &context.network.config;
        Budget::try_from_configs(
            u64::from(self.data.resources.instructions),
            u64::from(config.tx_memory_limit),
            config.cpu_cost_params.clone(),
            config.memory_cost_params.clone(),
        )
    }

    fn is_exhausted(&self, budget: &Budget, context: &Context) -> bool {
        let cpu = budget.get_cpu_insns_consumed().unwrap_or(0);
        let memory = budget.get_mem_bytes_consumed().unwrap_or(0);
        cpu > u64::from(self.data.resources.instructions)
            || memory > u64::from(context.network.config.tx_memory_limit)
    }

    fn call_host(
        &self,
        budget: &Budget,
        entries: Vec<HostEntry>,
        context: &Context,
        diagnostics: &mut Vec<DiagnosticEvent>,
    ) -> Result<InvokeHostFunctionResult, HostError> {
        let authorizations: Vec<Vec<u8>> = self.operation.auth.iter().map(encode).collect();
        invoke_host_function(
            budget,
            true,
            encode(&self.operation.host_function),
            encode(&self.data.resources),
            archived_indices(self.data),
            encode(self.source),
            authorizations.into_iter(),
            context.ledger_info(),
            entries.into_iter(),
            // The network derives each transaction's randomness from its hash too.
            sha256(&self.transaction.hash).to_vec(),
            diagnostics,
            None,
            Some(context.modules.clone()),
        )
    }

    /// Holds output sizes against the limits; returns the bytes of events and value.
    fn check_output(&self, run: &InvokeHostFunctionResult, value: &[u8]) -> Result<u32, Outcome> {
        let written: usize = new_values(run).map(|(_, bytes)| bytes).sum();
        let events: usize = run.encoded_contract_events.iter().map(Vec::len).sum();
        let output = (events + value.len()) as u32;
        let fits = written <= self.data.resources.write_bytes as usize
            && output <= TX_MAX_EVENTS_BYTES
            && new_values(run).all(|(key, bytes)| bytes <= max_entry_bytes(&key));
        if fits {
            Ok(output)
        } else {
            Err(Outcome::ResourceLimitExceeded)
        }
    }

    /// Computes the refundable fee and its rent; both have to fit what was paid in.
    fn check_fee(
        &self,
        run: &InvokeHostFunctionResult,
        events_bytes: u32,
        context: &Context,
    ) -> Result<(i64, i64), Outcome> {
        let config = &context.network.config;
        let rent = compute_rent_fee(
            &extract_rent_changes(&run.ledger_changes),
            &config.rent_fee_configuration,
            context.sequence,
        );
        let fee = resource_fee(self.transaction, self.data, events_bytes, config);
        let refundable = rent.saturating_add(fee.events);
        if refundable > self.data.resource_fee - fee.non_refundable {
            return Err(Outcome::InsufficientRefundableFee);
        }
        Ok((refundable, rent))
    }

    fn keep_changes(&self, changes: Vec<LedgerEntryChange>, draft: &mut Draft) {
        for index in archived_indices(self.data) {
            let key = &self.data.resources.footprint.read_write[*index as usize];
            draft.mark_restored(key);
        }
        for change in changes {
            keep_change(change, draft);
        }
    }
}

/// Prepares one entry for the host, or refuses one that is archived.
fn host_entry(
    key: &LedgerKey,
    held: &Held,
    may_restore: bool,
    context: &Context,
    disk_bytes: &mut usize,
) -> Result<HostEntry, Outcome> {
    let encoded = encode(held.entry.as_ref());
    let Some(mut live_until_ledger) = held.live_until else {
        *disk_bytes += encoded.len();
        return Ok((Some(encoded), None));
    };
    if !held.is_live(context.sequence) {
        if is_temporary(key) {
            return Ok((None, None));
        }
        if !may_restore {
            return Err(Outcome::EntryArchived);
        }
        *disk_bytes += encoded.len();
        // An entry being restored is handed over as already live, for the shortest time.
        live_until_ledger = context.restored_until();
    }
    let size = entry_size_for_rent(&Budget::default(), &held.entry, encoded.len() as u32)
        .map_err(|_| Outcome::Trapped)?;
    let meta = TtlLedgerEntryMeta {
        live_until_ledger,
        entry_size_for_rent: size,
    };
    Ok((Some(encoded), Some(meta)))
}

fn new_values(run: &InvokeHostFunctionResult) -> impl Iterator<Item = (LedgerKey, usize)> + '_ {
    run.ledger_changes.iter().filter_map(|change| {
        let value = change.encoded_new_value.as_ref()?;
        Some((own(&change.encoded_key), value.len()))
    })
}

fn max_entry_bytes(key: &LedgerKey) -> usize {
    match key {
        LedgerKey::ContractCode(_) => (MAX_CODE_BYTES + CODE_ENTRY_OVERHEAD_BYTES) as usize,
        _ => MAX_DATA_ENTRY_BYTES as usize,
    }
}

fn keep_change(change: LedgerEntryChange, draft: &mut Draft) {
    let key: LedgerKey = own(&change.encoded_key);
    let live_until = change
        .ttl_change
        .as_ref()
        .map(|ttl| ttl.new_live_until_ledger);
    match (change.read_only, change.encoded_new_value) {
        (true, _) => {
            let old = draft.state().get(&key).and_then(|held| held.live_until);
            if let Some(last) = live_until.filter(|last| old.is_some_and(|old| *last > old)) {
                draft.set_live_until(&key, last);
            }
        }
        (false, None) => draft.remove(&key),
        (false, Some(value)) => {
            let entry: LedgerEntry = own(&value);
            let last = live_until.filter(|_| is_soroban(&key));
            draft.put(entry.data, last);
        }
    }
}

fn success(
    events: &[Vec<u8>],
    value: &[u8],
    (refundable_fee, rent_fee): (i64, i64),
) -> Result<Success, Outcome> {
    let events: Vec<ContractEvent> = events.iter().map(|event| own(event)).collect();
    let return_value: ScVal = own(value);
    let image = InvokeHostFunctionSuccessPreImage {
        return_value: return_value.clone(),
        events: events
            .clone()
            .try_into()
            .expect("fewer than u32::MAX events"),
    };
    let hash = Hash(sha256(&encode(&image)));
    Ok(Success {
        result: Inner::InvokeHostFunction(Outcome::Success(hash)),
        events,
        return_value: Some(return_value),
        refundable_fee,
        rent_fee,
    })
}

/// Decodes what the host itself encoded.
fn own<T: soroban_env_host::xdr::ReadXdr>(bytes: &[u8]) -> T {
    decode(bytes).expect("the host encodes valid XDR")
}
