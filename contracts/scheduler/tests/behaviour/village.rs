//! A scheduler with two users, on real meters, a real oracle and the real token, on a ledger whose clock the test drives.

use laws::fresh_ledger;
pub use laws::{assert_refused, verdict, MAX_TTL_LEDGERS, START};
use scheduler::types::{Account, Reason, ScheduleStatus, Status};
use scheduler::{Scheduler, SchedulerClient};
use soroban_sdk::testutils::{Address as _, Events as _, Ledger as _};
use soroban_sdk::token::TokenClient;
use soroban_sdk::xdr::{ContractEventBody, ScVal};
use soroban_sdk::{contractclient, contracttype, Address, Bytes, Env, String as Text, Vec};

const WASM: &[u8] = include_bytes!("../../../wasm/scheduler.wasm");
const METER: &[u8] = include_bytes!("../../../wasm/meter.wasm");
const ORACLE: &[u8] = include_bytes!("../../../wasm/oracle.wasm");
const ELECTRIC: &[u8] = include_bytes!("../../../wasm/electric.wasm");

pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 86_400;
pub const SITE: u32 = 7;
/// The streaming meter that most tests are about, and one that invoices charge.
pub const METER_ID: u64 = (SITE as u64) << 32;
pub const POSTPAID_ID: u64 = METER_ID + 1;
pub const OTHER_ID: u64 = METER_ID + 2;
/// What each user was granted, in stroops: 10 000 ELECTRIC.
pub const GRANT: i128 = 100_000_000_000;
/// Stroops per kWh.
pub const PRICE: i64 = 1_200_000;

const MAX_POWER_W: u32 = 60_000;
const LEDGERS_PER_DAY: u32 = 17_280;
const CLOSE_TIME_S: u64 = 5;

/// The parts of the other contracts that set the stage. Only the clients that are made of them are used.
#[contractclient(name = "MeterClient")]
#[allow(dead_code)]
pub trait MeterStage {
    fn add_site(env: Env, site: u32, operator: Address);
    fn register_meter(env: Env, meter_id: u64, owner: Address, max_power_w: u32, mode: u32);
}

#[contractclient(name = "OracleClient")]
#[allow(dead_code)]
pub trait OracleStage {
    fn allow(env: Env, site: u32, writer: Address);
    fn update_usage_and_price(env: Env, writer: Address, site: u32, hours: Vec<HourUsage>);
}

#[contractclient(name = "ElectricClient")]
#[allow(dead_code)]
pub trait ElectricStage {
    fn grant(env: Env, user: Address);
    fn pause(env: Env);
    fn unpause(env: Env);
}

#[contracttype]
pub struct HourUsage {
    pub hour: u64,
    pub tier: u32,
    pub prices: Vec<i64>,
    pub pages: Vec<PageUsage>,
}

#[contracttype]
pub struct PageUsage {
    pub page: u32,
    pub data: Bytes,
}

/// What a scheduler is deployed with: admin, token, oracle, provider.
type Deployment<'a> = (&'a Address, &'a Address, &'a Address, &'a Address);

pub struct Village {
    pub env: Env,
    pub scheduler: SchedulerClient<'static>,
    pub meter: MeterClient<'static>,
    pub oracle: OracleClient<'static>,
    pub electric: ElectricClient<'static>,
    pub token: TokenClient<'static>,
    pub admin: Address,
    pub provider: Address,
    pub amina: Address,
    pub juma: Address,
    deploy: fn(&Env, Deployment) -> Address,
}

impl Village {
    pub fn on_rust() -> Self {
        Self::with(|env, arguments| env.register(Scheduler, arguments))
    }

    pub fn on_wasm() -> Self {
        Self::with(|env, arguments| env.register(WASM, arguments))
    }

    fn with(deploy: fn(&Env, Deployment) -> Address) -> Self {
        let env = fresh_ledger();
        env.mock_all_auths();
        let [admin, provider, amina, juma] = [(); 4].map(|()| Address::generate(&env));
        let text = |text: &str| Text::from_str(&env, text);
        let named = (&admin, 7_u32, text("Electric"), text("ELECTRIC"));
        let token = env.register(ELECTRIC, named);
        let meter = env.register(METER, (&admin, &token));
        let oracle = env.register(ORACLE, (&admin, &meter));
        let scheduler = deploy(&env, (&admin, &token, &oracle, &provider));
        let village = Self {
            scheduler: SchedulerClient::new(&env, &scheduler),
            meter: MeterClient::new(&env, &meter),
            oracle: OracleClient::new(&env, &oracle),
            electric: ElectricClient::new(&env, &token),
            token: TokenClient::new(&env, &token),
            env,
            admin,
            provider,
            amina,
            juma,
            deploy,
        };
        village.set_stage();
        village
    }

    fn set_stage(&self) {
        self.meter.add_site(&SITE, &self.admin);
        for (id, mode) in [(METER_ID, 1), (POSTPAID_ID, 2), (OTHER_ID, 1)] {
            self.meter
                .register_meter(&id, &self.admin, &MAX_POWER_W, &mode);
        }
        self.oracle.allow(&SITE, &self.admin);
        self.electric.grant(&self.amina);
        self.electric.grant(&self.juma);
    }

    /// Amina pays for the meter, and allows the scheduler to draw everything.
    pub fn subscribed(self) -> Self {
        self.scheduler.subscribe(&self.amina, &METER_ID);
        self.approve(&self.amina, GRANT);
        self
    }

    /// Another scheduler of the same kind, whose token is none.
    pub fn without_token(&self) -> SchedulerClient<'static> {
        let nothing = Address::generate(&self.env);
        let arguments = (&self.admin, &nothing, &self.oracle.address, &self.provider);
        SchedulerClient::new(&self.env, &(self.deploy)(&self.env, arguments))
    }

    /// Allows the scheduler to draw `amount` stroops of `user` for 150 days.
    pub fn approve(&self, user: &Address, amount: i128) {
        let until = self.env.ledger().sequence() + 150 * LEDGERS_PER_DAY;
        let spender = &self.scheduler.address;
        self.token.approve(user, spender, &amount, &until);
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

    /// Lets ledgers close until `seconds` after the start.
    pub fn wait_until(&self, seconds: u64) {
        self.wait(START + seconds - self.now());
    }

    /// Registers streaming meters up to a slot, which isn't one of them.
    pub fn register_until(&self, end: u32) {
        for slot in 3..u64::from(end) {
            self.meter
                .register_meter(&(METER_ID + slot), &self.admin, &MAX_POWER_W, &1);
        }
    }

    /// The oracle learns what both streaming meters used in the hour `number` after the start.
    pub fn record(&self, number: u64, usage_wh: u16, price: i64) {
        self.record_slots(0b101, number, usage_wh, price);
    }

    /// The oracle learns that every slot of the first page used the same in the hour `number` after the start.
    pub fn record_all(&self, number: u64, usage_wh: u16, price: i64) {
        self.record_slots(u64::MAX, number, usage_wh, price);
    }

    fn record_slots(&self, slots: u64, number: u64, usage_wh: u16, price: i64) {
        let env = &self.env;
        let [high, low] = usage_wh.to_be_bytes();
        let mut data = Bytes::from_array(env, &slots.to_be_bytes());
        for _ in 0..slots.count_ones() {
            data.extend_from_array(&[1, high, low]);
        }
        let hour = HourUsage {
            hour: START + number * HOUR,
            tier: 1,
            prices: Vec::from_array(env, [price]),
            pages: Vec::from_array(env, [PageUsage { page: 0, data }]),
        };
        let hours = Vec::from_array(env, [hour]);
        self.oracle
            .update_usage_and_price(&self.admin, &SITE, &hours);
    }

    /// Waits for the end of the hour `number`, records it and schedules its payment.
    pub fn charge(&self, number: u64, usage_wh: u16, price: i64) -> u64 {
        let end = (number + 1) * HOUR;
        if self.now() < START + end {
            self.wait_until(end);
        }
        self.record(number, usage_wh, price);
        self.schedule(number)
    }

    pub fn schedule(&self, number: u64) -> u64 {
        let hour = START + number * HOUR;
        self.scheduler.schedule_payment(&METER_ID, &hour)
    }

    pub fn try_schedule(&self, meter_id: u64, hour: u64) -> Result<u64, soroban_sdk::Error> {
        verdict(self.scheduler.try_schedule_payment(&meter_id, &hour))
    }

    pub fn try_execute(&self, id: u64) -> Result<Status, soroban_sdk::Error> {
        verdict(self.scheduler.try_execute(&id))
    }

    pub fn shown(&self, id: u64) -> ScheduleStatus {
        self.scheduler.get_schedule_status(&id)
    }

    /// Status and reason of a schedule.
    pub fn state(&self, id: u64) -> (Status, Reason) {
        let shown = self.shown(id);
        (shown.status, shown.reason)
    }

    pub fn account(&self) -> Account {
        self.scheduler.get_account(&METER_ID)
    }

    /// What Amina, Juma and the provider hold.
    pub fn holdings(&self) -> [i128; 3] {
        [&self.amina, &self.juma, &self.provider].map(|who| self.token.balance(who))
    }

    /// Names of the scheduler's events in the last call, each with its numbers by name.
    pub fn said(&self) -> std::vec::Vec<(String, std::vec::Vec<(String, i128)>)> {
        let all = self.env.events().all();
        let own = all.filter_by_contract(&self.scheduler.address);
        let named = own.events().iter().map(|event| {
            let ContractEventBody::V0(body) = &event.body;
            let ScVal::Map(Some(data)) = &body.data else {
                panic!("an event's data is a map");
            };
            let numbers = data.iter().filter_map(|entry| {
                let number = number(&entry.val)?;
                Some((name(&entry.key), number))
            });
            (name(&body.topics[0]), numbers.collect())
        });
        named.collect()
    }

    /// Names of the scheduler's events in the last call.
    pub fn said_names(&self) -> std::vec::Vec<String> {
        self.said().into_iter().map(|(name, _)| name).collect()
    }
}

/// The list of an event's numbers, as `said` gives it.
pub fn numbers(list: &[(&str, i128)]) -> std::vec::Vec<(String, i128)> {
    list.iter()
        .map(|(name, number)| ((*name).to_owned(), *number))
        .collect()
}

fn number(value: &ScVal) -> Option<i128> {
    match value {
        ScVal::U32(number) => Some((*number).into()),
        ScVal::U64(number) => Some((*number).into()),
        ScVal::I64(number) => Some((*number).into()),
        _ => None,
    }
}

fn name(value: &ScVal) -> String {
    match value {
        ScVal::Symbol(symbol) => symbol.to_utf8_string_lossy(),
        other => panic!("{other:?} isn't a name"),
    }
}
