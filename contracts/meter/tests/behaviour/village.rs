//! A provider's instance with one site, one signer and one price, on a ledger whose clock the test drives.

use laws::fresh_ledger;
pub use laws::{assert_refused, verdict, MAX_TTL_LEDGERS, START};
use meter::types::{MeterRecord, Plan, Receipt};
use meter::{Meter, MeterClient};
use soroban_sdk::testutils::{Address as _, Ledger as _};
use soroban_sdk::token::{StellarAssetClient, TokenClient};
use soroban_sdk::{Address, Bytes, BytesN, Env, Vec};

use crate::drafts::Draft;

const WASM: &[u8] = include_bytes!("../../../wasm/meter.wasm");

pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 86_400;

pub const SITE: u32 = 7;
/// Stroops per kWh: off-peak, standard, peak.
pub const RATES: [i64; 3] = [960_000, 1_200_000, 1_800_000];
pub const DAILY: i64 = 5_000_000;
pub const WEEKLY: i64 = 30_000_000;
/// What each meter's connection can carry.
pub const MAX_POWER_W: u32 = 5_000;
pub const WRITER: [u8; 16] = [0xa1; 16];

const CLOSE_TIME_S: u64 = 5;
const SAVINGS: i128 = 8_000_000_000_000_000_000;

pub struct Village {
    pub env: Env,
    pub meter: MeterClient<'static>,
    pub token: TokenClient<'static>,
    pub admin: Address,
    pub operator: Address,
    pub signer: Address,
    pub payer: Address,
}

impl Village {
    pub fn on_rust() -> Self {
        Self::with(|env, admin, token| env.register(Meter, (admin, token)))
    }

    pub fn on_wasm() -> Self {
        Self::with(|env, admin, token| env.register(WASM, (admin, token)))
    }

    fn with(deploy: impl FnOnce(&Env, &Address, &Address) -> Address) -> Self {
        let env = fresh_ledger();
        env.mock_all_auths();
        let [admin, operator, signer, payer] = [(); 4].map(|()| Address::generate(&env));
        let asset = env.register_stellar_asset_contract_v2(admin.clone());
        StellarAssetClient::new(&env, &asset.address()).mint(&payer, &SAVINGS);
        let contract = deploy(&env, &admin, &asset.address());
        let village = Self {
            meter: MeterClient::new(&env, &contract),
            token: TokenClient::new(&env, &asset.address()),
            env,
            admin,
            operator,
            signer,
            payer,
        };
        village.meter.add_site(&SITE, &village.operator);
        village.meter.allow(&SITE, &village.signer);
        village.set_price(START - 30 * DAY, RATES);
        village
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

    pub fn energy(&self, rates: [i64; 3]) -> Vec<i64> {
        Vec::from_array(&self.env, rates)
    }

    pub fn set_price(&self, effective_from: u64, rates: [i64; 3]) -> u32 {
        self.set_prices(effective_from, rates, [DAILY, WEEKLY])
    }

    /// Sets a price that was announced in time: a day before it starts, if that has gone by already.
    pub fn set_prices(&self, effective_from: u64, rates: [i64; 3], plans: [i64; 2]) -> u32 {
        let now = self.now();
        let announced_at = now.min(effective_from - DAY);
        let set_clock = |at| self.env.ledger().with_mut(|ledger| ledger.timestamp = at);
        set_clock(announced_at);
        let [daily, weekly] = plans;
        let version = self
            .meter
            .set_price(&effective_from, &self.energy(rates), &daily, &weekly);
        set_clock(now);
        version
    }

    /// Registers the next `count` meters as prepaid.
    pub fn register(&self, count: u32) {
        for _ in 0..count {
            self.register_as(0);
        }
    }

    /// Registers the next meter in a settlement mode and returns its id.
    pub fn register_as(&self, mode: u32) -> u64 {
        let id = meter_id(self.meter.get_site(&SITE).next_slot);
        self.meter
            .register_meter(&id, &self.operator, &MAX_POWER_W, &mode);
        id
    }

    pub fn pay(&self, slot: u32, amount: i64, plan: Plan) -> i64 {
        self.meter
            .make_payment(&self.payer, &meter_id(slot), &amount.into(), &plan)
    }

    pub fn record(&self, slot: u32) -> MeterRecord {
        self.meter.get_meter(&meter_id(slot))
    }

    /// Asserts that the last call was signed by `expected` and nobody else.
    #[track_caller]
    pub fn assert_signed_by(&self, expected: &Address) {
        let auths = self.env.auths();
        let signed: std::vec::Vec<_> = auths.iter().map(|(who, _)| who).collect();
        assert_eq!(signed, [expected]);
    }

    /// Makes the instance one in which no price was set yet.
    pub fn forget_prices(&self) {
        self.env.as_contract(&self.meter.address, || {
            let instance = self.env.storage().instance();
            instance.remove(&meter::storage::Key::PriceCount);
        });
    }

    pub fn receipt(&self) -> Option<Receipt> {
        self.meter.get_receipt(&SITE)
    }

    /// Sends a batch that must be accepted.
    pub fn settle(&self, draft: &Draft) -> Receipt {
        match self.try_settle(draft) {
            Ok(receipt) => receipt,
            Err(error) => panic!("the batch was refused: {error:?}"),
        }
    }

    /// Sends a batch.
    pub fn try_settle(&self, draft: &Draft) -> Result<Receipt, soroban_sdk::Error> {
        self.try_settle_as(draft, &laws::batches::pages(&self.env, &draft.pages))
    }

    /// Sends a batch with these bytes for its pages.
    pub fn try_settle_as(
        &self,
        draft: &Draft,
        pages: &Bytes,
    ) -> Result<Receipt, soroban_sdk::Error> {
        let env = &self.env;
        let answer = self.meter.try_batch_update_usage(
            draft.signer.as_ref().unwrap_or(&self.signer),
            &draft.site,
            &BytesN::from_array(env, &draft.writer),
            &draft.sequence,
            &draft.from,
            &draft.to,
            &draft.price_version,
            pages,
            &draft.root.map(|root| BytesN::from_array(env, &root)),
        );
        verdict(answer)
    }

    /// The next batch of the site: from the last one's end (or `START`) to the clock's last point of the grid, still without pages.
    pub fn next_batch(&self) -> Draft {
        let last = self.receipt();
        Draft {
            signer: None,
            site: SITE,
            writer: WRITER,
            sequence: last.as_ref().map_or(1, |receipt| receipt.sequence + 1),
            from: last.map_or(START, |receipt| receipt.to),
            to: self.now() - self.now() % 900,
            price_version: 1,
            pages: std::vec![],
            root: None,
        }
    }
}

pub const fn meter_id(slot: u32) -> u64 {
    (SITE as u64) << 32 | slot as u64
}
