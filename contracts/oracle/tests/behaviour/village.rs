//! An oracle with one site and one writer beside a real meter contract, on a ledger whose clock the test drives.

use laws::fresh_ledger;
pub use laws::{assert_refused, verdict, MAX_TTL_LEDGERS, START};
use oracle::types::{Data, HourUsage};
use oracle::{Oracle, OracleClient};
use soroban_sdk::testutils::{Address as _, Events as _, Ledger as _};
use soroban_sdk::xdr::{ContractEventBody, ScVal};
use soroban_sdk::{contractclient, Address, Env, Vec};

use crate::drafts::Draft;

const WASM: &[u8] = include_bytes!("../../../wasm/oracle.wasm");
const METER: &[u8] = include_bytes!("../../../wasm/meter.wasm");

pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 86_400;
pub const SITE: u32 = 7;
/// What each meter's connection can carry.
pub const MAX_POWER_W: u32 = 12_000;
pub const PREPAID: u32 = 0;
pub const STREAMING: u32 = 1;
pub const POSTPAID: u32 = 2;

const CLOSE_TIME_S: u64 = 5;

/// The part of the meter contract that sets the stage.
#[contractclient(name = "MeterClient")]
#[allow(dead_code)] // Only the client that is made of it is used.
pub trait MeterStage {
    fn add_site(env: Env, site: u32, operator: Address);
    fn register_meter(env: Env, meter_id: u64, owner: Address, max_power_w: u32, mode: u32);
    fn deactivate_meter(env: Env, meter_id: u64);
}

pub struct Village {
    pub env: Env,
    pub oracle: OracleClient<'static>,
    pub meter: MeterClient<'static>,
    pub admin: Address,
    pub writer: Address,
}

impl Village {
    pub fn on_rust() -> Self {
        Self::with(|env, admin, meter| env.register(Oracle, (admin, meter)))
    }

    pub fn on_wasm() -> Self {
        Self::with(|env, admin, meter| env.register(WASM, (admin, meter)))
    }

    fn with(deploy: impl FnOnce(&Env, &Address, &Address) -> Address) -> Self {
        let env = fresh_ledger();
        env.mock_all_auths();
        let [admin, writer] = [(); 2].map(|()| Address::generate(&env));
        let meter = env.register(METER, (&admin, &admin));
        let village = Self {
            oracle: OracleClient::new(&env, &deploy(&env, &admin, &meter)),
            meter: MeterClient::new(&env, &meter),
            env,
            admin,
            writer,
        };
        village.meter.add_site(&SITE, &village.admin);
        village.oracle.allow(&SITE, &village.writer);
        village
    }

    /// Registers meters in the next slots, one for each settlement mode given.
    pub fn register(&self, first: u32, modes: &[u32]) {
        for (slot, mode) in (first..).zip(modes) {
            let id = meter_id(slot);
            self.meter
                .register_meter(&id, &self.admin, &MAX_POWER_W, mode);
        }
    }

    /// Lets ledgers close until `seconds` have gone by.
    pub fn wait(&self, seconds: u64) {
        self.env.ledger().with_mut(|ledger| {
            ledger.timestamp += seconds;
            ledger.sequence_number += (seconds / CLOSE_TIME_S) as u32;
        });
    }

    /// Sends hours that must be accepted.
    #[track_caller]
    pub fn record(&self, hours: &[Draft]) {
        self.try_record(hours)
            .expect("the hours should be recorded");
    }

    /// Sends hours.
    pub fn try_record(&self, hours: &[Draft]) -> Result<(), soroban_sdk::Error> {
        verdict(
            self.oracle
                .try_update_usage_and_price(&self.writer, &SITE, &self.encoded(hours)),
        )
    }

    pub fn encoded(&self, hours: &[Draft]) -> Vec<HourUsage> {
        let mut list = Vec::new(&self.env);
        hours
            .iter()
            .for_each(|hour| list.push_back(hour.encode(&self.env)));
        list
    }

    pub fn data(&self, slot: u32, hour: u64) -> Data {
        self.oracle.get_historical_data(&meter_id(slot), &hour)
    }

    pub fn try_data(&self, slot: u32, hour: u64) -> Result<Data, soroban_sdk::Error> {
        let answer = self.oracle.try_get_historical_data(&meter_id(slot), &hour);
        verdict(answer)
    }

    /// Names of the oracle's events in the last call, each with its data by name.
    pub fn said(&self) -> std::vec::Vec<(String, std::vec::Vec<(String, ScVal)>)> {
        let all = self.env.events().all();
        let own = all.filter_by_contract(&self.oracle.address);
        let named = own.events().iter().map(|event| {
            let ContractEventBody::V0(body) = &event.body;
            let ScVal::Map(Some(data)) = &body.data else {
                panic!("an event's data is a map");
            };
            let data = data
                .iter()
                .map(|entry| (name(&entry.key), entry.val.clone()));
            (name(&body.topics[0]), data.collect())
        });
        named.collect()
    }

    /// What the last call said of usage: hours, from, to, accepted Wh, refused.
    pub fn summary(&self) -> Option<[u64; 5]> {
        let said = self.said();
        let (_, data) = said.iter().find(|(name, _)| name == "usage")?;
        let number = |wanted: &str| {
            let (_, value) = data
                .iter()
                .find(|(name, _)| name == wanted)
                .expect("the field is there");
            match value {
                ScVal::U32(number) => u64::from(*number),
                ScVal::U64(number) => *number,
                other => panic!("{wanted} isn't a number: {other:?}"),
            }
        };
        Some(["hours", "from", "to", "accepted_wh", "refused"].map(number))
    }
}

pub const fn meter_id(slot: u32) -> u64 {
    (SITE as u64) << 32 | slot as u64
}

fn name(value: &ScVal) -> String {
    match value {
        ScVal::Symbol(symbol) => symbol.to_utf8_string_lossy(),
        other => panic!("{other:?} isn't a name"),
    }
}
