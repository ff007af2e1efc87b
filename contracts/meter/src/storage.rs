//! The ledger entries: one key type, one place that reads and writes them.

use soroban_sdk::unwrap::UnwrapOptimized;
use soroban_sdk::{Address, BytesN, Env, IntoVal, Map, Symbol, TryFromVal, Val, Vec};
use upkeep::life;

use crate::errors::{refuse, Error};
use crate::page::Page;
use crate::types::{Price, Receipt, Site};

/// Names of the entries. The first four live in the instance, the rest are persistent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The stablecoin that payments are made in.
    Token,
    /// Number of price versions.
    PriceCount,
    /// The contract on which energy is traded, if there is one.
    Market,
    /// All floats together, in stroops.
    Floats,
    /// A village.
    Site(u32),
    /// The last receipt of a site.
    Receipt(u32),
    /// Records of a site: (site, page).
    Page(u32, u32),
    /// A price version.
    Price(u32),
    /// The owner of a meter, only where it isn't the site's operator.
    Owner(u64),
    /// What was written off a meter's arrears and not reinstated, in stroops, only where there is something.
    WrittenOff(u64),
    /// A site's float and the receipt of its last credit.
    Float(u32),
    /// A meter in the earlier layout, until it is migrated.
    LegacyMeter(u64),
}

impl Key {
    /// Not inlined, nor the names as symbols: a table of texts is the smallest code.
    #[inline(never)]
    const fn name(&self) -> &'static str {
        match self {
            Self::Token => "Token",
            Self::PriceCount => "PriceCount",
            Self::Market => "Market",
            Self::Floats => "Floats",
            Self::Site(_) => "Site",
            Self::Receipt(_) => "Receipt",
            Self::Page(..) => "Page",
            Self::Price(_) => "Price",
            Self::Owner(_) => "Owner",
            Self::WrittenOff(_) => "WrittenOff",
            Self::Float(_) => "Float",
            Self::LegacyMeter(_) => "LegacyMeter",
        }
    }
}

/// A key is its name, then its numbers, as `#[contracttype]` writes an enum; by hand, because that takes half the code.
impl IntoVal<Env, Val> for Key {
    fn into_val(&self, env: &Env) -> Val {
        let mut parts = Vec::new(env);
        parts.push_back(Symbol::new(env, self.name()).to_val());
        match *self {
            Self::Token | Self::PriceCount | Self::Market | Self::Floats => {}
            Self::Site(number)
            | Self::Receipt(number)
            | Self::Price(number)
            | Self::Float(number) => parts.push_back(number.into()),
            Self::Page(site, page) => {
                parts.push_back(site.into());
                parts.push_back(page.into());
            }
            Self::Owner(meter_id) | Self::WrittenOff(meter_id) | Self::LegacyMeter(meter_id) => {
                parts.push_back(meter_id.into_val(env));
            }
        }
        parts.to_val()
    }
}

/// Reads a persistent entry.
pub fn get<V: TryFromVal<Env, Val>>(env: &Env, key: &Key) -> Option<V> {
    read(env, key).map(|value| V::try_from_val(env, &value).unwrap_optimized())
}

/// Reads a persistent entry that is a struct.
pub fn get_struct(env: &Env, key: &Key) -> Option<Fields> {
    read(env, key).map(|value| Fields::of(env, &value))
}

/// The values of a struct that this contract has stored, taken one after the other in the order of their names.
///
/// What `#[contracttype]` derives asks for every name and doubts every value, which takes three times the code for
/// entries that nobody else can have written.
pub struct Fields {
    values: Vec<Val>,
    taken: u32,
}

impl Fields {
    /// Begins with the first value.
    fn of(env: &Env, stored: &Val) -> Self {
        let fields = Map::<Symbol, Val>::try_from_val(env, stored).unwrap_optimized();
        Self {
            values: fields.values(),
            taken: 0,
        }
    }

    /// The next value, of any type.
    pub fn take<V: TryFromVal<Env, Val>>(&mut self) -> V {
        let value = self.next();
        V::try_from_val(self.values.env(), &value).unwrap_optimized()
    }

    /// The next value.
    #[inline(never)]
    fn next(&mut self) -> Val {
        self.taken += 1;
        self.values.get_unchecked(self.taken - 1)
    }

    /// The next value, 64 bits without a sign.
    #[inline(never)]
    pub fn take_u64(&mut self) -> u64 {
        self.take()
    }

    /// The next value, 64 bits with a sign.
    #[inline(never)]
    pub fn take_i64(&mut self) -> i64 {
        self.take()
    }

    /// The next value, 32 bits without a sign.
    #[inline(never)]
    pub fn take_u32(&mut self) -> u32 {
        self.take()
    }

    /// The next value, a digest.
    #[inline(never)]
    pub fn take_digest(&mut self) -> BytesN<32> {
        self.take()
    }
}

/// Tells whether a persistent entry exists.
pub fn has(env: &Env, key: &Key) -> bool {
    env.storage().persistent().has(key)
}

/// Writes a persistent entry; its life isn't renewed.
pub fn set<V: IntoVal<Env, Val>>(env: &Env, key: &Key, value: &V) {
    let value: Val = value.into_val(env);
    env.storage().persistent().set(key, &value);
}

/// Writes a persistent entry and renews it.
pub fn put<V: IntoVal<Env, Val>>(env: &Env, key: &Key, value: &V) {
    let value: Val = value.into_val(env);
    life::put(env, key, &value);
}

/// Renews a persistent entry, if there is one, when its life has run short.
pub fn keep(env: &Env, key: &Key) {
    if has(env, key) {
        life::keep(env, key);
    }
}

/// Removes a persistent entry.
pub fn remove(env: &Env, key: &Key) {
    env.storage().persistent().remove(key);
}

/// Not inlined, like all that every type of entry has in common: rent is paid for every instruction of the code.
#[inline(never)]
fn read(env: &Env, key: &Key) -> Option<Val> {
    env.storage().persistent().get(key)
}

/// The site, or [`Error::UnknownSite`].
pub fn site(env: &Env, site: u32) -> Site {
    let Some(mut fields) = get_struct(env, &Key::Site(site)) else {
        refuse(env, Error::UnknownSite);
    };
    Site {
        next_slot: fields.take_u32(),
        operator: fields.take(),
        signers: fields.take(),
    }
}

/// Writes a site and renews it.
#[inline(never)]
pub fn put_site(env: &Env, number: u32, site: &Site) {
    put(env, &Key::Site(number), site);
}

/// Remembers who owns a meter, unless it is the site's operator: rent is paid by those who use a key of their own.
#[inline(never)]
pub fn put_owner(env: &Env, meter_id: u64, owner: &Address, operator: &Address) {
    if owner != operator {
        put(env, &Key::Owner(meter_id), owner);
    }
}

/// The site's last receipt, if it has settled anything.
pub fn receipt(env: &Env, site: u32) -> Option<Receipt> {
    let mut fields = get_struct(env, &Key::Receipt(site))?;
    Some(Receipt {
        accepted_wh: fields.take_u64(),
        closed_at: fields.take_u64(),
        digest: fields.take_digest(),
        from: fields.take_u64(),
        previous_digest: fields.take_digest(),
        price_version: fields.take_u32(),
        residue_wh: fields.take_u64(),
        root: fields.take_digest(),
        sequence: fields.take_u64(),
        to: fields.take_u64(),
        total_residue_wh: fields.take_u64(),
        total_wh: fields.take_u64(),
        writer: fields.take(),
    })
}

/// The price version, or [`Error::UnknownPriceVersion`].
pub fn price(env: &Env, version: u32) -> Price {
    let Some(mut fields) = get_struct(env, &Key::Price(version)) else {
        refuse(env, Error::UnknownPriceVersion);
    };
    Price {
        daily: fields.take_i64(),
        effective_from: fields.take_u64(),
        energy: fields.take(),
        version: fields.take_u32(),
        weekly: fields.take_i64(),
    }
}

/// Number of price versions.
pub fn price_count(env: &Env) -> u32 {
    env.storage().instance().get(&Key::PriceCount).unwrap_or(0)
}

/// The page; one that the site doesn't have is empty, and a layout that isn't ours [`Error::UnknownLayout`].
#[inline(never)]
pub fn page(env: &Env, key: &Key) -> Page {
    let Some(bytes) = get(env, key) else {
        return Page::new();
    };
    Page::decode(&bytes).unwrap_or_else(|| refuse(env, Error::UnknownLayout))
}

/// The token that payments are made in.
pub fn token(env: &Env) -> Address {
    // The constructor has set it: there is no instance without one.
    env.storage().instance().get(&Key::Token).unwrap_optimized()
}
