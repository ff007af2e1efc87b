//! The meters of the tests' village: the committed contract `meter`, called as its ABI says.

use soroban_sdk::{
    contractclient, vec, Address, Bytes, BytesN, Env, Map, Symbol, TryFromVal, Val, Vec,
};

const WASM: &[u8] = include_bytes!("../../../wasm/meter.wasm");

pub const SITE: u32 = 7;
/// What each meter's connection can carry.
const MAX_POWER_W: u32 = 5_000;
const INTERVAL_S: u64 = 900;
/// Column of the batch data with usage of bought energy.
const MARKET_COLUMN: u8 = 1 << 4;

#[contractclient(name = "MeterClient")]
#[allow(dead_code)] // Only the client made of it is used.
pub trait Meter {
    fn add_site(e: Env, site: u32, operator: Address);
    fn allow(e: Env, site: u32, signer: Address);
    fn register_meter(e: Env, meter_id: u64, owner: Address, max_power_w: u32, mode: u32);
    fn set_price(e: Env, effective_from: u64, energy: Vec<i64>, daily: i64, weekly: i64) -> u32;
    fn set_market(e: Env, market: Option<Address>);
    fn get_meter(e: Env, meter_id: u64) -> Map<Symbol, Val>;
    fn add_market_credit(e: Env, meter_id: u64, wh: u32) -> u32;
    fn check_access(e: Env, meter_id: u64) -> bool;
    #[allow(clippy::too_many_arguments)]
    fn batch_update_usage(
        e: Env,
        signer: Address,
        site: u32,
        writer: BytesN<16>,
        sequence: u64,
        from: u64,
        to: u64,
        price_version: u32,
        pages: Bytes,
        root: Option<BytesN<32>>,
    ) -> Map<Symbol, Val>;
}

/// A site with a gateway that settles bought energy.
pub struct Metering {
    pub contract: MeterClient<'static>,
    gateway: Address,
    sequence: core::cell::Cell<u64>,
    settled_until: core::cell::Cell<u64>,
}

impl Metering {
    /// The contract with one site, and a price in force since an hour.
    pub fn new(env: &Env, admin: &Address, token: &Address, gateway: &Address) -> Self {
        let contract = MeterClient::new(env, &env.register(WASM, (admin, token)));
        contract.add_site(&SITE, gateway);
        contract.allow(&SITE, gateway);
        let now = env.ledger().timestamp();
        contract.set_price(
            &(now - 3_600),
            &vec![env, 1_000_000, 1_200_000, 1_800_000],
            &0,
            &0,
        );
        Self {
            contract,
            gateway: gateway.clone(),
            sequence: 0.into(),
            settled_until: now.into(),
        }
    }

    /// Registers the meter of a slot, the next one, in a settlement mode (0 prepaid); returns its id.
    pub fn register(&self, slot: u32, mode: u32) -> u64 {
        let id = u64::from(SITE) << 32 | u64::from(slot);
        self.contract
            .register_meter(&id, &self.gateway, &MAX_POWER_W, &mode);
        id
    }

    /// Bought energy that the meter hasn't used, Wh.
    pub fn credit_wh(&self, meter_id: u64) -> u32 {
        let env = &self.contract.env;
        let record = self.contract.get_meter(&meter_id);
        let value = record.get_unchecked(Symbol::new(env, "market_credit_wh"));
        u32::try_from_val(env, &value).expect("Wh are a u32")
    }

    /// Settles usage of bought energy until the last point of the grid.
    pub fn draw(&self, meter_id: u64, wh: u32) {
        let env = &self.contract.env;
        let slot = meter_id as u32;
        let mut data = (1_u64 << (slot % 64)).to_be_bytes().to_vec();
        data.push(MARKET_COLUMN);
        data.extend(wh.to_be_bytes());
        let now = env.ledger().timestamp();
        let to = now - now % INTERVAL_S;
        self.sequence.set(self.sequence.get() + 1);
        self.contract.batch_update_usage(
            &self.gateway,
            &SITE,
            &BytesN::from_array(env, &[0xa1; 16]),
            &self.sequence.get(),
            &self.settled_until.replace(to),
            &to,
            &1,
            &laws::batches::pages(env, &[(slot / 64, data)]),
            &None,
        );
    }
}
