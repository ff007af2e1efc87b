//! What an hourly batch costs on the real host: `cargo run -p meter --example cost`.
//!
//! It runs the committed WASM and prints a table. The rates are those that soroban-sdk keeps of the main network;
//! what the host alone doesn't see is reckoned here: the size of the transaction and the returned receipt are added,
//! the nonce is taken off, because a gateway signs as the transaction's source. Nothing is asserted or written.

use meter::types::Plan;
use meter::MeterClient;
use soroban_sdk::testutils::{Address as _, EnvTestConfig, Ledger as _};
use soroban_sdk::token::StellarAssetClient;
use soroban_sdk::xdr::ToXdr;
use soroban_sdk::{Address, Bytes, BytesN, Env, Vec};

const WASM: &[u8] = include_bytes!("../../wasm/meter.wasm");
const START: u64 = 1_767_225_600;
const HOUR: u64 = 3_600;
const SITE: u32 = 1;
/// Envelope, footprint and authorisation around the arguments, in bytes.
const ENVELOPE_BYTES: i64 = 900;
/// Stroops per KiB of transaction: for its bandwidth and for its place in history.
const PER_TX_KIB: i64 = 406 + 4_059;
/// Stroops per KiB of events and returned value.
const PER_EVENT_KIB: i64 = 5_000;
/// Stroops for the nonce entry of a mocked signature: one entry and 88 bytes written.
const NONCE: i64 = 1_563 + 2_500 + 88 * 875 / KIB;
const KIB: i64 = 1_024;

fn main() {
    println!("meters  instructions  written B  events B  returned B  arguments B  stroops");
    for meters in [1, 10, 25, 50, 64, 100, 200, 400] {
        print_row(meters);
    }
}

fn print_row(meters: u32) {
    let (env, contract, signer) = village(meters);
    settle(&env, &contract, &signer, meters, 1);
    // The second batch is like all later ones: it creates nothing and renews nothing.
    let (sent, returned) = settle(&env, &contract, &signer, meters, 2);
    let used = env.cost_estimate().resources();
    let fee = env.cost_estimate().fee();
    let metered = fee.total - fee.temporary_entry_rent - NONCE;
    let size = (ENVELOPE_BYTES + sent) * PER_TX_KIB / KIB + returned * PER_EVENT_KIB / KIB;
    println!(
        "{meters:6}  {:12}  {:9}  {:8}  {returned:10}  {sent:11}  {:7}",
        used.instructions,
        used.write_bytes,
        used.contract_events_size_bytes,
        metered + size,
    );
}

fn village(meters: u32) -> (Env, MeterClient<'static>, Address) {
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
    let [admin, signer, payer] = [(); 3].map(|()| Address::generate(&env));
    let token = env
        .register_stellar_asset_contract_v2(admin.clone())
        .address();
    StellarAssetClient::new(&env, &token).mint(&payer, &i128::from(i64::MAX));
    let contract = MeterClient::new(&env, &env.register(WASM, (&admin, &token)));
    contract.add_site(&SITE, &admin);
    contract.allow(&SITE, &signer);
    let energy = Vec::from_array(&env, [960_001, 1_200_007, 1_800_003]);
    contract.set_price(&START, &energy, &5_000_000, &30_000_000);
    for slot in 0..meters {
        let id = u64::from(SITE) << 32 | u64::from(slot);
        contract.register_meter(&id, &admin, &5_000, &0);
        contract.make_payment(&payer, &id, &1_000_000_000, &Plan::UsageBased);
    }
    (env, contract, signer)
}

/// Settles one hour, in which every meter used the standard tier; returns the bytes of the pages and of the receipt.
fn settle(
    env: &Env,
    contract: &MeterClient,
    signer: &Address,
    meters: u32,
    sequence: u64,
) -> (i64, i64) {
    env.ledger().with_mut(|ledger| {
        ledger.timestamp += HOUR;
        ledger.sequence_number += 720;
    });
    let pages = pages(env, meters);
    let from = START + (sequence - 1) * HOUR;
    let receipt = contract.batch_update_usage(
        signer,
        &SITE,
        &BytesN::from_array(env, &[1; 16]),
        &sequence,
        &from,
        &(from + HOUR),
        &1,
        &pages,
        &Some(BytesN::from_array(env, &[2; 32])),
    );
    let size = |bytes: Bytes| i64::from(bytes.len());
    (size(pages.to_xdr(env)), size(receipt.to_xdr(env)))
}

fn pages(env: &Env, meters: u32) -> Bytes {
    let mut text = Bytes::from_array(env, &meters.div_ceil(64).to_be_bytes());
    for page in 0..meters.div_ceil(64) {
        let count = (meters - page * 64).min(64);
        text.extend_from_array(&page.to_be_bytes());
        text.extend_from_array(&(9 + 4 * count).to_be_bytes());
        text.extend_from_array(&(u64::MAX >> (64 - count)).to_be_bytes());
        text.push_back(0b10);
        for slot in 0..count {
            text.extend_from_array(&(300 + slot).to_be_bytes());
        }
    }
    text
}
