//! `simulateTransaction`: what a transaction would do, need and cost.
//!
//! It runs on a copy of the state with the ledger unlocked. It checks neither
//! signatures nor network limits; sending does.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{json, Value};
use soroban_env_host::e2e_invoke::{RecordingInvocationAuthMode, RecordingInvocationAuthParams};
use soroban_env_host::xdr::{
    InvokeHostFunctionOp, LedgerFootprint, OperationBody, SorobanTransactionData,
};
use soroban_env_host::LedgerInfo;
use soroban_simulation::simulation::{
    simulate_extend_ttl_op, simulate_invoke_host_function_op, simulate_restore_op,
    InvokeHostFunctionSimulationResult, LedgerEntryDiff, SimulationAdjustmentConfig,
};

use super::params::{number, to_base64, transaction};
use super::{Answer, Node, RpcError};
use crate::codec::sha256;
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

/// What a simulation found: an answer, or a sentence on why it failed.
type Finding = Result<Value, Failure>;

struct Failure {
    reason: String,
    events: Vec<String>,
}

impl<T: Into<String>> From<T> for Failure {
    fn from(reason: T) -> Self {
        Self {
            reason: reason.into(),
            events: Vec::new(),
        }
    }
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
            let mode = auth_mode_of(invoke, auth_mode, upgraded)?;
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

fn auth_mode_of(
    invoke: &InvokeHostFunctionOp,
    mode: &str,
    upgraded: bool,
) -> Result<RecordingInvocationAuthMode, String> {
    let signed = !invoke.auth.is_empty();
    let recording = |disable_non_root| {
        RecordingInvocationAuthMode::Recording(RecordingInvocationAuthParams::new(
            disable_non_root,
            upgraded,
        ))
    };
    match mode {
        "enforce" => Ok(RecordingInvocationAuthMode::Enforcing(invoke.auth.to_vec())),
        "" if signed => Ok(RecordingInvocationAuthMode::Enforcing(invoke.auth.to_vec())),
        "record" | "record_allow_nonroot" if signed => Err(format!(
            "cannot set authMode to '{mode}' with an auth footprint"
        )),
        "" | "record" => Ok(recording(true)),
        "record_allow_nonroot" => Ok(recording(false)),
        _ => Err(
            "optional 'authMode' must be one of enforce,record,record_allow_nonroot \
                  when included"
                .to_owned(),
        ),
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
        mode: RecordingInvocationAuthMode,
    ) -> Finding {
        let source = transaction.source_of(&transaction.operations()[0]);
        let simulated = simulate_invoke_host_function_op(
            Rc::new(Snapshot(self.state.clone())),
            &self.network.config,
            &self.adjustment,
            &self.info,
            invoke.host_function.clone(),
            mode,
            &source,
            sha256(&self.info.sequence_number.to_be_bytes()),
            true,
        );
        describe(simulated.map_err(|error| format!("{error:#}"))?)
    }

    fn extend(&self, footprint: &LedgerFootprint, extend_to: u32) -> Finding {
        simulate_extend_ttl_op(
            &Snapshot(self.state.clone()),
            &self.network.config,
            &self.adjustment,
            &self.info,
            footprint.read_only.as_slice(),
            extend_to,
        )
        .map(|found| describe_data(&found.transaction_data))
        .map_err(|error| format!("{error:#}").into())
    }

    fn restore(&self, footprint: &LedgerFootprint) -> Finding {
        simulate_restore_op(
            &Snapshot(self.state.clone()),
            &self.network.config,
            &self.adjustment,
            &self.info,
            footprint.read_write.as_slice(),
        )
        .map(|found| describe_data(&found.transaction_data))
        .map_err(|error| format!("{error:#}").into())
    }
}

fn describe(simulated: InvokeHostFunctionSimulationResult) -> Finding {
    let events: Vec<String> = simulated.diagnostic_events.iter().map(to_base64).collect();
    let value = match simulated.invoke_result {
        Ok(value) => value,
        Err(error) => {
            let reason = format!("host invocation failed\n\nCaused by:\n    {error:?}");
            return Err(Failure { reason, events });
        }
    };
    let Some(data) = &simulated.transaction_data else {
        return Err("simulation gave no transaction data".into());
    };
    let mut answer = describe_data(data);
    let auth: Vec<String> = simulated.auth.iter().map(to_base64).collect();
    answer["events"] = json!(events);
    answer["results"] = json!([{"auth": auth, "xdr": to_base64(&value)}]);
    answer["stateChanges"] = simulated
        .modified_entries
        .iter()
        .filter_map(change)
        .collect();
    Ok(answer)
}

fn describe_data(data: &SorobanTransactionData) -> Value {
    json!({
        "transactionData": to_base64(data),
        "minResourceFee": data.resource_fee.to_string(),
    })
}

fn change(diff: &LedgerEntryDiff) -> Option<Value> {
    let (before, after) = (diff.state_before.as_ref(), diff.state_after.as_ref());
    let kind = match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => "created",
        (Some(_), None) => "deleted",
        (Some(_), Some(_)) => "updated",
    };
    let key = after.or(before)?.to_key();
    Some(json!({
        "type": kind,
        "key": to_base64(&key),
        "before": before.map(to_base64),
        "after": after.map(to_base64),
    }))
}
