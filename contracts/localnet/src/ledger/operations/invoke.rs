//! `InvokeHostFunction`: one run of the real contract host in enforcing mode.
//!
//! The host gets exactly the entries of the declared footprint, in its order,
//! and a budget of exactly the declared instructions. What it returns is held
//! against the declared and the network's limits before it becomes a change.
//! Checks, codes and their order follow stellar-core's `InvokeHostFunctionOpFrame`.

use soroban_env_host::budget::Budget;
use soroban_env_host::e2e_invoke::{
    extract_rent_changes, invoke_host_function, InvokeHostFunctionResult, LedgerEntryChange,
};
use soroban_env_host::fees::compute_rent_fee;
use soroban_env_host::xdr::{
    AccountId, ContractEvent, DiagnosticEvent, Hash, InvokeHostFunctionOp,
    InvokeHostFunctionResult as Outcome, InvokeHostFunctionSuccessPreImage, LedgerEntry, LedgerKey,
    OperationResultTr as Inner, ScVal, SorobanTransactionData,
};
use soroban_env_host::HostError;

use super::failure::{at_most, Failure};
use super::footprint::Loaded;
use super::Success;
use crate::codec::{decode, encode, sha256};
use crate::ledger::apply::Context;
use crate::ledger::draft::Draft;
use crate::ledger::fees::resource_fee;
use crate::ledger::settings::{MAX_CODE_BYTES, MAX_DATA_ENTRY_BYTES, TX_MAX_EVENTS_BYTES};
use crate::ledger::state::is_soroban;
use crate::ledger::transaction::SignedTransaction;

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
            .map_err(|Failure(outcome, complaint)| {
                diagnostics.extend(complaint.map(|one| one.event()));
                Inner::InvokeHostFunction(outcome)
            })
    }

    fn run(
        &self,
        context: &Context,
        draft: &mut Draft,
        diagnostics: &mut Vec<DiagnosticEvent>,
    ) -> Result<Success, Failure> {
        let loaded = Loaded::of(self.data, context, draft)?;
        let restored = loaded.restored.clone();
        let budget = self.budget(context).map_err(|_| Outcome::Trapped)?;
        let trapped = |_: HostError| self.why_trapped(&budget, context);
        let run = self
            .call_host(&budget, loaded, context, diagnostics)
            .map_err(trapped)?;
        let value = run.encoded_invoke_result.clone().map_err(trapped)?;
        let events_bytes = self.check_output(&run, &value)?;
        let fees = self.check_fee(&run, events_bytes, context)?;
        self.keep_changes(run.ledger_changes, &restored, context, draft);
        Ok(success(&run.encoded_contract_events, &value, fees))
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

    /// Tells a call that ran out of instructions or memory from one that gave up.
    fn why_trapped(&self, budget: &Budget, context: &Context) -> Failure {
        let instructions = budget.get_cpu_insns_consumed().unwrap_or(0);
        let declared = u64::from(self.data.resources.instructions);
        if instructions > declared {
            let message = "operation instructions exceeds amount specified";
            return Failure::beyond(message, instructions, declared);
        }
        let memory = budget.get_mem_bytes_consumed().unwrap_or(0);
        let limit = u64::from(context.network.config.tx_memory_limit);
        if memory > limit {
            let message = "operation memory usage exceeds network config limit";
            return Failure::beyond(message, memory, limit);
        }
        Outcome::Trapped.into()
    }

    fn call_host(
        &self,
        budget: &Budget,
        loaded: Loaded,
        context: &Context,
        diagnostics: &mut Vec<DiagnosticEvent>,
    ) -> Result<InvokeHostFunctionResult, HostError> {
        let authorizations: Vec<Vec<u8>> = self.operation.auth.iter().map(encode).collect();
        invoke_host_function(
            budget,
            true,
            encode(&self.operation.host_function),
            encode(&self.data.resources),
            &loaded.restored,
            encode(self.source),
            authorizations.into_iter(),
            context.ledger_info(),
            loaded.entries.into_iter(),
            // The network derives each transaction's randomness from its hash too.
            sha256(&self.transaction.hash).to_vec(),
            diagnostics,
            None,
            Some(context.modules.clone()),
        )
    }

    /// Holds output sizes against the limits; returns the bytes of events and value.
    fn check_output(&self, run: &InvokeHostFunctionResult, value: &[u8]) -> Result<u32, Failure> {
        let allowed = u64::from(self.data.resources.write_bytes);
        let mut written = 0;
        for (key, bytes) in new_values(run) {
            check_entry_size(&key, bytes)?;
            written += bytes;
            let message = "operation byte-write resources exceeds amount specified";
            at_most(message, written, allowed)?;
        }
        let events: usize = run.encoded_contract_events.iter().map(Vec::len).sum();
        let output = (events + value.len()) as u64;
        let allowed = u64::from(TX_MAX_EVENTS_BYTES);
        let message = "total events size exceeds network config maximum";
        at_most(message, events as u64, allowed)?;
        let message = "return value pushes events size above network config maximum";
        at_most(message, output, allowed)?;
        Ok(output as u32)
    }

    /// Computes the refundable fee and its rent; both have to fit what was paid in.
    fn check_fee(
        &self,
        run: &InvokeHostFunctionResult,
        events_bytes: u32,
        context: &Context,
    ) -> Result<(i64, i64), Failure> {
        let config = &context.network.config;
        let rent = compute_rent_fee(
            &extract_rent_changes(&run.ledger_changes),
            &config.rent_fee_configuration,
            context.sequence,
        );
        let fee = resource_fee(self.transaction, self.data, events_bytes, config);
        let refundable = rent.saturating_add(fee.events);
        if refundable > self.data.resource_fee - fee.non_refundable {
            return Err(Outcome::InsufficientRefundableFee.into());
        }
        Ok((refundable, rent))
    }

    fn keep_changes(
        &self,
        changes: Vec<LedgerEntryChange>,
        restored: &[u32],
        context: &Context,
        draft: &mut Draft,
    ) {
        for index in restored {
            let key = &self.data.resources.footprint.read_write[*index as usize];
            draft.mark_restored(key, context.restored_until());
        }
        for change in changes {
            keep_change(change, draft);
        }
    }
}

fn new_values(run: &InvokeHostFunctionResult) -> impl Iterator<Item = (LedgerKey, u64)> + '_ {
    run.ledger_changes.iter().filter_map(|change| {
        let value = change.encoded_new_value.as_ref()?;
        Some((own(&change.encoded_key), value.len() as u64))
    })
}

/// The whole entry counts, also the little that is around the code or the value.
fn check_entry_size(key: &LedgerKey, bytes: u64) -> Result<(), Failure> {
    let (message, allowed) = match key {
        LedgerKey::ContractCode(_) => (
            "Wasm size exceeds network config maximum contract size",
            MAX_CODE_BYTES,
        ),
        LedgerKey::ContractData(_) => (
            "ContractData size exceeds network config maximum size",
            MAX_DATA_ENTRY_BYTES,
        ),
        _ => return Ok(()),
    };
    at_most(message, bytes, u64::from(allowed))
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

fn success(events: &[Vec<u8>], value: &[u8], (refundable_fee, rent_fee): (i64, i64)) -> Success {
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
    Success {
        result: Inner::InvokeHostFunction(Outcome::Success(hash)),
        events,
        return_value: Some(return_value),
        refundable_fee,
        rent_fee,
    }
}

/// Decodes what the host itself encoded.
fn own<T: soroban_env_host::xdr::ReadXdr>(bytes: &[u8]) -> T {
    decode(bytes).expect("the host encodes valid XDR")
}
