//! What an hourly call costs on the real host, and the rent of the week behind it: `cargo run -p oracle --example cost`.
//!
//! It runs the committed WASM of oracle and meter and prints two tables. The rates are those that soroban-sdk keeps of
//! the main network; what the host alone doesn't see is reckoned here: the size of the transaction is added, the nonce
//! is taken off, because a gateway signs as the transaction's source. Nothing is asserted or written.

use oracle::types::{HourUsage, PageUsage};
use oracle::OracleClient;
use soroban_sdk::testutils::{Address as _, EnvTestConfig, Ledger as _};
use soroban_sdk::xdr::ToXdr;
use soroban_sdk::{contractclient, Address, Bytes, Env, Vec};

const WASM: &[u8] = include_bytes!("../../wasm/oracle.wasm");
const METER: &[u8] = include_bytes!("../../wasm/meter.wasm");
const START: u64 = 1_767_225_600;
const HOUR: u64 = 3_600;
const LEDGERS_PER_HOUR: u32 = 720;
const HOURS_PER_MONTH: i64 = 720;
const WEEK: u32 = 168;
const SITE: u32 = 1;
/// Envelope and authorisation around the arguments, in bytes.
const ENVELOPE_BYTES: i64 = 500;
/// One key of the footprint, in bytes; a call touches an entry per page and the meter's, and five others.
const KEY_BYTES: i64 = 100;
const OTHER_KEYS: i64 = 5;
/// Stroops per KiB of transaction: for its bandwidth and for its place in history.
const PER_TX_KIB: i64 = 406 + 4_059;
/// Stroops for the nonce entry of a mocked signature: one entry and 88 bytes written, without its rent.
const NONCE: i64 = 1_563 + 2_500 + 88 * 875 / KIB;
const KIB: i64 = 1_024;
const XLM: f64 = 10_000_000.0;

/// The part of the meter contract that sets the stage.
#[contractclient(name = "MeterClient")]
pub trait MeterStage {
    fn add_site(env: Env, site: u32, operator: Address);
    fn register_meter(env: Env, meter_id: u64, owner: Address, max_power_w: u32, mode: u32);
}

/// Stroops of one call.
struct Cost {
    instructions: i64,
    written: u32,
    fee: i64,
    rent: i64,
}

fn main() {
    println!("meters  instructions  written B  stroops a call  XLM in 30 days");
    for meters in [1, 10, 25, 50, 64, 100, 200, 400] {
        let mut village = Village::of(meters);
        village.record();
        let Cost {
            instructions,
            written,
            fee,
            ..
        } = village.record();
        let month = (fee * HOURS_PER_MONTH) as f64 / XLM;
        println!("{meters:6}  {instructions:12}  {written:9}  {fee:14}  {month:14.2}");
    }
    println!(
        "\nrent    first week, which buys 180 days    then in 30 days    of which the first call"
    );
    for meters in [64, 100] {
        let mut village = Village::of(meters);
        let first = village.record().rent;
        let week: i64 = (1..WEEK).map(|_| village.record().rent).sum();
        // Four weeks and two days, when every entry has been renewed several times.
        let month: i64 = (0..HOURS_PER_MONTH).map(|_| village.record().rent).sum();
        let [first, week, month] = [first, first + week, month].map(|rent| rent as f64 / XLM);
        println!("{meters:6}  {week:32.2}  {month:17.2}  {first:25.2}");
    }
}

struct Village {
    env: Env,
    oracle: OracleClient<'static>,
    writer: Address,
    meters: u32,
    hour: u64,
    /// Rent of a mocked signature's nonce, in stroops.
    nonce_rent: i64,
}

impl Village {
    fn of(meters: u32) -> Self {
        let env = Env::new_with_config(EnvTestConfig {
            capture_snapshot_at_drop: false,
        });
        env.ledger().with_mut(|ledger| {
            ledger.timestamp = START;
            ledger.sequence_number = 50_000_000;
            ledger.min_persistent_entry_ttl = 2_073_600;
            ledger.min_temp_entry_ttl = 17_280;
            ledger.max_entry_ttl = 3_110_400;
        });
        env.mock_all_auths();
        env.cost_estimate().budget().reset_unlimited();
        let [admin, writer] = [(); 2].map(|()| Address::generate(&env));
        let meter = env.register(METER, (&admin, &admin));
        let stage = MeterClient::new(&env, &meter);
        stage.add_site(&SITE, &admin);
        for slot in 0..meters {
            let id = u64::from(SITE) << 32 | u64::from(slot);
            stage.register_meter(&id, &admin, &5_000, &1);
        }
        let oracle = OracleClient::new(&env, &env.register(WASM, (&admin, &meter)));
        oracle.allow(&SITE, &writer);
        let mut village = Self {
            env,
            oracle,
            writer,
            meters,
            hour: START,
            nonce_rent: 0,
        };
        village.record();
        village
            .oracle
            .update_usage_and_price(&village.writer, &SITE, &village.usage());
        village.nonce_rent = village.env.cost_estimate().fee().temporary_entry_rent;
        village
    }

    /// Records the next hour, in which everyone used something, some above the surcharge's limit.
    fn record(&mut self) -> Cost {
        self.hour += HOUR;
        self.env.ledger().with_mut(|ledger| {
            ledger.timestamp += HOUR;
            ledger.sequence_number += LEDGERS_PER_HOUR;
        });
        let hours = self.usage();
        self.oracle
            .update_usage_and_price(&self.writer, &SITE, &hours);
        let fee = self.env.cost_estimate().fee();
        let used = self.env.cost_estimate().resources();
        let rent = fee.persistent_entry_rent + fee.temporary_entry_rent;
        let pages = i64::from(self.meters.div_ceil(64));
        let keys = (2 * pages + OTHER_KEYS) * KEY_BYTES;
        let sent = ENVELOPE_BYTES + keys + i64::from(hours.to_xdr(&self.env).len());
        Cost {
            instructions: used.instructions,
            written: used.write_bytes,
            fee: fee.total - rent - NONCE + sent * PER_TX_KIB / KIB,
            rent: rent - self.nonce_rent,
        }
    }

    fn usage(&self) -> Vec<HourUsage> {
        let mut pages = Vec::new(&self.env);
        for page in 0..self.meters.div_ceil(64) {
            let count = (self.meters - page * 64).min(64);
            let mut data = Bytes::from_array(&self.env, &(u64::MAX >> (64 - count)).to_be_bytes());
            for slot in 0..count {
                let [high, low] = (500 + 60 * slot as u16).to_be_bytes();
                data.extend_from_array(&[1 + u8::from(slot > 58), high, low]);
            }
            pages.push_back(PageUsage { page, data });
        }
        let hour = HourUsage {
            hour: self.hour - HOUR,
            tier: 1,
            prices: Vec::from_array(&self.env, [1_200_000, 1_400_000]),
            pages,
        };
        Vec::from_array(&self.env, [hour])
    }
}
