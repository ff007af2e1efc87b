//! An open market with a certified producer, two meters and a buyer, on a ledger whose clock the test drives.

use certification::types::Source;
use certification::CertificationClient;
use laws::fresh_ledger;
pub use laws::{assert_refused, verdict, MAX_TTL_LEDGERS};
use market::storage::Key;
use market::types::{Holding, Listing, Quote};
use market::{Market, MarketClient};
use soroban_sdk::testutils::{Address as _, Ledger as _};
use soroban_sdk::token::{StellarAssetClient, TokenClient};
use soroban_sdk::{Address, Env, String};

use crate::metering::{Metering, SITE};

const WASM: &[u8] = include_bytes!("../../../wasm/market.wasm");
const CERTIFICATION: &[u8] = include_bytes!("../../../wasm/certification.wasm");

pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 86_400;

/// What the producers' plants can export.
pub const CAPACITY_W: u32 = 10_000;
/// What producers ask, stroops per kWh.
pub const PRICE: i64 = 900_000;
/// Hundredths of a percent.
pub const COMMISSION: u32 = 250;
pub const REFUND: u32 = 8_000;
/// Wh that one producer, and all together, may offer.
pub const USER_LIMIT: u64 = 50_000;
pub const GLOBAL_LIMIT: u64 = 80_000;
/// What everybody owns at first, token stroops.
pub const SAVINGS: i128 = 1_000_000_000_000;

const CLOSE_TIME_S: u64 = 5;

pub struct Bazaar {
    pub env: Env,
    pub contract: MarketClient<'static>,
    pub certification: CertificationClient<'static>,
    pub metering: Metering,
    pub token: TokenClient<'static>,
    pub admin: Address,
    pub certifier: Address,
    pub gateway: Address,
    pub producer: Address,
    pub buyer: Address,
    /// A prepaid meter.
    pub meter_id: u64,
}

impl Bazaar {
    pub fn on_rust() -> Self {
        Self::with(|env, who| env.register(Market, who))
    }

    pub fn on_wasm() -> Self {
        Self::with(|env, who| env.register(WASM, who))
    }

    fn with(
        deploy: impl FnOnce(&Env, (&Address, &Address, &Address, &Address)) -> Address,
    ) -> Self {
        let env = fresh_ledger();
        env.mock_all_auths();
        let [admin, certifier, gateway] = [(); 3].map(|()| Address::generate(&env));
        let asset = env.register_stellar_asset_contract_v2(admin.clone());
        let token = TokenClient::new(&env, &asset.address());
        let certification = env.register(CERTIFICATION, (&admin, &token.address));
        let metering = Metering::new(&env, &admin, &token.address, &gateway);
        let meter_id = metering.register(0, 0);
        let meter = &metering.contract.address;
        let contract = deploy(&env, (&admin, &token.address, &certification, meter));
        metering.contract.set_market(&Some(contract.clone()));
        let bazaar = Self {
            contract: MarketClient::new(&env, &contract),
            certification: CertificationClient::new(&env, &certification),
            metering,
            token,
            producer: Address::generate(&env),
            buyer: Address::generate(&env),
            env,
            admin,
            certifier,
            gateway,
            meter_id,
        };
        bazaar.open();
        bazaar
    }

    fn open(&self) {
        self.certification.add_certifier(&self.certifier);
        self.certification.add_reporter(&self.gateway);
        self.certify(&self.producer);
        self.give(&self.buyer);
        self.contract.set_site_open(&SITE, &true);
        self.contract.set_user_reserve_limit(&USER_LIMIT);
        self.contract.set_global_reserve_limit(&GLOBAL_LIMIT);
        self.contract.set_commission_rate(&COMMISSION);
        self.contract.set_refund_rate(&REFUND);
    }

    fn certify(&self, producer: &Address) {
        self.certification
            .apply_for_certification(producer, &CAPACITY_W, &Source::Solar, &0);
        self.certification
            .certify_producer(&self.certifier, producer);
    }

    /// Lets somebody have savings.
    pub fn give(&self, who: &Address) {
        StellarAssetClient::new(&self.env, &self.token.address).mint(who, &SAVINGS);
    }

    /// Somebody else with savings.
    pub fn newcomer(&self) -> Address {
        let who = Address::generate(&self.env);
        self.give(&who);
        who
    }

    /// Another certified producer.
    pub fn another_producer(&self) -> Address {
        let who = Address::generate(&self.env);
        self.certify(&who);
        who
    }

    /// Lets ledgers close until `seconds` have gone by.
    pub fn wait(&self, seconds: u64) {
        self.env.ledger().with_mut(|ledger| {
            ledger.timestamp += seconds;
            ledger.sequence_number += (seconds / CLOSE_TIME_S) as u32;
        });
    }

    /// Lets a producer export, which takes its time.
    pub fn export(&self, producer: &Address, wh: u64) {
        self.wait(wh * HOUR / u64::from(CAPACITY_W) + 1);
        let total_wh = self.certification.get_production(producer).total_wh + wh;
        self.certification
            .report_production(&self.gateway, producer, &total_wh);
    }

    /// The bazaar whose producer offers `wh`.
    pub fn offering(self, wh: u64) -> Self {
        self.export(&self.producer, wh);
        self.contract
            .add_energy_for_sale(&self.producer, &wh, &PRICE);
        self
    }

    pub fn revoke(&self, producer: &Address) {
        let why = String::from_str(&self.env, "because");
        self.certification
            .revoke_certification(&self.certifier, producer, &why);
    }

    pub fn reinstate(&self, producer: &Address) {
        let why = String::from_str(&self.env, "because not");
        self.certification
            .reinstate_certification(&self.certifier, producer, &why);
    }

    /// Buys from the producer for the meter, at any price.
    pub fn buy(&self, wh: u32) -> Quote {
        self.contract.buy_energy_from_user(
            &self.buyer,
            &self.producer,
            &self.meter_id,
            &wh,
            &i64::MAX,
        )
    }

    /// Buys from the producer for the meter, which may be refused.
    pub fn try_buy(&self, wh: u32) -> Result<Quote, soroban_sdk::Error> {
        verdict(self.contract.try_buy_energy_from_user(
            &self.buyer,
            &self.producer,
            &self.meter_id,
            &wh,
            &i64::MAX,
        ))
    }

    pub fn refund(&self, wh: u32) -> i64 {
        self.contract
            .refund_energy(&self.buyer, &self.meter_id, &wh)
    }

    /// The meter uses bought energy within an hour, and the gateway settles it.
    pub fn use_energy(&self, wh: u32) {
        self.wait(HOUR);
        self.metering.draw(self.meter_id, wh);
    }

    pub fn listing(&self) -> Listing {
        self.contract.get_listing(&self.producer)
    }

    pub fn holding(&self) -> Option<Holding> {
        self.contract.get_holding(&self.meter_id)
    }

    pub fn credit_wh(&self) -> u32 {
        self.metering.credit_wh(self.meter_id)
    }

    /// What the market takes for the sum of all listings.
    pub fn offered_wh(&self) -> u64 {
        let read = || self.env.storage().instance().get(&Key::OfferedWh);
        self.env
            .as_contract(&self.contract.address, read)
            .unwrap_or(0)
    }

    /// What the market holds, token stroops.
    pub fn till(&self) -> i128 {
        self.token.balance(&self.contract.address)
    }
}
