//! What migration promises.

use entries::legacy::LegacyMeter;
use meter::errors::Error;
use meter::types::{MeterRecord, Plan};
use proptest::prelude::*;
use soroban_sdk::xdr::ToXdr;
use soroban_sdk::{Address, BytesN, Env, InvokeError, Symbol};
use upkeep::{UpkeepError, UPGRADE_NOTICE_S};

use crate::instance::{id, Columns, Instance, BATCHED, DAY, ENTRIES, INTERVAL, METER, SINGLE};
use crate::steps::{any_steps, either, Step, BATCHED_METERS, SINGLE_METERS};

const ALL_METERS: u32 = BATCHED_METERS + SINGLE_METERS;

/// Everything that an instance says of its villages, down to the bytes of its pages.
#[derive(Debug, PartialEq)]
struct Account {
    meters: Vec<(MeterRecord, bool, Vec<u8>)>,
    receipt: Vec<u8>,
    pages: Vec<Vec<u8>>,
}

impl Account {
    fn of(instance: &Instance, meters: &[u64], pages: &[(u32, u32)]) -> Self {
        let (env, meter) = (&instance.env, &instance.meter);
        Self {
            meters: meters
                .iter()
                .map(|meter_id| {
                    let owner = meter.get_owner(meter_id).to_xdr(env);
                    let access = meter.check_access(meter_id);
                    (meter.get_meter(meter_id), access, owner.iter().collect())
                })
                .collect(),
            receipt: meter.get_receipt(&BATCHED).to_xdr(env).iter().collect(),
            pages: pages
                .iter()
                .map(|(site, page)| meter.get_page(site, page).iter().collect())
                .collect(),
        }
    }
}

fn is_left(instance: &Instance, meter_id: u64) -> bool {
    instance.env.as_contract(&instance.meter.address, || {
        let key = entry_key(&instance.env, meter_id);
        instance.env.storage().persistent().has(&key)
    })
}

/// Where the earlier layout keeps a meter, written here anew.
fn entry_key(env: &Env, meter_id: u64) -> (Symbol, u64) {
    (Symbol::new(env, "LegacyMeter"), meter_id)
}

fn code<T, C>(answer: Result<Result<T, C>, Result<soroban_sdk::Error, InvokeError>>) -> u32 {
    match answer {
        Err(Ok(error)) => error.get_code(),
        _ => panic!("it should be refused by the contract"),
    }
}

#[test]
fn a_village_of_three_pages_moves_in_place_with_batches_and_payments_arriving_all_the_while() {
    const METERS: u32 = 130;
    let moved = Instance::deployed(ENTRIES, METERS, 1);
    let reference = Instance::deployed(METER, METERS, 1);
    let batch = |instance: &Instance, wh: u32| {
        instance.wait(INTERVAL);
        // At most a hundred at a time: the earlier layout can't take more in one transaction.
        for slots in [0..60, 60..METERS] {
            let usage: Vec<(u32, Columns)> = slots.map(|slot| (slot, [slot, wh, 7, 0])).collect();
            instance.settle(1, &usage);
            instance.wait(INTERVAL);
        }
    };
    let both = [&moved, &reference];
    for instance in both {
        (0..METERS).for_each(|slot| {
            instance.pay(
                id(BATCHED, slot),
                i64::from(slot) * 1_000 + 1,
                Plan::UsageBased,
            );
        });
        batch(instance, 100);
    }
    moved.upgrade(|| moved.wait(UPGRADE_NOTICE_S));
    reference.wait(UPGRADE_NOTICE_S);
    let meters: Vec<u64> = (0..METERS).map(|slot| id(BATCHED, slot)).collect();
    assert!(meters.iter().all(|meter_id| is_left(&moved, *meter_id)));
    for slot in (0..METERS).rev() {
        assert_eq!(moved.meter.migrate_meter(&id(BATCHED, slot)), 1);
        if slot % 40 == 0 {
            both.iter().for_each(|instance| batch(instance, slot));
        }
        // A neighbour, moved or not.
        let neighbour = id(BATCHED, (slot + METERS / 2) % METERS);
        for instance in both {
            instance.pay(neighbour, 77, Plan::UsageBased);
        }
    }
    let pages = [0, 1, 2].map(|page| (BATCHED, page));
    assert_eq!(
        Account::of(&moved, &meters, &pages),
        Account::of(&reference, &meters, &pages)
    );
    assert!(meters.iter().all(|meter_id| !is_left(&moved, *meter_id)));
}

fn after_migration_nothing_tells_that_it_ever_was_otherwise(
    before: &[Step],
    week: &[Step],
    after: &[Step],
    order: &[u32],
) {
    let moved = Instance::deployed(ENTRIES, BATCHED_METERS, SINGLE_METERS);
    let reference = Instance::deployed(METER, BATCHED_METERS, SINGLE_METERS);
    let both = |steps: &[Step]| {
        for step in steps {
            assert_eq!(step.take(&moved), step.take(&reference), "{step:?}");
        }
    };
    both(before);
    moved.upgrade(|| {
        both(week);
        moved.wait(UPGRADE_NOTICE_S);
        reference.wait(UPGRADE_NOTICE_S);
    });
    both(after);
    for _ in 0..2 {
        for meter in order {
            assert_eq!(moved.meter.migrate_meter(&either(*meter)), 1);
        }
    }
    // One last batch: where every meter is an entry, states of meters that weren't read wait for the next reading.
    both(&[Step::Settle(vec![
        Some([1, 1, 1, 0]);
        BATCHED_METERS as usize
    ])]);
    let meters: Vec<u64> = (0..ALL_METERS).map(either).collect();
    let pages = [(BATCHED, 0), (SINGLE, 0)];
    assert_eq!(
        Account::of(&moved, &meters, &pages),
        Account::of(&reference, &meters, &pages)
    );
    assert!(meters.iter().all(|meter_id| !is_left(&moved, *meter_id)));
}

fn old(steps: Vec<Step>) -> Vec<Step> {
    steps.into_iter().filter(Step::is_old).collect()
}

fn any_order() -> impl Strategy<Value = Vec<u32>> {
    Just((0..ALL_METERS).collect::<Vec<_>>()).prop_shuffle()
}

/// What an entry of the earlier layout may hold.
fn any_meter() -> impl Strategy<Value = (MeterRecord, bool)> {
    let money = (any::<i64>(), 0..1_000_u32);
    let energy = (any::<u64>(), any::<u32>(), 1..=65_535_u32);
    let times = (any::<u32>(), any::<u32>(), any::<u32>());
    let kind = (0..3_u32, 0..4_u32, any::<bool>(), any::<bool>());
    (money, energy, times, kind).prop_map(|(money, energy, times, kind)| {
        let record = MeterRecord {
            balance: money.0,
            remainder: money.1,
            total_wh: energy.0,
            market_credit_wh: energy.1,
            max_power_w: energy.2 * 10,
            paid_from: times.0.into(),
            paid_until: times.1.into(),
            last_read_at: times.2.into(),
            mode: kind.0,
            plan: kind.1,
            deactivated: kind.2,
            active: false,
            version: 1,
        };
        (record, kind.3)
    })
}

fn entry_of(record: &MeterRecord, announced: bool, owner: &Address) -> LegacyMeter {
    LegacyMeter {
        active: announced,
        balance: record.balance,
        deactivated: record.deactivated,
        last_read_at: record.last_read_at,
        market_credit_wh: record.market_credit_wh,
        max_power_w: record.max_power_w,
        mode: record.mode,
        owner: owner.clone(),
        paid_from: record.paid_from,
        paid_until: record.paid_until,
        plan: record.plan,
        remainder: record.remainder,
        total_wh: record.total_wh,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn migration_preserves_balances_under_concurrent_usage(
        before in any_steps(),
        week in any_steps(),
        after in any_steps(),
        order in any_order(),
    ) {
        after_migration_nothing_tells_that_it_ever_was_otherwise(
            &old(before), &old(week), &after, &order,
        );
    }

    #[test]
    fn an_entry_of_any_content_keeps_every_field((record, announced) in any_meter()) {
        let moved = Instance::deployed(METER, 0, 0);
        let meter_id = id(BATCHED, 70);
        moved.env.as_contract(&moved.meter.address, || {
            let entry = entry_of(&record, announced, &moved.operator);
            let key = entry_key(&moved.env, meter_id);
            moved.env.storage().persistent().set(&key, &entry);
        });
        let read = moved.meter.get_meter(&meter_id);
        moved.meter.migrate_meter(&meter_id);
        let after = moved.meter.get_meter(&meter_id);
        prop_assert_eq!(&read, &after, "reading and migrating say the same");
        prop_assert_eq!(MeterRecord { active: record.active, ..after }, record);
        prop_assert!(!is_left(&moved, meter_id));
        prop_assert_eq!(moved.meter.get_owner(&meter_id), moved.operator.clone());
        prop_assert_eq!(moved.meter.get_site(&BATCHED).next_slot, 71);
    }
}

#[test]
fn the_upgrade_waits_for_the_announced_code_and_for_its_week() {
    let moved = Instance::deployed(ENTRIES, 1, 0);
    let meter_code = moved.env.deployer().upload_contract_wasm(METER);
    let other_code = BytesN::from_array(&moved.env, &[9; 32]);
    let attempt = |code_hash| code(moved.meter.try_upgrade(code_hash));
    assert_eq!(
        attempt(&meter_code),
        UpkeepError::UpgradeNotAnnounced as u32
    );
    moved.meter.announce_upgrade(&meter_code);
    assert_eq!(
        attempt(&other_code),
        UpkeepError::UpgradeNotAnnounced as u32
    );
    moved.wait(UPGRADE_NOTICE_S - 1);
    assert_eq!(attempt(&meter_code), UpkeepError::UpgradeTooEarly as u32);
    moved.wait(1);
    moved.meter.upgrade(&meter_code);
    assert_eq!(moved.meter.migrate_meter(&id(BATCHED, 0)), 1);
}

#[test]
fn prices_sequence_and_digest_go_on_after_the_upgrade() {
    let moved = Instance::deployed(ENTRIES, 2, 0);
    moved.wait(DAY);
    let first = moved.settle(1, &[(0, [0, 5, 0, 0])]);
    let next_price_at = moved.now() - moved.now() % INTERVAL + UPGRADE_NOTICE_S;
    moved.upgrade(|| {
        assert_eq!(moved.set_price(next_price_at), 2);
        moved.wait(UPGRADE_NOTICE_S);
    });
    let second = moved.settle(1, &[(0, [0, 6, 0, 0]), (1, [0, 7, 0, 0])]);
    assert_eq!(second.sequence, first.sequence + 1);
    assert_eq!(second.previous_digest, first.digest);
    assert_eq!(second.total_wh, 5 + 6 + 7);
    assert_eq!(
        second.residue_wh, 0,
        "a meter that isn't migrated yet is no residue"
    );
    moved.wait(INTERVAL);
    assert_eq!(moved.settle(2, &[(1, [0, 1, 0, 0])]).price_version, 2);
}

#[test]
fn a_meter_that_waits_for_migration_is_registered_and_an_unknown_one_stays_unknown() {
    let moved = Instance::deployed(ENTRIES, 2, 0);
    moved.upgrade(|| moved.wait(UPGRADE_NOTICE_S));
    let waiting = id(BATCHED, 1);
    let again = moved
        .meter
        .try_register_meter(&waiting, &moved.operator, &5_000, &0);
    assert_eq!(code(again), Error::AlreadyRegistered as u32);
    let unknown = moved.meter.try_migrate_meter(&id(BATCHED, 2));
    assert_eq!(code(unknown), Error::UnknownMeter as u32);
    moved.meter.migrate_meter(&waiting);
    // Slot 0 waits still: its place in the page is a hole that nobody takes for a meter.
    assert_eq!(moved.meter.get_meter(&id(BATCHED, 0)).version, 1);
    let next = id(BATCHED, 2);
    moved
        .meter
        .register_meter(&next, &moved.operator, &5_000, &0);
    assert_eq!(moved.meter.get_site(&BATCHED).next_slot, 3);
    moved.meter.migrate_meter(&id(BATCHED, 0));
    assert_eq!(moved.meter.get_usage(&next), 0);
}

#[test]
fn only_the_admin_migrates() {
    let moved = Instance::deployed(ENTRIES, 1, 1);
    moved.upgrade(|| moved.wait(UPGRADE_NOTICE_S));
    moved.env.set_auths(&[]);
    assert!(moved.meter.try_migrate_meter(&id(SINGLE, 0)).is_err());
    moved.env.mock_all_auths();
    moved.meter.migrate_meter(&id(SINGLE, 0));
    let [(signer, _)] = moved.env.auths().try_into().expect("one signature");
    assert_eq!(Some(signer), moved.meter.get_admin());
}
