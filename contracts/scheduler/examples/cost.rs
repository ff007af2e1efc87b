//! What hourly payments cost on the real host, one by one and in lists: `cargo run -p scheduler --example cost`.
//!
//! It runs the committed WASM of all four contracts and prints a table. The rates are those that soroban-sdk keeps of
//! the main network; what the host alone doesn't see is reckoned here: the size of the transaction is added.
//! No call measured here needs a signature, so there is no nonce. Nothing is asserted or written.

use scheduler::SchedulerClient;
use soroban_sdk::testutils::{Address as _, EnvTestConfig, Ledger as _};
use soroban_sdk::token::TokenClient;
use soroban_sdk::{contractclient, contracttype, Address, Bytes, Env, String, Vec};

const WASM: &[u8] = include_bytes!("../../wasm/scheduler.wasm");
const METER: &[u8] = include_bytes!("../../wasm/meter.wasm");
const ORACLE: &[u8] = include_bytes!("../../wasm/oracle.wasm");
const ELECTRIC: &[u8] = include_bytes!("../../wasm/electric.wasm");
const START: u64 = 1_767_225_600;
const HOUR: u64 = 3_600;
const LEDGERS_PER_HOUR: u32 = 720;
/// A book is full, and stays as long, after two days.
const HOURS: u64 = 50;
const HOURS_PER_MONTH: i64 = 720;
const FIRST_ID: u64 = 1 << 32;
/// Envelope and the entries that every call touches, in bytes.
const TRANSACTION_BYTES: i64 = 1_200;
/// A meter's entries in the footprint, in bytes: its book; its book and number, and its user's balance and allowance.
const KEYS_BYTES: [i64; 2] = [110, 450];
/// Stroops per KiB of transaction: for its bandwidth and for its place in history.
const PER_TX_KIB: i64 = 406 + 4_059;
const KIB: i64 = 1_024;
const XLM: f64 = 10_000_000.0;

/// The parts of the other contracts that set the stage.
#[contractclient(name = "MeterClient")]
pub trait MeterStage {
    fn add_site(env: Env, site: u32, operator: Address);
    fn register_meter(env: Env, meter_id: u64, owner: Address, max_power_w: u32, mode: u32);
}

#[contractclient(name = "OracleClient")]
pub trait OracleStage {
    fn allow(env: Env, site: u32, writer: Address);
    fn update_usage_and_price(env: Env, writer: Address, site: u32, hours: Vec<HourUsage>);
}

#[contractclient(name = "ElectricClient")]
pub trait ElectricStage {
    fn grant(env: Env, user: Address);
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

fn main() {
    println!("        schedule_payments          execute_all              both, of one meter");
    println!("meters  instructions  stroops      instructions  stroops    stroops  XLM in 30 days");
    for meters in [1, 25] {
        let [opened, paid] = last_hour(meters);
        let each = (opened.1 + paid.1) / i64::from(meters);
        let month = (each * HOURS_PER_MONTH) as f64 / XLM;
        println!(
            "{meters:6}  {:12}  {:7}      {:12}  {:7}    {each:7}  {month:14.2}",
            opened.0, opened.1, paid.0, paid.1
        );
    }
}

/// Lets hours go by until books are full, and tells what the last one's two calls cost: instructions and stroops.
fn last_hour(meters: u32) -> [(i64, i64); 2] {
    let env = ledger();
    let [admin, provider] = [(); 2].map(|()| Address::generate(&env));
    let text = |text: &str| String::from_str(&env, text);
    let named = (&admin, 7_u32, text("Electric"), text("ELECTRIC"));
    let token = env.register(ELECTRIC, named);
    let meter = env.register(METER, (&admin, &token));
    let oracle = env.register(ORACLE, (&admin, &meter));
    let scheduler = env.register(WASM, (&admin, &token, &oracle, &provider));
    let stage = MeterClient::new(&env, &meter);
    stage.add_site(&1, &admin);
    let oracle = OracleClient::new(&env, &oracle);
    oracle.allow(&1, &admin);
    let electric = ElectricClient::new(&env, &token);
    let scheduler = SchedulerClient::new(&env, &scheduler);
    let until = env.ledger().sequence() + 100 * 24 * LEDGERS_PER_HOUR;
    let mut ids = Vec::new(&env);
    for meter_id in FIRST_ID..FIRST_ID + u64::from(meters) {
        let user = Address::generate(&env);
        electric.grant(&user);
        stage.register_meter(&meter_id, &admin, &5_000, &1);
        scheduler.subscribe(&user, &meter_id);
        TokenClient::new(&env, &token).approve(&user, &scheduler.address, &100_000_000_000, &until);
        ids.push_back(meter_id);
    }
    let mut last = [(0, 0); 2];
    for number in 0..HOURS {
        env.ledger().with_mut(|ledger| {
            ledger.timestamp += HOUR;
            ledger.sequence_number += LEDGERS_PER_HOUR;
        });
        let hour = START + number * HOUR;
        oracle.update_usage_and_price(&admin, &1, &usage(&env, hour, meters));
        let opened = scheduler.schedule_payments(&ids, &hour);
        last[0] = cost(&env, KEYS_BYTES[0] * i64::from(meters));
        scheduler.execute_all(&Vec::from_iter(&env, opened.iter().flatten()));
        last[1] = cost(&env, KEYS_BYTES[1] * i64::from(meters));
    }
    last
}

fn ledger() -> Env {
    let env = Env::new_with_config(EnvTestConfig {
        capture_snapshot_at_drop: false,
    });
    env.ledger().with_mut(|ledger| {
        ledger.timestamp = START;
        ledger.sequence_number = 50_000_000;
        ledger.min_persistent_entry_ttl = 2_073_600;
        ledger.max_entry_ttl = 3_110_400;
    });
    env.mock_all_auths();
    env.cost_estimate().budget().reset_unlimited();
    env
}

/// Everyone's hour of 1.2 kWh at 12 ELECTRIC per kWh.
fn usage(env: &Env, hour: u64, meters: u32) -> Vec<HourUsage> {
    let mut data = Bytes::from_array(env, &(u64::MAX >> (64 - meters)).to_be_bytes());
    for _ in 0..meters {
        data.extend_from_array(&[1, 0x04, 0xb0]);
    }
    let hour = HourUsage {
        hour,
        tier: 1,
        prices: Vec::from_array(env, [120_000_000]),
        pages: Vec::from_array(env, [PageUsage { page: 0, data }]),
    };
    Vec::from_array(env, [hour])
}

/// Instructions and stroops of the last call, without rent.
fn cost(env: &Env, keys_bytes: i64) -> (i64, i64) {
    let used = env.cost_estimate().resources();
    let fee = env.cost_estimate().fee();
    let rent = fee.persistent_entry_rent + fee.temporary_entry_rent;
    let size = (TRANSACTION_BYTES + keys_bytes) * PER_TX_KIB / KIB;
    (used.instructions, fee.total - rent + size)
}
