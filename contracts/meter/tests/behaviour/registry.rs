//! Meters are registered in order, once, by the admin; their ids say where they live.

use meter::errors::Error;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::xdr::ScVal;
use soroban_sdk::Address;

use crate::village::{assert_refused, meter_id, verdict, Village, HOUR, MAX_POWER_W, SITE, START};
use crate::wire::{address, event, events};

crate::laws!(
    a_new_record_is_empty,
    slots_are_handed_out_in_order_and_never_again,
    a_page_grows_by_one_record_at_a_time,
    the_sixty_fifth_meter_opens_a_page,
    a_site_comes_first_and_only_once,
    power_is_kept_in_units_of_ten_watts_rounded_up,
    an_impossible_meter_is_refused,
    registration_is_announced,
    only_another_owner_than_the_operator_is_stored,
    what_does_not_exist_says_so,
);

fn a_new_record_is_empty(village: Village) {
    village.wait(HOUR + 899);
    village.register(1);
    let record = village.record(0);
    assert_eq!(
        (record.total_wh, record.balance, record.remainder),
        (0, 0, 0)
    );
    assert_eq!((record.paid_from, record.paid_until), (0, 0));
    assert_eq!(record.last_read_at, START + HOUR);
    assert_eq!(
        (record.max_power_w, record.plan, record.mode),
        (MAX_POWER_W, 0, 0)
    );
    assert_eq!((record.version, record.market_credit_wh), (1, 0));
    assert!(!record.deactivated && !record.active);
    assert_eq!(village.meter.get_usage(&meter_id(0)), 0);
}

fn register(village: &Village, id: u64, watts: u32, mode: u32) -> Result<(), soroban_sdk::Error> {
    let owner = &village.operator;
    verdict(village.meter.try_register_meter(&id, owner, &watts, &mode))
}

fn slots_are_handed_out_in_order_and_never_again(village: Village) {
    village.register(2);
    assert_refused(
        register(&village, meter_id(0), 100, 0),
        Error::AlreadyRegistered,
    );
    assert_refused(
        register(&village, meter_id(1), 100, 0),
        Error::AlreadyRegistered,
    );
    assert_refused(
        register(&village, meter_id(3), 100, 0),
        Error::SlotOutOfOrder,
    );
    assert_refused(
        register(&village, meter_id(u32::MAX), 100, 0),
        Error::SlotOutOfOrder,
    );
    assert_eq!(register(&village, meter_id(2), 100, 0), Ok(()));
    assert_eq!(village.meter.get_site(&SITE).next_slot, 3);
}

fn a_page_grows_by_one_record_at_a_time(village: Village) {
    for count in 1..=3_u8 {
        village.register(1);
        let page = village
            .meter
            .get_page(&SITE, &0)
            .iter()
            .collect::<Vec<u8>>();
        assert_eq!(page.len(), 8 + 48 * usize::from(count));
        assert_eq!(page[..8], [1, 48, count, 0, 0, 0, 0, 0]);
    }
}

fn the_sixty_fifth_meter_opens_a_page(village: Village) {
    village.register(65);
    assert_eq!(village.meter.get_page(&SITE, &0).len(), 8 + 64 * 48);
    assert_eq!(village.meter.get_page(&SITE, &1).len(), 8 + 48);
    assert_eq!(village.record(64).max_power_w, MAX_POWER_W);
}

fn a_site_comes_first_and_only_once(village: Village) {
    assert_refused(register(&village, 99 << 32, 100, 0), Error::UnknownSite);
    let again = verdict(village.meter.try_add_site(&SITE, &village.operator));
    assert_refused(again, Error::SiteExists);
    let site = village.meter.get_site(&SITE);
    assert_eq!((site.operator, site.next_slot), (village.operator, 0));
}

fn power_is_kept_in_units_of_ten_watts_rounded_up(village: Village) {
    for (slot, (watts, kept)) in [(1, 10), (10, 10), (11, 20), (655_350, 655_350)]
        .iter()
        .enumerate()
    {
        let slot = slot as u32;
        assert_eq!(register(&village, meter_id(slot), *watts, 0), Ok(()));
        assert_eq!(village.record(slot).max_power_w, *kept);
    }
}

fn an_impossible_meter_is_refused(village: Village) {
    for watts in [0, 655_351, u32::MAX] {
        assert_refused(
            register(&village, meter_id(0), watts, 0),
            Error::InvalidMaxPower,
        );
    }
    for mode in [3, u32::MAX] {
        assert_refused(
            register(&village, meter_id(0), 100, mode),
            Error::InvalidMode,
        );
    }
}

fn registration_is_announced(village: Village) {
    village.register_as(2);
    let said = events(&village);
    let expected = event(
        "registered",
        &[ScVal::U64(meter_id(0))],
        &[
            ("max_power_w", ScVal::U32(MAX_POWER_W)),
            ("mode", ScVal::U32(2)),
            ("owner", address(&village.operator)),
        ],
    );
    assert_eq!(said, [expected]);
}

fn only_another_owner_than_the_operator_is_stored(village: Village) {
    let household = Address::generate(&village.env);
    village.register(1);
    village
        .meter
        .register_meter(&meter_id(1), &household, &100, &0);
    assert_eq!(village.meter.get_owner(&meter_id(0)), village.operator);
    assert_eq!(village.meter.get_owner(&meter_id(1)), household);
    let stored = [0, 1].map(|slot| {
        let key = meter::storage::Key::Owner(meter_id(slot));
        village.env.as_contract(&village.meter.address, || {
            village.env.storage().persistent().has(&key)
        })
    });
    assert_eq!(stored, [false, true]);
}

fn what_does_not_exist_says_so(village: Village) {
    village.register(1);
    let (contract, unknown) = (&village.meter, meter_id(1));
    assert_refused(
        verdict(contract.try_get_meter(&unknown)),
        Error::UnknownMeter,
    );
    assert_refused(
        verdict(contract.try_get_usage(&(99 << 32))),
        Error::UnknownMeter,
    );
    assert_refused(
        verdict(contract.try_check_access(&unknown)),
        Error::UnknownMeter,
    );
    assert_refused(
        verdict(contract.try_get_owner(&unknown)),
        Error::UnknownMeter,
    );
    assert_refused(
        verdict(contract.try_deactivate_meter(&unknown)),
        Error::UnknownMeter,
    );
    assert_refused(
        verdict(contract.try_get_page(&SITE, &1)),
        Error::UnknownPage,
    );
    assert_refused(verdict(contract.try_get_site(&99)), Error::UnknownSite);
    assert_refused(
        verdict(contract.try_get_price(&9)),
        Error::UnknownPriceVersion,
    );
    assert_eq!(contract.get_receipt(&SITE), None);
}
