//! A provider's instance with two villages: one that settles in batches, one whose gateway reports single meters.

use laws::fresh_ledger;
pub use laws::START;
use meter::types::{Plan, Receipt};
use meter::MeterClient;
use soroban_sdk::testutils::{Address as _, Ledger as _};
use soroban_sdk::token::StellarAssetClient;
use soroban_sdk::{Address, Bytes, BytesN, Env, Vec};

pub const ENTRIES: &[u8] = include_bytes!("../../../wasm/entries.wasm");
pub const METER: &[u8] = include_bytes!("../../../wasm/meter.wasm");

pub const INTERVAL: u64 = 900;
pub const DAY: u64 = 86_400;

/// Settles in batches.
pub const BATCHED: u32 = 7;
/// Has no batches: its gateway reports one meter at a time.
pub const SINGLE: u32 = 8;

/// Leave a remainder nearly always. Stroops per kWh: off-peak, standard, peak.
const RATES: [i64; 3] = [960_001, 1_200_007, 1_800_499];
pub const DAILY: i64 = 50_000;
pub const WEEKLY: i64 = 300_000;
const MAX_POWER_W: u32 = 5_000;
const SAVINGS: i128 = 1_000_000_000_000_000;
const CLOSE_TIME_S: u64 = 5;

/// Wh by tier, and inside a plan: off-peak, standard, peak, included.
pub type Columns = [u32; 4];

pub struct Instance {
    pub env: Env,
    /// Speaks to both layouts: what both have is called alike.
    pub meter: MeterClient<'static>,
    pub operator: Address,
    signer: Address,
    payer: Address,
}

impl Instance {
    /// Deploys `wasm`, opens both villages, registers `batched` and `single` meters in them, and sets a price.
    pub fn deployed(wasm: &[u8], batched: u32, single: u32) -> Self {
        let env = fresh_ledger();
        env.mock_all_auths();
        let [admin, operator, signer, payer] = [(); 4].map(|()| Address::generate(&env));
        let asset = env.register_stellar_asset_contract_v2(admin.clone());
        StellarAssetClient::new(&env, &asset.address()).mint(&payer, &SAVINGS);
        // The digest names the contract: both instances of a comparison lie at the same address.
        let address = Address::generate(&env);
        env.register_at(&address, wasm, (&admin, &asset.address()));
        let instance = Self {
            meter: MeterClient::new(&env, &address),
            env,
            operator,
            signer,
            payer,
        };
        instance.set_price(START - DAY);
        for (site, meters) in [(BATCHED, batched), (SINGLE, single)] {
            instance.meter.add_site(&site, &instance.operator);
            instance.meter.allow(&site, &instance.signer);
            (0..meters).for_each(|slot| instance.register(site, slot));
        }
        instance
    }

    /// Every third meter has an owner of its own, every fifth is charged elsewhere.
    fn register(&self, site: u32, slot: u32) {
        let owner = if slot % 3 == 2 {
            &self.payer
        } else {
            &self.operator
        };
        let mode = if slot % 5 == 4 { 1 } else { 0 };
        self.meter
            .register_meter(&id(site, slot), owner, &MAX_POWER_W, &mode);
    }

    pub fn set_price(&self, from: u64) -> u32 {
        let rates = Vec::from_array(&self.env, RATES);
        self.meter.set_price(&from, &rates, &DAILY, &WEEKLY)
    }

    pub fn now(&self) -> u64 {
        self.env.ledger().timestamp()
    }

    /// Lets ledgers close until `seconds` have gone by.
    pub fn wait(&self, seconds: u64) {
        self.env.ledger().with_mut(|ledger| {
            ledger.timestamp += seconds;
            ledger.sequence_number += (seconds / CLOSE_TIME_S) as u32;
        });
    }

    pub fn pay(&self, meter_id: u64, amount: i64, plan: Plan) -> i64 {
        self.meter
            .make_payment(&self.payer, &meter_id, &amount.into(), &plan)
    }

    /// Settles the batched village from where it stands to the clock's last point of the grid.
    pub fn settle(&self, price_version: u32, usage: &[(u32, Columns)]) -> Receipt {
        let last = self.meter.get_receipt(&BATCHED);
        let sequence = last.as_ref().map_or(1, |receipt| receipt.sequence + 1);
        let from = last.map_or(START, |receipt| receipt.to);
        self.meter.batch_update_usage(
            &self.signer,
            &BATCHED,
            &BytesN::from_array(&self.env, &[0xa1; 16]),
            &sequence,
            &from,
            &(self.now() - self.now() % INTERVAL),
            &price_version,
            &self.pages(usage),
            &None,
        )
    }

    /// Reports all usage ever of one meter of the other village; tells whether it was taken.
    pub fn update(&self, meter_id: u64, total_wh: u64) -> bool {
        let answer = self
            .meter
            .try_update_usage(&self.signer, &meter_id, &total_wh);
        matches!(answer, Ok(Ok(total)) if total == total_wh)
    }

    /// Announces `meter`'s code, lets the week go by in `meanwhile`, and runs it from then on.
    pub fn upgrade(&self, meanwhile: impl FnOnce()) {
        let code = self.env.deployer().upload_contract_wasm(METER);
        self.meter.announce_upgrade(&code);
        meanwhile();
        self.meter.upgrade(&code);
    }

    fn pages(&self, usage: &[(u32, Columns)]) -> Bytes {
        let pages = usage.chunk_by(|a, b| a.0 / 64 == b.0 / 64);
        let pages = pages.map(|rows| (rows[0].0 / 64, page_data(rows)));
        laws::batches::pages(&self.env, &pages.collect::<std::vec::Vec<_>>())
    }
}

/// Bitmap, mask of four columns, the columns: the documented layout, written here anew.
fn page_data(rows: &[(u32, Columns)]) -> std::vec::Vec<u8> {
    let bitmap = rows
        .iter()
        .fold(0_u64, |map, (slot, _)| map | 1 << (slot % 64));
    let mut data = bitmap.to_be_bytes().to_vec();
    data.push(0b1111);
    for column in 0..4 {
        rows.iter()
            .for_each(|(_, wh)| data.extend(wh[column].to_be_bytes()));
    }
    data
}

pub const fn id(site: u32, slot: u32) -> u64 {
    (site as u64) << 32 | slot as u64
}
