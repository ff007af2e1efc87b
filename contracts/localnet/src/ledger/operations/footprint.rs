//! The entries of a declared footprint, as the contract host wants them: in their order, live,
//! and counted where they come from the disk.
//!
//! Only accounts, trust lines and what is restored count as read from the disk (CAP-66).

use soroban_env_host::budget::Budget;
use soroban_env_host::e2e_invoke::{entry_size_for_rent, TtlLedgerEntryMeta};
use soroban_env_host::xdr::{
    InvokeHostFunctionResult as Outcome, LedgerKey, SorobanTransactionData,
};

use super::failure::{at_most, Failure};
use crate::codec::encode;
use crate::ledger::apply::Context;
use crate::ledger::complaints::Complaint;
use crate::ledger::draft::Draft;
use crate::ledger::fees::archived_indices;
use crate::ledger::state::{is_temporary, Held};

/// One entry as XDR, with what its rent is computed from; nothing if there is none.
type HostEntry = (Option<Vec<u8>>, Option<TtlLedgerEntryMeta>);

/// What a footprint holds.
pub struct Loaded {
    pub entries: Vec<HostEntry>,
    /// Positions in the read-write footprint of what comes back from the archive.
    pub restored: Vec<u32>,
    disk_bytes: u64,
}

impl Loaded {
    /// Collects the entries of a footprint.
    pub fn of(
        data: &SorobanTransactionData,
        context: &Context,
        draft: &Draft,
    ) -> Result<Self, Failure> {
        let footprint = &data.resources.footprint;
        let declared = archived_indices(data);
        let allowed = u64::from(data.resources.disk_read_bytes);
        let mut loaded = Self {
            entries: Vec::new(),
            restored: Vec::new(),
            disk_bytes: 0,
        };
        for key in footprint.read_only.iter() {
            loaded.add(key, None, context, draft)?;
            loaded.check_disk_bytes(allowed)?;
        }
        for (index, key) in (0..).zip(footprint.read_write.iter()) {
            let restorable = declared.contains(&index).then_some(index);
            loaded.add(key, restorable, context, draft)?;
            loaded.check_disk_bytes(allowed)?;
        }
        Ok(loaded)
    }

    /// Adds one entry; it has to be live, or declared as one to be restored.
    fn add(
        &mut self,
        key: &LedgerKey,
        restorable: Option<u32>,
        context: &Context,
        draft: &Draft,
    ) -> Result<(), Failure> {
        let archived = |held: &Held| !held.is_live(context.sequence);
        let gone = |held: &Held| archived(held) && is_temporary(key);
        let Some(held) = draft.state().get(key).filter(|held| !gone(held)) else {
            self.entries.push((None, None));
            return Ok(());
        };
        let encoded = encode(held.entry.as_ref());
        let mut live_until = held.live_until;
        if archived(held) {
            let index = restorable.ok_or_else(|| archived_entry(key))?;
            self.restored.push(index);
            // An entry being restored is handed over as already live, for the shortest time.
            live_until = Some(context.restored_until());
        }
        if archived(held) || live_until.is_none() {
            self.disk_bytes += encoded.len() as u64;
        }
        let meta = live_until
            .map(|last| ttl_meta(held, encoded.len() as u32, last))
            .transpose()?;
        self.entries.push((Some(encoded), meta));
        Ok(())
    }

    fn check_disk_bytes(&self, allowed: u64) -> Result<(), Failure> {
        let message = "operation byte-read resources exceeds amount specified";
        at_most(message, self.disk_bytes, allowed)
    }
}

/// Says what the host has to know to charge for the rent of an entry.
fn ttl_meta(
    held: &Held,
    bytes: u32,
    live_until_ledger: u32,
) -> Result<TtlLedgerEntryMeta, Outcome> {
    let size = entry_size_for_rent(&Budget::default(), &held.entry, bytes);
    Ok(TtlLedgerEntryMeta {
        live_until_ledger,
        entry_size_for_rent: size.map_err(|_| Outcome::Trapped)?,
    })
}

fn archived_entry(key: &LedgerKey) -> Failure {
    let message = match key {
        LedgerKey::ContractCode(_) => "trying to access an archived contract code entry",
        _ => "trying to access an archived contract data entry",
    };
    Failure(Outcome::EntryArchived, Some(Complaint::archived(message)))
}
