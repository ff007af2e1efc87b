//! One transaction carried out: charge, run, keep or undo, refund, record.
//!
//! A pure function of a state: the caller keeps the state that comes back, or
//! not. A failed transaction keeps its charge and its sequence number and loses
//! every other change.

use soroban_env_host::xdr::{
    ContractEvent, DiagnosticEvent, LedgerEntryChanges, LedgerEntryData, OperationBody,
    OperationResult, OperationResultTr as Inner, TransactionMeta, TransactionResult,
    TransactionResultResult as Outcome,
};
use soroban_env_host::{LedgerInfo, ModuleCache};

use super::draft::Draft;
use super::fees::{charged_fee, declared_resource_fee, resource_fee};
use super::meta::{transaction_meta, OperationRecord, SorobanFees};
use super::operations::{classic, invoke::Invocation, trust, ttl, Success};
use super::results::result_of;
use super::state::State;
use super::transaction::SignedTransaction;
use super::Network;

/// The ledger that a transaction is applied in.
pub struct Context<'a> {
    pub network: &'a Network,
    pub modules: &'a ModuleCache,
    pub sequence: u32,
    /// Close time, unix seconds.
    pub closed_at: u64,
}

impl Context<'_> {
    /// Describes the ledger to the host.
    pub fn ledger_info(&self) -> LedgerInfo {
        self.network.ledger_info(self.sequence, self.closed_at)
    }

    /// Returns the last ledger of an entry that is restored in this one.
    pub fn restored_until(&self) -> u32 {
        self.sequence
            .saturating_add(self.network.config.min_persistent_entry_ttl - 1)
    }
}

/// What a transaction did.
pub struct Applied {
    pub state: State,
    pub result: TransactionResult,
    pub meta: TransactionMeta,
    /// Events per operation; empty if the transaction failed.
    pub events: Vec<Vec<ContractEvent>>,
}

impl Applied {
    /// Tells whether every operation succeeded.
    pub fn is_success(&self) -> bool {
        matches!(
            self.result.result,
            Outcome::TxSuccess(_) | Outcome::TxFeeBumpInnerSuccess(_)
        )
    }
}

/// Applies a valid transaction to `state`.
pub fn apply(transaction: &SignedTransaction, state: State, context: &Context) -> Applied {
    let (state, charge_changes) = charge(transaction, state, context);
    let mut diagnostics = Vec::new();
    let run = run_operations(transaction, &state, context, &mut diagnostics);
    let kept_fees = soroban_fees(transaction, &run, context);
    let refund = kept_fees
        .as_ref()
        .map_or(0, |fees| declared_resource_fee(transaction) - fees.total());
    let success = run.state.is_some();
    let state = run.state.unwrap_or(state);
    let (state, refund_changes) = repay(transaction, refund, state, context);
    let events = run.records.iter().map(|one| one.events.clone()).collect();
    let results = run.results.try_into().expect("at most 100 operations");
    let outcome = match success {
        true => Outcome::TxSuccess(results),
        false => Outcome::TxFailed(results),
    };
    let meta = transaction_meta(
        charge_changes,
        run.records,
        refund_changes,
        kept_fees,
        diagnostics,
    );
    Applied {
        state,
        result: result_of(transaction, charged_fee(transaction) - refund, outcome),
        meta,
        events,
    }
}

/// Takes the whole fee from who pays it and uses up the source's sequence number.
fn charge(
    transaction: &SignedTransaction,
    state: State,
    context: &Context,
) -> (State, LedgerEntryChanges) {
    let mut draft = Draft::new(state, context.sequence);
    let payer = draft.state().account(&transaction.fee_source()).cloned();
    if let Some(mut account) = payer {
        account.balance -= charged_fee(transaction);
        draft.put(LedgerEntryData::Account(account), None);
    }
    let source = draft.state().account(&transaction.source()).cloned();
    if let Some(mut account) = source {
        account.seq_num = transaction.tx().seq_num.clone();
        draft.put(LedgerEntryData::Account(account), None);
    }
    let changes = draft.changes();
    (draft.into_state(), changes)
}

/// Gives back what was charged and not used, to who paid it.
fn repay(
    transaction: &SignedTransaction,
    refund: i64,
    state: State,
    context: &Context,
) -> (State, LedgerEntryChanges) {
    let mut draft = Draft::new(state, context.sequence);
    if refund > 0 {
        classic::deposit(&transaction.fee_source(), refund, &mut draft);
    }
    let changes = draft.changes();
    (draft.into_state(), changes)
}

/// What the operations did, all together.
struct Run {
    /// The state to keep; `None` if an operation failed.
    state: Option<State>,
    results: Vec<OperationResult>,
    /// One record per operation; empty if one failed.
    records: Vec<OperationRecord>,
    refundable_fee: i64,
    rent_fee: i64,
}

impl Run {
    /// Forgets everything but the results.
    fn undo(&mut self) {
        self.state = None;
        self.records.clear();
        self.refundable_fee = 0;
        self.rent_fee = 0;
    }
}

/// Carries out every operation, also after one has failed, for its result.
fn run_operations(
    transaction: &SignedTransaction,
    start: &State,
    context: &Context,
    diagnostics: &mut Vec<DiagnosticEvent>,
) -> Run {
    let mut run = Run {
        state: None,
        results: Vec::new(),
        records: Vec::new(),
        refundable_fee: 0,
        rent_fee: 0,
    };
    let mut state = start.clone();
    for index in 0..transaction.operations().len() {
        let mut draft = Draft::new(state.clone(), context.sequence);
        match run_operation(transaction, index, context, &mut draft, diagnostics) {
            Ok(done) => {
                run.refundable_fee += done.refundable_fee;
                run.rent_fee += done.rent_fee;
                run.results.push(OperationResult::OpInner(done.result));
                run.records.push(OperationRecord {
                    changes: draft.changes(),
                    events: done.events,
                    return_value: done.return_value,
                });
                state = draft.into_state();
            }
            Err(failed) => run.results.push(failed),
        }
    }
    run.state = Some(state);
    if run.records.len() < run.results.len() {
        run.undo();
    }
    run
}

fn run_operation(
    transaction: &SignedTransaction,
    index: usize,
    context: &Context,
    draft: &mut Draft,
    diagnostics: &mut Vec<DiagnosticEvent>,
) -> Result<Success, OperationResult> {
    let operation = &transaction.operations()[index];
    let source = transaction.source_of(operation);
    if draft.state().account(&source).is_none() {
        return Err(OperationResult::OpNoAccount);
    }
    let done: Result<Success, Inner> = match (&operation.body, transaction.soroban()) {
        (OperationBody::CreateAccount(create), _) => {
            classic::create_account(create, &source, context.sequence, draft)
        }
        (OperationBody::Payment(payment), _) => classic::pay(payment, &source, draft),
        (OperationBody::ChangeTrust(change), _) => {
            return trust::change_trust(change, &source, draft)
        }
        (OperationBody::SetTrustLineFlags(set), _) => trust::set_flags(set, &source, draft),
        (OperationBody::SetOptions(options), _) => {
            return trust::set_options(options, &source, draft)
        }
        (OperationBody::InvokeHostFunction(operation), Some(data)) => Invocation {
            transaction,
            data,
            operation,
            source: &source,
        }
        .apply(context, draft, diagnostics),
        (OperationBody::ExtendFootprintTtl(operation), Some(data)) => {
            ttl::extend(operation, transaction, data, context, draft)
        }
        (OperationBody::RestoreFootprint(_), Some(data)) => {
            ttl::restore(transaction, data, context, draft)
        }
        _ => return Err(OperationResult::OpNotSupported),
    };
    done.map_err(OperationResult::OpInner)
}

fn soroban_fees(
    transaction: &SignedTransaction,
    run: &Run,
    context: &Context,
) -> Option<SorobanFees> {
    let data = transaction.soroban()?;
    let fee = resource_fee(transaction, data, 0, &context.network.config);
    Some(SorobanFees {
        non_refundable: fee.non_refundable,
        refundable: run.refundable_fee,
        rent: run.rent_fee,
    })
}
