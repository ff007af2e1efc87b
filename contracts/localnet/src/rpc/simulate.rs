//! `simulateTransaction`: what a transaction would do, need and cost.
//!
//! It runs on a copy of the state with the ledger unlocked. It checks neither
//! signatures nor network limits; sending does.
//!
//! A call that needs archived entries names them, to be restored by itself. Where that
//! goes beyond the network's limits, and for an extension of archived entries, the answer
//! has a `restorePreamble`: a `RestoreFootprint` to send first (stellar-rpc issue 464).

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{json, Value};
use soroban_env_host::e2e_invoke::{RecordingInvocationAuthMode, RecordingInvocationAuthParams};
use soroban_env_host::storage::SnapshotSource;
use soroban_env_host::xdr::{InvokeHostFunctionOp, LedgerFootprint, OperationBody};
use soroban_env_host::LedgerInfo;
use soroban_simulation::simulation::{
    simulate_extend_ttl_op, simulate_invoke_host_function_op, simulate_restore_op,
    InvokeHostFunctionSimulationResult, SimulationAdjustmentConfig,
};
use soroban_simulation::AutoRestoringSnapshotSource;

use super::params::{number, transaction};
use super::simulated::{describe, describe_data, sentence, Failure, Finding};
use super::{Answer, Node, RpcError};
use crate::codec::sha256;
use crate::ledger::fees::archived_indices;
use crate::ledger::resources::fit_network;
use crate::ledger::state::{Snapshot, State};
use crate::ledger::transaction::SignedTransaction;
use crate::ledger::Network;

/// The ledger that is simulated: a copy of the latest, as if the next closed now.
struct Trial {
    state: State,
    network: Arc<Network>,
    info: LedgerInfo,
    adjustment: SimulationAdjustmentConfig,
}

/// Simulates a transaction; a failure of the contract is an answer, not an error.
pub fn simulate(node: &Node, params: &Value) -> Answer {
    let (transaction, trial, latest) = prepare(node, params)?;
    let mut answer = match run(&transaction, params, &trial) {
        Ok(answer) => answer,
        Err(failure) => json!({"error": failure.reason, "events": failure.events}),
    };
    answer["latestLedger"] = json!(latest);
    Ok(answer)
}

fn prepare(node: &Node, params: &Value) -> Result<(SignedTransaction, Trial, u32), RpcError> {
    let ledger = node.lock();
    let transaction = transaction(params, &ledger)?;
    let next = ledger.next();
    let trial = Trial {
        network: ledger.network().clone(),
        state: ledger.state().clone(),
        info: ledger.network().ledger_info(next.sequence, next.closed_at),
        adjustment: adjustment(params)?,
    };
    Ok((transaction, trial, ledger.history().latest().sequence))
}

fn adjustment(params: &Value) -> Result<SimulationAdjustmentConfig, RpcError> {
    let mut adjustment = SimulationAdjustmentConfig::default_adjustment();
    if let Some(leeway) = number(&params["resourceConfig"], "instructionLeeway")? {
        let leeway = u32::try_from(leeway).unwrap_or(u32::MAX);
        let additive = &mut adjustment.instructions.additive_factor;
        *additive = leeway.max(*additive);
    }
    Ok(adjustment)
}

fn run(transaction: &SignedTransaction, params: &Value, trial: &Trial) -> Finding {
    let [operation] = transaction.operations() else {
        return Err("Transaction contains more than one operation".into());
    };
    let auth_mode = params["authMode"].as_str().unwrap_or_default();
    match &operation.body {
        OperationBody::InvokeHostFunction(invoke) => {
            let upgraded = params["useUpgradedAuth"].as_bool().unwrap_or(false);
            let mode = AuthMode::of(invoke, auth_mode, upgraded)?;
            trial.invoke(transaction, invoke, mode)
        }
        OperationBody::ExtendFootprintTtl(_) | OperationBody::RestoreFootprint(_)
            if !auth_mode.is_empty() =>
        {
            Err("cannot set authMode with non-InvokeHostFunction operations".into())
        }
        OperationBody::ExtendFootprintTtl(extend) => {
            trial.extend(footprint(transaction)?, extend.extend_to)
        }
        OperationBody::RestoreFootprint(_) => trial.restore(footprint(transaction)?),
        body => Err(format!(
            "transaction contains unsupported operation type: {}",
            body.name()
        )
        .into()),
    }
}

/// Whether authorisations are held against the call, or written down for it.
#[derive(Clone, Copy)]
enum AuthMode {
    Enforce,
    Record { only_root: bool, upgraded: bool },
}

impl AuthMode {
    fn of(invoke: &InvokeHostFunctionOp, mode: &str, upgraded: bool) -> Result<Self, String> {
        let signed = !invoke.auth.is_empty();
        let record = |only_root| Self::Record {
            only_root,
            upgraded,
        };
        match mode {
            "enforce" => Ok(Self::Enforce),
            "" if signed => Ok(Self::Enforce),
            "record" | "record_allow_nonroot" if signed => Err(format!(
                "cannot set authMode to '{mode}' with an auth footprint"
            )),
            "" | "record" => Ok(record(true)),
            "record_allow_nonroot" => Ok(record(false)),
            _ => Err(
                "optional 'authMode' must be one of enforce,record,record_allow_nonroot \
                 when included"
                    .to_owned(),
            ),
        }
    }

    fn for_host(self, invoke: &InvokeHostFunctionOp) -> RecordingInvocationAuthMode {
        match self {
            Self::Enforce => RecordingInvocationAuthMode::Enforcing(invoke.auth.to_vec()),
            Self::Record {
                only_root,
                upgraded,
            } => RecordingInvocationAuthMode::Recording(RecordingInvocationAuthParams::new(
                only_root, upgraded,
            )),
        }
    }
}

fn footprint(transaction: &SignedTransaction) -> Result<&LedgerFootprint, String> {
    transaction
        .soroban()
        .map(|data| &data.resources.footprint)
        .ok_or_else(|| {
            "To perform a SimulateTransaction for ExtendFootprintTtl or RestoreFootprint \
             operations, SorobanTransactionData must be provided"
                .to_owned()
        })
}

impl Trial {
    fn invoke(
        &self,
        transaction: &SignedTransaction,
        invoke: &InvokeHostFunctionOp,
        mode: AuthMode,
    ) -> Finding {
        let source = transaction.source_of(&transaction.operations()[0]);
        let simulate = |snapshot: Rc<dyn SnapshotSource>| {
            simulate_invoke_host_function_op(
                snapshot,
                &self.network.config,
                &self.adjustment,
                &self.info,
                invoke.host_function.clone(),
                mode.for_host(invoke),
                &source,
                sha256(&self.info.sequence_number.to_be_bytes()),
                true,
            )
            .map_err(sentence)
        };
        let found = simulate(Rc::new(self.snapshot()))?;
        if !restores_too_much(&found) {
            return describe(found);
        }
        let restored = Rc::new(self.restored()?);
        let mut answer = describe(simulate(restored.clone())?)?;
        self.add_preamble(&mut answer, &restored)?;
        Ok(answer)
    }

    fn extend(&self, footprint: &LedgerFootprint, extend_to: u32) -> Finding {
        let restored = self.restored()?;
        let found = simulate_extend_ttl_op(
            &restored,
            &self.network.config,
            &self.adjustment,
            &self.info,
            footprint.read_only.as_slice(),
            extend_to,
        )
        .map_err(sentence)?;
        let mut answer = describe_data(&found.transaction_data);
        self.add_preamble(&mut answer, &restored)?;
        Ok(answer)
    }

    fn restore(&self, footprint: &LedgerFootprint) -> Finding {
        simulate_restore_op(
            &self.snapshot(),
            &self.network.config,
            &self.adjustment,
            &self.info,
            footprint.read_write.as_slice(),
        )
        .map(|found| describe_data(&found.transaction_data))
        .map_err(|error| sentence(error).into())
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot(self.state.clone())
    }

    /// Returns the state as if every archived entry that is asked for had been restored.
    fn restored(&self) -> Result<AutoRestoringSnapshotSource<Snapshot>, String> {
        AutoRestoringSnapshotSource::new(Rc::new(self.snapshot()), &self.info).map_err(sentence)
    }

    /// Adds the restoring of what was asked for in the archive, if anything was.
    fn add_preamble(
        &self,
        answer: &mut Value,
        restored: &AutoRestoringSnapshotSource<Snapshot>,
    ) -> Result<(), Failure> {
        let preamble = restored
            .simulate_restore_keys_op(&self.network.config, &self.adjustment, &self.info)
            .map_err(sentence)?;
        if let Some(preamble) = preamble {
            answer["restorePreamble"] = describe_data(&preamble.transaction_data);
        }
        Ok(())
    }
}

fn restores_too_much(found: &InvokeHostFunctionSimulationResult) -> bool {
    found
        .transaction_data
        .as_ref()
        .is_some_and(|data| !archived_indices(data).is_empty() && !fit_network(data))
}
