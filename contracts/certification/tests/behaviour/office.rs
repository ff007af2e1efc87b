//! A provider's instance with a fee, one certifier and one reporter, on a ledger whose clock the test drives.

use certification::types::{Action, Application, AuditEntry, Certificate, Source, Status};
use certification::{Certification, CertificationClient};
use laws::fresh_ledger;
pub use laws::{assert_refused, verdict, MAX_TTL_LEDGERS, START};
use soroban_sdk::testutils::{Address as _, Ledger as _};
use soroban_sdk::token::{StellarAssetClient, TokenClient};
use soroban_sdk::{Address, Env, String};

const WASM: &[u8] = include_bytes!("../../../wasm/certification.wasm");

pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 86_400;

/// What an application costs, token stroops.
pub const FEE: i128 = 50_000_000;
/// What the producers' plants can export.
pub const CAPACITY_W: u32 = 3_000;
/// What every producer owns at first, token stroops.
pub const SAVINGS: i128 = 1_000_000_000_000;

const CLOSE_TIME_S: u64 = 5;

pub struct Office {
    pub env: Env,
    pub contract: CertificationClient<'static>,
    pub token: TokenClient<'static>,
    pub admin: Address,
    pub certifier: Address,
    pub reporter: Address,
    pub producer: Address,
}

impl Office {
    pub fn on_rust() -> Self {
        Self::with(|env, admin, token| env.register(Certification, (admin, token)))
    }

    pub fn on_wasm() -> Self {
        Self::with(|env, admin, token| env.register(WASM, (admin, token)))
    }

    fn with(deploy: impl FnOnce(&Env, &Address, &Address) -> Address) -> Self {
        let env = fresh_ledger();
        env.mock_all_auths();
        let [admin, certifier, reporter] = [(); 3].map(|()| Address::generate(&env));
        let asset = env.register_stellar_asset_contract_v2(admin.clone());
        let contract = deploy(&env, &admin, &asset.address());
        let office = Self {
            contract: CertificationClient::new(&env, &contract),
            token: TokenClient::new(&env, &asset.address()),
            producer: Address::generate(&env),
            env,
            admin,
            certifier,
            reporter,
        };
        office.give(&office.producer);
        office.contract.add_certifier(&office.certifier);
        office.contract.add_reporter(&office.reporter);
        office.contract.set_fee(&FEE);
        office
    }

    fn give(&self, who: &Address) {
        StellarAssetClient::new(&self.env, &self.token.address).mint(who, &SAVINGS);
    }

    /// Somebody else with savings.
    pub fn newcomer(&self) -> Address {
        let who = Address::generate(&self.env);
        self.give(&who);
        who
    }

    /// Lets ledgers close until `seconds` have gone by.
    pub fn wait(&self, seconds: u64) {
        self.env.ledger().with_mut(|ledger| {
            ledger.timestamp += seconds;
            ledger.sequence_number += (seconds / CLOSE_TIME_S) as u32;
        });
    }

    pub fn text(&self, text: &str) -> String {
        String::from_str(&self.env, text)
    }

    /// Applies with what everybody here has.
    pub fn apply(&self, producer: &Address) {
        let fee = self.contract.get_fee();
        self.contract
            .apply_for_certification(producer, &CAPACITY_W, &Source::Solar, &fee);
    }

    pub fn certify(&self, producer: &Address) {
        self.contract.certify_producer(&self.certifier, producer);
    }

    /// The office whose producer is certified.
    pub fn certified(self) -> Self {
        self.apply(&self.producer);
        self.certify(&self.producer);
        self
    }

    pub fn revoke(&self, reason: &str) {
        let reason = self.text(reason);
        self.contract
            .revoke_certification(&self.certifier, &self.producer, &reason);
    }

    pub fn reinstate(&self, reason: &str) {
        let reason = self.text(reason);
        self.contract
            .reinstate_certification(&self.certifier, &self.producer, &reason);
    }

    /// Reports the producer's register; returns what counts.
    pub fn report(&self, total_wh: u64) -> u64 {
        self.contract
            .report_production(&self.reporter, &self.producer, &total_wh)
    }

    /// Reports the producer's register, which may be refused.
    pub fn try_report(&self, total_wh: u64) -> Result<u64, soroban_sdk::Error> {
        verdict(
            self.contract
                .try_report_production(&self.reporter, &self.producer, &total_wh),
        )
    }

    pub fn certificate(&self) -> Certificate {
        self.contract.get_certification(&self.producer)
    }

    pub fn application(&self) -> Option<Application> {
        self.contract.get_application(&self.producer)
    }

    /// What is certified: capacity (W), source, when and by whom.
    pub fn granted(&self) -> (u32, u32, u64, Option<Address>) {
        let Certificate {
            capacity_w,
            source,
            certified_at,
            certifier,
            ..
        } = self.certificate();
        (capacity_w, source, certified_at, certifier)
    }

    pub fn status(&self) -> Status {
        self.certificate().status
    }

    /// What the audit trail says was done, the oldest first.
    pub fn actions(&self) -> std::vec::Vec<Action> {
        self.audit().into_iter().map(|entry| entry.action).collect()
    }

    pub fn audit(&self) -> std::vec::Vec<AuditEntry> {
        self.contract
            .get_audit(&self.producer, &0, &50)
            .into_iter()
            .collect()
    }

    /// What the contract holds, token stroops.
    pub fn till(&self) -> i128 {
        self.token.balance(&self.contract.address)
    }
}
