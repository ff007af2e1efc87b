//! `tests/vectors/page.json`, `batch.json` and `credit.json`: the layouts by example, for programs in other languages.
//!
//! The files are written from the Rust code by `WRITE_VECTORS=1 cargo test -p meter --test vectors`;
//! without it the test tells whether they still say what the code does.

use std::path::PathBuf;

use meter::batch::Batch;
use meter::credit::{self, TopUp};
use meter::digest::{canonical, chained, digest};
use meter::page::Page;
use meter::record::Record;
use meter::types::{Mode, Plan};
use meter::usage::PageData;
use meter::Meter;
use serde_json::{json, Value};
use sha2::{Digest, Sha256};
use soroban_sdk::testutils::{EnvTestConfig, Ledger as _};
use soroban_sdk::{Address, BytesN, Env};

const PASSPHRASE: &str = "Standalone Network ; February 2017";
const CONTRACT: &str = "CCTE366QFR5R7T6X2UQIX22RBSKDMTDXN4TO773VAMLCITNJ5YW2CHUR";
const START: u64 = 1_767_225_600;

#[test]
fn page_vectors_say_what_the_code_does() {
    let records: Vec<Value> = named_records()
        .iter()
        .map(|(name, record)| record_vector(name, record))
        .collect();
    let pages: Vec<Value> = [1, 3].map(page_vector).to_vec();
    compare("page.json", &json!({ "records": records, "pages": pages }));
}

#[test]
fn batch_vectors_say_what_the_code_does() {
    let valid: Vec<Value> = named_usage()
        .iter()
        .map(|(name, data)| usage_vector(name, data))
        .collect();
    let invalid: Vec<Value> = spoilt_usage()
        .iter()
        .map(|(reason, data)| invalid_vector(reason, data))
        .collect();
    let vectors = json!({ "pages": valid, "invalid_pages": invalid, "digests": digest_vectors() });
    compare("batch.json", &vectors);
}

#[test]
fn credit_vectors_say_what_the_code_does() {
    compare("credit.json", &json!({ "digests": credit_vectors() }));
}

fn compare(file: &str, vectors: &Value) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let path = folder.join(file);
    if std::env::var_os("WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(vectors).expect("plain values");
        std::fs::write(&path, text + "\n").expect("tests/vectors can be written");
    }
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let committed: Value = serde_json::from_str(&text).unwrap_or_default();
    let remedy = "is old: run WRITE_VECTORS=1 cargo test -p meter --test vectors";
    assert!(committed == *vectors, "tests/vectors/{file} {remedy}");
}

fn named_records() -> [(&'static str, Record); 5] {
    let fresh = Record::new(Mode::Prepaid, 500, START as u32);
    let mut paid = Record {
        balance: 12_345_678,
        plan: 1,
        paid_from: START as u32,
        paid_until: START as u32 + 86_400,
        ..fresh
    };
    paid.announce(START);
    let mut owing = Record {
        total_wh: 1_234_567,
        balance: -987_654_321,
        remainder: 999,
        plan: 3,
        last_read_at: START as u32 + 900,
        ..fresh
    };
    owing.set_deactivated(true);
    let mut streaming = Record::new(Mode::Streaming, 1, 0);
    streaming.announce(START);
    let extreme = Record {
        total_wh: u64::MAX,
        balance: i64::MIN,
        paid_from: u32::MAX - 1,
        paid_until: u32::MAX,
        last_read_at: u32::MAX,
        market_credit_wh: u32::MAX,
        remainder: 999,
        max_power_10w: u16::MAX,
        plan: 2,
        ..Record::new(Mode::Postpaid, 1, 0)
    };
    [
        ("registered, nothing paid", fresh),
        ("running daily plan with credit", paid),
        ("arrears, deactivated", owing),
        ("streaming, active", streaming),
        ("every field at its limit", extreme),
    ]
}

fn record_vector(name: &str, record: &Record) -> Value {
    let mut bytes = [0; 48];
    record.encode_into(&mut bytes);
    json!({
        "name": name,
        "hex": hex::encode(bytes),
        "total_wh": record.total_wh,
        "balance": record.balance,
        "paid_from": record.paid_from,
        "paid_until": record.paid_until,
        "last_read_at": record.last_read_at,
        "market_credit_wh": record.market_credit_wh,
        "remainder": record.remainder,
        "max_power_w": record.max_power_w(),
        "plan": record.plan,
        "flags": record.flags,
        "mode": record.mode() as u8,
        "deactivated": record.is_deactivated(),
        "version": record.version,
        "active_at": {
            "0": record.is_active(0),
            START.to_string(): record.is_active(START),
            (START + 86_400).to_string(): record.is_active(START + 86_400),
        },
    })
}

fn page_vector(count: usize) -> Value {
    let env = quiet_env();
    let mut page = Page::new();
    for (index, (_, record)) in named_records()[..count].iter().enumerate() {
        page.put(index, record);
    }
    let bytes: Vec<u8> = page.encode(&env).iter().collect();
    json!({ "count": count, "records": "as many of `records`, from the first", "hex": hex::encode(bytes) })
}

fn named_usage() -> [(&'static str, Vec<u8>); 7] {
    let cells = |words: &[u32]| {
        words
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect::<Vec<u8>>()
    };
    let page = |bitmap: u64, mask: u8, words: &[u32]| {
        [&bitmap.to_be_bytes()[..], &[mask], &cells(words)].concat()
    };
    let full: Vec<u32> = (0..320).map(|cell| cell * 1_000 + 7).collect();
    [
        ("one meter, standard tier", page(1, 0b0010, &[250])),
        (
            "three meters, off-peak and peak",
            page(1 << 63 | 1 << 5 | 1, 0b0101, &[10, 20, 30, 40, 50, 60]),
        ),
        (
            "two meters, standard tier and included in a plan",
            page(0b1010, 0b1010, &[1, 0, 0, u32::MAX]),
        ),
        ("two meters that used nothing", page(0b11, 0, &[])),
        (
            "a full page with every column but the market's",
            page(u64::MAX, 0b1111, &full[..256]),
        ),
        (
            "two meters, standard tier and bought on the market",
            page(0b11, 0b1_0010, &[100, 0, 0, 2_500]),
        ),
        (
            "a full page with every column",
            page(u64::MAX, 0b1_1111, &full),
        ),
    ]
}

fn usage_vector(name: &str, data: &[u8]) -> Value {
    let page = PageData::decode(data).expect("the example is valid");
    let usage: Vec<Value> = page
        .iter()
        .map(|(index, usage)| {
            let [off_peak_wh, standard_wh, peak_wh, included_wh, market_wh] = usage.wh;
            json!({
                "index": index,
                "off_peak_wh": off_peak_wh,
                "standard_wh": standard_wh,
                "peak_wh": peak_wh,
                "included_wh": included_wh,
                "market_wh": market_wh,
            })
        })
        .collect();
    json!({ "name": name, "bitmap": page.present(), "columns": data[8], "usage": usage, "hex": hex::encode(data) })
}

fn spoilt_usage() -> [(&'static str, Vec<u8>); 6] {
    let good = named_usage()[0].1.clone();
    let with = |position: usize, value: u8| {
        let mut data = good.clone();
        data[position] = value;
        data
    };
    [
        ("empty", vec![]),
        ("no slot", vec![0; 9]),
        ("an unknown column", with(8, 0b10_0010)),
        ("a cell too few", with(7, 0b11)),
        ("a byte too few", good[..good.len() - 1].to_vec()),
        ("a byte too many", [good.as_slice(), &[0]].concat()),
    ]
}

fn invalid_vector(reason: &str, data: &[u8]) -> Value {
    assert!(
        PageData::decode(data).is_none(),
        "{reason} should be refused"
    );
    json!({ "reason": reason, "hex": hex::encode(data) })
}

/// Two credits in a row: of one top-up, then of three with each plan.
fn credit_vectors() -> Vec<Value> {
    let (env, contract, network) = deployed();
    let top_up = |slot: u64, amount, plan| TopUp {
        meter_id: 7 << 32 | slot,
        amount,
        plan,
    };
    let credits = [
        vec![top_up(0, 1, Plan::UsageBased)],
        vec![
            top_up(0, 5_000_000, Plan::Daily),
            top_up(64, i64::MAX - 20_000_000, Plan::Weekly),
            top_up(65, 12_345_678, Plan::UsageBased),
        ],
    ];
    let mut previous = BytesN::from_array(&env, &[0; 32]);
    let mut vectors = vec![];
    for (number, top_ups) in credits.iter().enumerate() {
        let sequence = number as u64 + 1;
        let plain = top_ups
            .iter()
            .map(|one| (one.meter_id, one.amount, one.plan as u32));
        let list = laws::batches::top_ups(&env, &plain.collect::<Vec<_>>());
        let text = credit::canonical(&env, 7, sequence, &list);
        let next = env.as_contract(&contract, || chained(&env, &previous, &text));
        vectors.push(json!({
            "network_passphrase": PASSPHRASE,
            "network_id": hex::encode(network),
            "contract": CONTRACT,
            "previous_digest": hex::encode(previous.to_array()),
            "site": 7,
            "sequence": sequence,
            "top_ups": top_ups.iter().map(|top_up| json!({
                "meter_id": top_up.meter_id,
                "amount": top_up.amount,
                "plan": top_up.plan as u32,
            })).collect::<Vec<_>>(),
            "canonical": hex::encode(text.iter().collect::<Vec<u8>>()),
            "digest": hex::encode(next.to_array()),
        }));
        previous = next;
    }
    vectors
}

/// An instance at a known address on a known network.
fn deployed() -> (Env, Address, [u8; 32]) {
    let env = quiet_env();
    let network: [u8; 32] = Sha256::digest(PASSPHRASE).into();
    env.ledger().set_network_id(network);
    let contract = Address::from_str(&env, CONTRACT);
    env.register_at(&contract, Meter, (&contract, &contract));
    (env, contract, network)
}

/// Three batches in a row: without pages, with one page, with two pages and a root.
fn digest_vectors() -> Vec<Value> {
    let (env, contract, network) = deployed();
    let [one, two, ..] = named_usage().map(|(_, data)| data);
    let pages = [vec![], vec![(0, one.clone())], vec![(0, two), (3, one)]];
    let mut previous = BytesN::from_array(&env, &[0; 32]);
    let mut vectors = vec![];
    for (number, pages) in pages.iter().enumerate() {
        let batch = batch(&env, number as u64, pages);
        let (text, next) = env.as_contract(&contract, || {
            (canonical(&env, &batch), digest(&env, &previous, &batch))
        });
        vectors.push(json!({
            "network_passphrase": PASSPHRASE,
            "network_id": hex::encode(network),
            "contract": CONTRACT,
            "previous_digest": hex::encode(previous.to_array()),
            "site": batch.site,
            "writer": hex::encode(batch.writer.to_array()),
            "sequence": batch.sequence,
            "from": batch.from,
            "to": batch.to,
            "price_version": batch.price_version,
            "root": (number == 2).then(|| hex::encode(batch.root.to_array())),
            "pages": pages.iter().map(|(page, data)| json!({ "page": page, "data": hex::encode(data) })).collect::<Vec<_>>(),
            "canonical": hex::encode(text.iter().collect::<Vec<u8>>()),
            "digest": hex::encode(next.to_array()),
        }));
        previous = next;
    }
    vectors
}

fn batch(env: &Env, number: u64, pages: &[(u32, Vec<u8>)]) -> Batch {
    let root = if number == 2 { [0x5c; 32] } else { [0; 32] };
    Batch {
        site: 7,
        writer: BytesN::from_array(env, &[0xa1; 16]),
        sequence: number + 1,
        from: START + number * 3_600,
        to: START + (number + 1) * 3_600,
        price_version: 1 + number as u32,
        pages: laws::batches::pages(env, pages),
        root: BytesN::from_array(env, &root),
    }
}

fn quiet_env() -> Env {
    Env::new_with_config(EnvTestConfig {
        capture_snapshot_at_drop: false,
    })
}
