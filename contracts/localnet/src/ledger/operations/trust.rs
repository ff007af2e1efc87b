//! `ChangeTrust`, `SetTrustLineFlags` and the flags of an issuer: who may hold an issued asset.
//!
//! Rules, codes and their order follow the operations of the same names in
//! stellar-core. Sponsorship, offers and shares of liquidity pools do not exist here.

use soroban_env_host::xdr::{
    AccountEntry, AccountId, Asset, ChangeTrustOp, ChangeTrustResult, LedgerEntryData,
    OperationResult, OperationResultTr as Inner, SetOptionsOp, SetOptionsResult,
    SetTrustLineFlagsOp, SetTrustLineFlagsResult, TrustLineEntry, TrustLineEntryExt,
};

use super::Success;
use crate::ledger::assets;
use crate::ledger::draft::Draft;
use crate::ledger::state::State;
use crate::ledger::validity::has_reserve;

/// Flags of a line of trust (`TrustLineFlags`).
pub const AUTHORIZED: u32 = 1;
const MAINTAIN_LIABILITIES: u32 = 2;
const CLAWBACK_ENABLED: u32 = 4;
const AUTHORIZATION: u32 = AUTHORIZED | MAINTAIN_LIABILITIES;

/// Flags of an issuing account (`AccountFlags`).
const AUTH_REQUIRED: u32 = 1;
const AUTH_REVOCABLE: u32 = 2;
const AUTH_IMMUTABLE: u32 = 4;
const AUTH_CLAWBACK: u32 = 8;
const ACCOUNT_FLAGS: u32 = AUTH_REQUIRED | AUTH_REVOCABLE | AUTH_IMMUTABLE | AUTH_CLAWBACK;

/// Most lines of trust that one account can have, as in stellar-core.
const MAX_SUB_ENTRIES: u32 = 1_000;

/// How an account holds an asset.
pub enum Line {
    /// Lumens are in the account itself.
    Lumens,
    /// An issuer has as much as it likes.
    Issuer,
    /// It holds none and can't receive any.
    None,
    /// It trusts the issuer.
    Trusted(TrustLineEntry),
}

impl Line {
    /// Finds how `holder` holds `asset`.
    pub fn of(holder: &AccountId, asset: &Asset, state: &State) -> Self {
        match assets::issuer(asset) {
            None => Self::Lumens,
            Some(issuer) if issuer == holder => Self::Issuer,
            Some(_) => match state.trust_line(holder, asset) {
                Some(line) => Self::Trusted(line.clone()),
                None => Self::None,
            },
        }
    }
}

/// Adds `amount` (negative to take) to a line, within 0 and its limit; tells whether it could.
pub fn change_balance(mut line: TrustLineEntry, amount: i64, draft: &mut Draft) -> bool {
    let changed = line.balance.checked_add(amount);
    let Some(balance) = changed.filter(|balance| (0..=line.limit).contains(balance)) else {
        return false;
    };
    line.balance = balance;
    draft.put(LedgerEntryData::Trustline(line), None);
    true
}

/// Opens, changes or closes the line by which `source` trusts an issuer.
pub fn change_trust(
    change: &ChangeTrustOp,
    source: &AccountId,
    draft: &mut Draft,
) -> Result<Success, OperationResult> {
    let asset = assets::of_trust(&change.line).ok_or(OperationResult::OpNotSupported)?;
    let failed = |result| OperationResult::OpInner(Inner::ChangeTrust(result));
    match draft.state().trust_line(source, &asset).cloned() {
        Some(line) if change.limit < line.balance => Err(ChangeTrustResult::InvalidLimit),
        Some(_) if change.limit == 0 => {
            close_line(source, &asset, draft);
            Ok(())
        }
        Some(line) => set_limit(line, &asset, change.limit, draft),
        None if change.limit == 0 => Err(ChangeTrustResult::InvalidLimit),
        None => return open_line(source, &asset, change.limit, draft),
    }
    .map_err(failed)?;
    Ok(trusted())
}

fn trusted() -> Success {
    Success::plain(Inner::ChangeTrust(ChangeTrustResult::Success))
}

fn set_limit(
    mut line: TrustLineEntry,
    asset: &Asset,
    limit: i64,
    draft: &mut Draft,
) -> Result<(), ChangeTrustResult> {
    issuer_flags(asset, draft.state())?;
    line.limit = limit;
    draft.put(LedgerEntryData::Trustline(line), None);
    Ok(())
}

fn close_line(source: &AccountId, asset: &Asset, draft: &mut Draft) {
    draft.remove(&assets::line_key(source, asset));
    if let Some(mut account) = draft.state().account(source).cloned() {
        account.num_sub_entries -= 1;
        draft.put(LedgerEntryData::Account(account), None);
    }
}

fn open_line(
    source: &AccountId,
    asset: &Asset,
    limit: i64,
    draft: &mut Draft,
) -> Result<Success, OperationResult> {
    let failed = |result| OperationResult::OpInner(Inner::ChangeTrust(result));
    let issuer = issuer_flags(asset, draft.state()).map_err(failed)?;
    let mut account = draft
        .state()
        .account(source)
        .cloned()
        .ok_or(OperationResult::OpNoAccount)?;
    if account.num_sub_entries >= MAX_SUB_ENTRIES {
        return Err(OperationResult::OpTooManySubentries);
    }
    account.num_sub_entries += 1;
    if !has_reserve(&account) {
        return Err(failed(ChangeTrustResult::LowReserve));
    }
    let authorized = if issuer & AUTH_REQUIRED == 0 {
        AUTHORIZED
    } else {
        0
    };
    let clawback = if issuer & AUTH_CLAWBACK == 0 {
        0
    } else {
        CLAWBACK_ENABLED
    };
    draft.put(LedgerEntryData::Account(account), None);
    let line = TrustLineEntry {
        account_id: source.clone(),
        asset: assets::to_line(asset),
        balance: 0,
        limit,
        flags: authorized | clawback,
        ext: TrustLineEntryExt::V0,
    };
    draft.put(LedgerEntryData::Trustline(line), None);
    Ok(trusted())
}

fn issuer_flags(asset: &Asset, state: &State) -> Result<u32, ChangeTrustResult> {
    assets::issuer(asset)
        .and_then(|issuer| state.account(issuer))
        .map(|issuer| issuer.flags)
        .ok_or(ChangeTrustResult::NoIssuer)
}

/// Tells whether trust in this asset makes sense for account `source`.
pub fn is_well_formed_change(change: &ChangeTrustOp, source: &AccountId) -> bool {
    assets::of_trust(&change.line).is_some_and(|asset| {
        change.limit >= 0
            && assets::is_valid(&asset)
            && assets::issuer(&asset).is_some_and(|issuer| issuer != source)
    })
}

/// Authorises a holder of an asset that `source` issues, or takes the authorisation back.
pub fn set_flags(
    set: &SetTrustLineFlagsOp,
    source: &AccountId,
    draft: &mut Draft,
) -> Result<Success, Inner> {
    let fail = |result| Err(Inner::SetTrustLineFlags(result));
    let issuer = draft.state().account(source).map_or(0, |own| own.flags);
    let revokes = set.clear_flags & AUTHORIZATION != 0 && set.set_flags & AUTHORIZED == 0;
    if revokes && issuer & AUTH_REVOCABLE == 0 {
        return fail(SetTrustLineFlagsResult::CantRevoke);
    }
    let Some(mut line) = draft.state().trust_line(&set.trustor, &set.asset).cloned() else {
        return fail(SetTrustLineFlagsResult::NoTrustLine);
    };
    line.flags = line.flags & !set.clear_flags | set.set_flags;
    if line.flags & AUTHORIZATION == AUTHORIZATION {
        return fail(SetTrustLineFlagsResult::InvalidState);
    }
    draft.put(LedgerEntryData::Trustline(line), None);
    let done = SetTrustLineFlagsResult::Success;
    Ok(Success::plain(Inner::SetTrustLineFlags(done)))
}

/// Tells whether account `source` can set such flags at all.
pub fn are_well_formed_flags(set: &SetTrustLineFlagsOp, source: &AccountId) -> bool {
    let known = AUTHORIZATION | CLAWBACK_ENABLED;
    assets::is_valid(&set.asset)
        && assets::issuer(&set.asset) == Some(source)
        && set.trustor != *source
        && set.set_flags & set.clear_flags == 0
        && set.set_flags & !AUTHORIZATION == 0
        && set.set_flags & AUTHORIZATION != AUTHORIZATION
        && set.clear_flags & !known == 0
}

/// Changes the flags and the home domain of account `source`, and nothing else of it.
pub fn set_options(
    options: &SetOptionsOp,
    source: &AccountId,
    draft: &mut Draft,
) -> Result<Success, OperationResult> {
    let mut account = draft
        .state()
        .account(source)
        .cloned()
        .ok_or(OperationResult::OpNoAccount)?;
    let flags = changed_flags(options, &account)
        .map_err(|result| OperationResult::OpInner(Inner::SetOptions(result)))?;
    account.flags = flags;
    if let Some(domain) = &options.home_domain {
        account.home_domain = domain.clone();
    }
    draft.put(LedgerEntryData::Account(account), None);
    let done = Inner::SetOptions(SetOptionsResult::Success);
    Ok(Success::plain(done))
}

fn changed_flags(options: &SetOptionsOp, account: &AccountEntry) -> Result<u32, SetOptionsResult> {
    let (clear, set) = (
        options.clear_flags.unwrap_or(0),
        options.set_flags.unwrap_or(0),
    );
    let flags = account.flags & !clear | set;
    let immutable = account.flags & AUTH_IMMUTABLE != 0;
    if immutable && flags != account.flags {
        return Err(SetOptionsResult::CantChange);
    }
    if flags & AUTH_CLAWBACK != 0 && flags & AUTH_REVOCABLE == 0 {
        return Err(SetOptionsResult::AuthRevocableRequired);
    }
    Ok(flags)
}

/// Says what is wrong with the options themselves; thresholds and signers can't be set here.
pub fn check_options(options: &SetOptionsOp) -> Result<(), OperationResult> {
    let elsewhere = options.inflation_dest.is_some()
        || options.master_weight.is_some()
        || options.low_threshold.is_some()
        || options.med_threshold.is_some()
        || options.high_threshold.is_some()
        || options.signer.is_some();
    if elsewhere {
        return Err(OperationResult::OpNotSupported);
    }
    let (clear, set) = (
        options.clear_flags.unwrap_or(0),
        options.set_flags.unwrap_or(0),
    );
    let failed = |result| Err(OperationResult::OpInner(Inner::SetOptions(result)));
    if (clear | set) & !ACCOUNT_FLAGS != 0 {
        return failed(SetOptionsResult::UnknownFlag);
    }
    if clear & set != 0 {
        return failed(SetOptionsResult::BadFlags);
    }
    Ok(())
}
