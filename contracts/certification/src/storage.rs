//! The ledger entries and how long they live. Who owns a key's meaning is the module of its noun.

use soroban_sdk::{contracttype, Address, Env, Symbol};
use upkeep::life;

use crate::types::{Application, Certificate, Status};

/// Names of the entries. `Role` and those below it are persistent, the rest live in the instance.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The token that fees are paid in.
    Token,
    /// What an application costs.
    Fee,
    /// Smallest and greatest capacity.
    CapacityLimits,
    /// Fees of decided applications that the admin hasn't withdrawn.
    EarnedFees,
    /// Number of producers who ever applied.
    ProducerCount,
    /// Number of open applications.
    QueueLength,

    /// Who holds a role: `certifier` or `reporter`.
    Role(Symbol),
    /// Where a producer stands.
    Certificate(Address),
    /// A producer's open application.
    Application(Address),
    /// A producer's energy, as bytes.
    Production(Address),
    /// An act about a producer: (producer, number from 0).
    Audit(Address, u32),
    /// The producer who applied as the n-th, from 0.
    Producer(u32),
    /// The producer whose application stands at a place of the queue, from 0.
    Queue(u32),
}

/// Where `producer` stands; somebody who never applied stands at [`Status::None`].
pub fn certificate(e: &Env, producer: &Address) -> Certificate {
    let key = Key::Certificate(producer.clone());
    let found = e.storage().persistent().get(&key);
    found.unwrap_or_else(|| Certificate {
        acts: 0,
        capacity_w: 0,
        certified_at: 0,
        certifier: None,
        producer: producer.clone(),
        source: 0,
        status: Status::None,
    })
}

/// Writes a certificate and renews it.
pub fn put_certificate(e: &Env, certificate: &Certificate) {
    let key = Key::Certificate(certificate.producer.clone());
    life::put(e, &key, certificate);
}

/// A producer's open application, if there is one.
pub fn application(e: &Env, producer: &Address) -> Option<Application> {
    let key = Key::Application(producer.clone());
    e.storage().persistent().get(&key)
}

/// Writes an open application and renews it.
pub fn put_application(e: &Env, application: &Application) {
    let key = Key::Application(application.producer.clone());
    life::put(e, &key, application);
}

/// Closes a producer's application.
pub fn remove_application(e: &Env, producer: &Address) {
    let key = Key::Application(producer.clone());
    e.storage().persistent().remove(&key);
}
