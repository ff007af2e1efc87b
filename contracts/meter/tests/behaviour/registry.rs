//! Meters are registered in order, once, by the admin; their ids say where they live.

use meter::errors::Error;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::xdr::ScVal;
use soroban_sdk::Address;

use crate::drafts::standard;
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
    an_unused_site_can_be_removed,
    a_site_that_was_used_stays,
    an_operator_is_replaced_and_owns_what_nobody_else_does,
    an_owner_is_replaced,
    the_greatest_power_is_changed_and_bounds_usage,
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

fn an_unused_site_can_be_removed(village: Village) {
    village.meter.add_site(&9, &village.operator);
    village.meter.allow(&9, &village.signer);
    village.meter.remove_site(&9);
    assert_eq!(
        events(&village),
        [event("site_removed", &[ScVal::U32(9)], &[])]
    );
    assert_refused(verdict(village.meter.try_get_site(&9)), Error::UnknownSite);
    assert_refused(
        verdict(village.meter.try_remove_site(&9)),
        Error::UnknownSite,
    );
    village.meter.add_site(&9, &village.operator);
    assert_eq!(village.meter.get_site(&9).signers.len(), 0);
}

fn a_site_that_was_used_stays(village: Village) {
    let remove = |site: u32| verdict(village.meter.try_remove_site(&site));
    village.meter.add_site(&9, &village.operator);
    village.meter.fund_float(&village.payer, &9, &5);
    assert_refused(remove(9), Error::SiteNotEmpty);
    village.wait(HOUR);
    village.settle(&village.next_batch());
    assert_refused(remove(SITE), Error::SiteNotEmpty);
    village.meter.add_site(&10, &village.operator);
    village
        .meter
        .register_meter(&(10 << 32), &village.operator, &100, &0);
    assert_refused(remove(10), Error::SiteNotEmpty);
}

fn an_operator_is_replaced_and_owns_what_nobody_else_does(village: Village) {
    let [household, next] = [(); 2].map(|()| Address::generate(&village.env));
    village.register(1);
    village
        .meter
        .register_meter(&meter_id(1), &household, &100, &0);
    village.meter.set_operator(&SITE, &next);
    let said = event("site", &[ScVal::U32(SITE)], &[("operator", address(&next))]);
    assert_eq!(events(&village), [said]);
    let owners = [0, 1].map(|slot| village.meter.get_owner(&meter_id(slot)));
    assert_eq!(owners, [next, household]);
    let site = village.meter.get_site(&SITE);
    assert_eq!((site.next_slot, site.signers.len()), (2, 1));
    let unknown = village.meter.try_set_operator(&99, &village.operator);
    assert_refused(verdict(unknown), Error::UnknownSite);
}

fn an_owner_is_replaced(village: Village) {
    let household = Address::generate(&village.env);
    village.register(1);
    village.meter.set_owner(&meter_id(0), &household);
    let topics = [ScVal::U64(meter_id(0))];
    let said = event("owner", &topics, &[("owner", address(&household))]);
    assert_eq!(events(&village), [said]);
    assert_eq!(village.meter.get_owner(&meter_id(0)), household);
    village.meter.set_owner(&meter_id(0), &village.operator);
    assert_eq!(village.meter.get_owner(&meter_id(0)), village.operator);
    let unknown = village.meter.try_set_owner(&meter_id(1), &household);
    assert_refused(verdict(unknown), Error::UnknownMeter);
}

fn the_greatest_power_is_changed_and_bounds_usage(village: Village) {
    village.register(1);
    village.meter.set_max_power(&meter_id(0), &999);
    let topics = [ScVal::U64(meter_id(0))];
    let said = event("max_power", &topics, &[("max_power_w", ScVal::U32(999))]);
    assert_eq!(events(&village), [said]);
    assert_eq!(village.record(0).max_power_w, 1_000);
    village.wait(HOUR);
    let receipt = village.settle(&village.next_batch().with(&[(0, standard(1_002))]));
    assert_eq!(receipt.residue_wh, 1_002);
    for watts in [0, 655_351, u32::MAX] {
        let answer = village.meter.try_set_max_power(&meter_id(0), &watts);
        assert_refused(verdict(answer), Error::InvalidMaxPower);
    }
    let unknown = village.meter.try_set_max_power(&meter_id(1), &10);
    assert_refused(verdict(unknown), Error::UnknownMeter);
}
