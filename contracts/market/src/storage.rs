//! The ledger entries and how long they live.
//!
//! Whoever sells renews their own listing and whoever buys what they hold; a purchase pays no rent for the seller.

use soroban_sdk::token::TokenClient;
use soroban_sdk::unwrap::UnwrapOptimized;
use soroban_sdk::{contracttype, Address, Env, IntoVal, TryFromVal, Val};

/// Names of the entries. `Listing` and those below it are persistent, the rest live in the instance.
#[contracttype]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The token that energy is paid in.
    Token,
    /// The contract that knows who may sell, and how much.
    Certification,
    /// The contract that knows the meters.
    Meter,
    /// What the admin has set.
    Terms,
    /// What belongs to the platform.
    Reserve,
    /// Sum of all listings, Wh.
    OfferedWh,
    /// Number of sellers who ever listed.
    SellerCount,

    /// What a seller offers and has earned.
    Listing(Address),
    /// The n-th seller, from 0.
    Seller(u32),
    /// Bought energy that waits at a meter.
    Holding(u64),
    /// A site whose meters energy may be bought for.
    SiteOpen(u32),
}

/// Reads an entry of the instance that may not be there yet.
pub fn of_instance<V: TryFromVal<Env, Val> + Default>(e: &Env, key: &Key) -> V {
    e.storage().instance().get(key).unwrap_or_default()
}

/// Writes an entry of the instance.
pub fn set_of_instance<V: IntoVal<Env, Val>>(e: &Env, key: &Key, value: &V) {
    e.storage().instance().set(key, value);
}

/// One of the three contracts that the constructor was told.
pub fn contract(e: &Env, key: &Key) -> Address {
    // There is no instance without them.
    e.storage().instance().get(key).unwrap_optimized()
}

/// The token that energy is paid in.
pub fn token(e: &Env) -> TokenClient<'_> {
    TokenClient::new(e, &contract(e, &Key::Token))
}

/// Reads a persistent entry.
pub fn get<V: TryFromVal<Env, Val>>(e: &Env, key: &Key) -> Option<V> {
    e.storage().persistent().get(key)
}

/// Writes a persistent entry without renewing it.
pub fn set<V: IntoVal<Env, Val>>(e: &Env, key: &Key, value: &V) {
    e.storage().persistent().set(key, value);
}
