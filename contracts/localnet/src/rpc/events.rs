//! `getEvents`: contract events in order, filtered, page by page.

use std::ops::Bound;

use serde_json::{json, Value};
use soroban_env_host::xdr::{ContractEventBody, ContractEventType, Hash};
use stellar_strkey::Contract;

use super::params::{from_base64, ledger_number, limit, list, text, to_base64};
use super::{add_range, Answer, RpcError};
use crate::ledger::events::{EventFilter, EventId, EventRecord, TopicFilter};
use crate::ledger::Ledger;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 10_000;
/// Ledgers that one request looks through, as in stellar-rpc.
const SCANNED_LEDGERS: u32 = 10_000;
const MAX_FILTERS: usize = 5;
const MAX_CONTRACTS: usize = 5;
const MAX_TOPICS: usize = 5;
const MAX_SEGMENTS: usize = 4;

/// Answers with one page of events and the cursor for the next.
pub fn get(ledger: &Ledger, params: &Value) -> Answer {
    let (from, first, end) = range(params)?;
    let limit = limit(params, DEFAULT_LIMIT, MAX_LIMIT)?;
    let filters = filters(params)?;
    let history = ledger.history();
    let (oldest, latest) = (history.oldest().sequence, history.latest().sequence);
    if !(oldest..=latest).contains(&first) {
        return Err(RpcError::request(format!(
            "startLedger must be within the ledger range: {oldest} - {latest}"
        )));
    }
    let end = first
        .saturating_add(SCANNED_LEDGERS)
        .min(latest + 1)
        .min(end.unwrap_or(u32::MAX));
    let wanted = |record: &EventRecord| {
        filters.is_empty() || filters.iter().any(|filter| filter.matches(&record.event))
    };
    let found: Vec<_> = history
        .events(from, EventId::first_of(end))
        .filter(|(_, record)| wanted(record))
        .take(limit)
        .collect();
    let cursor = match found.last() {
        Some((id, _)) if found.len() == limit => **id,
        _ => EventId::last_of(end - 1),
    };
    let events: Vec<Value> = found
        .into_iter()
        .map(|(id, one)| describe(id, one))
        .collect();
    let mut answer = json!({"events": events, "cursor": cursor.to_string()});
    add_range(&mut answer, history);
    Ok(answer)
}

/// Returns where to start, the ledger that is in, and the ledger to stop before.
fn range(params: &Value) -> Result<(Bound<EventId>, u32, Option<u32>), RpcError> {
    let start = ledger_number(params, "startLedger")?;
    let end = ledger_number(params, "endLedger")?;
    match (text(&params["pagination"], "cursor")?, start) {
        (Some(_), _) if start.is_some() || end.is_some() => Err(RpcError::params(
            "ledger ranges and cursor cannot both be set",
        )),
        (Some(cursor), _) => {
            let id: EventId = cursor
                .parse()
                .map_err(|()| RpcError::params(format!("invalid cursor: {cursor}")))?;
            Ok((Bound::Excluded(id), id.place().ledger, None))
        }
        (None, Some(start)) => Ok((Bound::Included(EventId::first_of(start)), start, end)),
        (None, None) => Err(RpcError::params("startLedger must be positive")),
    }
}

fn filters(params: &Value) -> Result<Vec<EventFilter>, RpcError> {
    let filters = list(params, "filters")?;
    if filters.len() > MAX_FILTERS {
        return Err(RpcError::params("maximum 5 filters per request"));
    }
    let numbered = |(index, value)| {
        filter(value)
            .map_err(|reason| RpcError::params(format!("filter {} invalid: {reason}", index + 1)))
    };
    filters.iter().enumerate().map(numbered).collect()
}

fn filter(value: &Value) -> Result<EventFilter, String> {
    let contracts = strings(&value["contractIds"])?;
    if contracts.len() > MAX_CONTRACTS {
        return Err("maximum 5 contract IDs per filter".into());
    }
    let topics = value["topics"].as_array().map_or(&[][..], Vec::as_slice);
    if topics.len() > MAX_TOPICS {
        return Err("maximum 5 topics per filter".into());
    }
    Ok(EventFilter {
        types: event_types(value["type"].as_str().unwrap_or_default())?,
        contracts: contracts
            .iter()
            .enumerate()
            .map(|(index, text)| contract(index, text))
            .collect::<Result<_, _>>()?,
        topics: topics
            .iter()
            .enumerate()
            .map(|(index, one)| {
                topic(one).map_err(|reason| format!("topic {} invalid: {reason}", index + 1))
            })
            .collect::<Result<_, _>>()?,
    })
}

fn strings(value: &Value) -> Result<Vec<&str>, String> {
    let list = value.as_array().map_or(&[][..], Vec::as_slice);
    list.iter()
        .map(|one| {
            one.as_str()
                .ok_or_else(|| format!("{one} must be a string"))
        })
        .collect()
}

fn event_types(joined: &str) -> Result<Vec<ContractEventType>, String> {
    let one = |name: &str| match name {
        "system" => Ok(ContractEventType::System),
        "contract" => Ok(ContractEventType::Contract),
        _ => Err("filter type invalid: if set, type must be either 'system' or 'contract'".into()),
    };
    joined
        .split(',')
        .filter(|name| !name.is_empty())
        .map(one)
        .collect()
}

fn contract(index: usize, text: &str) -> Result<Hash, String> {
    Contract::from_string(text)
        .map(|id| Hash(id.0))
        .map_err(|_| format!("contract ID {} invalid", index + 1))
}

fn topic(value: &Value) -> Result<TopicFilter, String> {
    let mut texts = strings(value)?;
    if texts.is_empty() {
        return Err("topic must have at least 1 segment".into());
    }
    let open_ended = texts.last() == Some(&"**");
    if open_ended {
        texts.pop();
    }
    if let Some(index) = texts.iter().position(|text| *text == "**") {
        let number = index + 1;
        return Err(format!(
            "segment {number} invalid: wildcard '**' is only allowed as the last segment"
        ));
    }
    if texts.len() > MAX_SEGMENTS {
        return Err("topic cannot have more than 4 segments".into());
    }
    let segment = |(index, text): (usize, &&str)| match *text {
        "*" => Ok(None),
        text => from_base64(text)
            .map(Some)
            .ok_or_else(|| format!("segment {} invalid: not the XDR of a value", index + 1)),
    };
    let segments = texts.iter().enumerate().map(segment);
    Ok(TopicFilter {
        segments: segments.collect::<Result<_, _>>()?,
        open_ended,
    })
}

fn describe(id: &EventId, record: &EventRecord) -> Value {
    let ContractEventBody::V0(body) = &record.event.body;
    let contract = record.event.contract_id.as_ref();
    json!({
        "type": match record.event.type_ {
            ContractEventType::System => "system",
            ContractEventType::Contract => "contract",
            ContractEventType::Diagnostic => "diagnostic",
        },
        "ledger": id.place().ledger,
        "ledgerClosedAt": rfc3339(record.closed_at),
        "contractId": contract.map_or_else(String::new, |id| Contract(id.0 .0).to_string()),
        "id": id.to_string(),
        "operationIndex": id.operation(),
        "transactionIndex": id.place().order,
        "txHash": hex::encode(record.transaction),
        "inSuccessfulContractCall": true,
        "topic": body.topics.iter().map(to_base64).collect::<Vec<_>>(),
        "value": to_base64(&body.data),
    })
}

/// Writes a unix time as a date, UTC.
///
/// Days become a date by Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>), whose years start in March.
fn rfc3339(unix_s: u64) -> String {
    let (days, second) = (unix_s / 86_400 + 719_468, unix_s % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days_and_new_year() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_798_761_599), "2026-12-31T23:59:59Z");
        assert_eq!(rfc3339(1_798_761_600), "2027-01-01T00:00:00Z");
    }
}
