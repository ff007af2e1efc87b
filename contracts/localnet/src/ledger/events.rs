//! Events as they are kept and numbered, and which of them a client asked for.
//!
//! An id is `toid-index`: the operation's total-order id (SEP-35: ledger, then
//! transaction, then operation) and the event's index in that operation. Ids
//! sort as their events happened, so an id serves as a cursor as well.

use std::fmt;
use std::str::FromStr;

use soroban_env_host::xdr::{ContractEvent, ContractEventBody, ContractEventType, Hash, ScVal};

/// Place of a transaction in history: ledger and application order from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub ledger: u32,
    pub order: u32,
}

impl Place {
    /// Returns the total-order id (SEP-35) of an operation of this transaction.
    pub fn toid(&self, operation: u32) -> u64 {
        u64::from(self.ledger) << 32 | u64::from(self.order) << 12 | u64::from(operation)
    }

    /// Takes a transaction's place out of a total-order id.
    pub fn from_toid(toid: u64) -> Self {
        Self {
            ledger: (toid >> 32) as u32,
            order: (toid >> 12) as u32 & 0xF_FFFF,
        }
    }
}

/// Number of an event, unique and ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventId {
    toid: u64,
    index: u32,
}

impl EventId {
    /// Numbers event `index` of `operation` (from 0) in a transaction.
    pub fn new(place: Place, operation: u32, index: u32) -> Self {
        Self {
            toid: place.toid(operation),
            index,
        }
    }

    /// Returns the first id that an event of `ledger` can have.
    pub fn first_of(ledger: u32) -> Self {
        Self {
            toid: u64::from(ledger) << 32,
            index: 0,
        }
    }

    /// Returns the last id that an event of `ledger` can have.
    pub fn last_of(ledger: u32) -> Self {
        Self {
            toid: u64::from(ledger) << 32 | u64::from(u32::MAX),
            index: u32::MAX,
        }
    }

    /// Returns the place of the transaction that emitted the event.
    pub fn place(&self) -> Place {
        Place::from_toid(self.toid)
    }

    /// Returns the index of the operation that emitted the event, from 0.
    pub fn operation(&self) -> u32 {
        self.toid as u32 & 0xFFF
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:019}-{:010}", self.toid, self.index)
    }
}

impl FromStr for EventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (toid, index) = text.split_once('-').ok_or(())?;
        Ok(Self {
            toid: toid.parse().map_err(|_| ())?,
            index: index.parse().map_err(|_| ())?,
        })
    }
}

/// An event with where it came from.
pub struct EventRecord {
    pub event: ContractEvent,
    pub transaction: [u8; 32],
    /// Close time of its ledger, unix seconds.
    pub closed_at: u64,
}

/// Which events a client wants: of these types, from these contracts, with these topics.
///
/// An empty list asks for nothing in particular, and so matches all.
pub struct EventFilter {
    pub types: Vec<ContractEventType>,
    pub contracts: Vec<Hash>,
    pub topics: Vec<TopicFilter>,
}

impl EventFilter {
    /// Tells whether the event meets all three conditions.
    pub fn matches(&self, event: &ContractEvent) -> bool {
        self.matches_type(event) && self.matches_contract(event) && self.matches_topics(event)
    }

    fn matches_type(&self, event: &ContractEvent) -> bool {
        self.types.is_empty() || self.types.contains(&event.type_)
    }

    fn matches_contract(&self, event: &ContractEvent) -> bool {
        let from = |id: &Hash| event.contract_id.as_ref().is_some_and(|own| own.0 == *id);
        self.contracts.is_empty() || self.contracts.iter().any(from)
    }

    fn matches_topics(&self, event: &ContractEvent) -> bool {
        let ContractEventBody::V0(body) = &event.body;
        self.topics.is_empty() || self.topics.iter().any(|topic| topic.matches(&body.topics))
    }
}

/// A pattern for the topics of an event, position by position.
pub struct TopicFilter {
    /// One segment per topic; `None` stands for `*`, any one value.
    pub segments: Vec<Option<ScVal>>,
    /// Whether any number of further topics may follow (`**`).
    pub open_ended: bool,
}

impl TopicFilter {
    /// Tells whether the topics fit the pattern, in number and in value.
    pub fn matches(&self, topics: &[ScVal]) -> bool {
        let wanted = self.segments.len();
        let length_fits = match self.open_ended {
            true => topics.len() >= wanted,
            false => topics.len() == wanted,
        };
        let value_fits = |(segment, topic): (&Option<ScVal>, &ScVal)| {
            segment.as_ref().is_none_or(|value| value == topic)
        };
        length_fits && self.segments.iter().zip(topics).all(value_fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(segments: &[Option<u32>], open_ended: bool) -> TopicFilter {
        TopicFilter {
            segments: segments.iter().map(|one| one.map(ScVal::U32)).collect(),
            open_ended,
        }
    }

    #[test]
    fn one_star_stands_for_exactly_one_topic() {
        let any_second = filter(&[Some(1), None], false);
        assert!(any_second.matches(&[ScVal::U32(1), ScVal::U32(9)]));
        assert!(!any_second.matches(&[ScVal::U32(1)]));
        assert!(!any_second.matches(&[ScVal::U32(2), ScVal::U32(9)]));
    }

    #[test]
    fn two_stars_stand_for_any_number_of_further_topics() {
        let starts_with_one = filter(&[Some(1)], true);
        assert!(starts_with_one.matches(&[ScVal::U32(1)]));
        assert!(starts_with_one.matches(&[ScVal::U32(1), ScVal::U32(2), ScVal::U32(3)]));
        assert!(!starts_with_one.matches(&[]));
    }

    #[test]
    fn an_id_survives_being_written_and_read() {
        let place = Place {
            ledger: 7,
            order: 3,
        };
        let id = EventId::new(place, 2, 11);
        assert_eq!(id.to_string(), "0000000030064783362-0000000011");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!((id.place(), id.operation()), (place, 2));
    }

    #[test]
    fn the_last_id_of_a_ledger_precedes_the_first_of_the_next() {
        assert!(EventId::last_of(7) < EventId::first_of(8));
        assert_eq!(
            EventId::last_of(7).to_string(),
            "0000000034359738367-4294967295"
        );
    }
}
