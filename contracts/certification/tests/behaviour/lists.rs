//! Lists for the screens: nobody is missing, nobody is there twice, and no answer grows too long.

use certification::errors::Error;
use certification::types::Action;
use soroban_sdk::Address;

use crate::office::{assert_refused, verdict, Office};

crate::laws!(
    the_queue_holds_the_open_applications_and_no_others,
    a_gap_in_the_queue_is_filled_by_the_last,
    a_producer_is_listed_once_for_ever,
    lists_are_read_in_pages,
    a_page_has_one_to_fifty_rows,
);

fn queue(office: &Office) -> Vec<Address> {
    let rows = office.contract.get_applications(&0, &50);
    for (place, row) in (0..).zip(rows.iter()) {
        assert_eq!(row.place, place, "each knows its place");
        let own = office.contract.get_application(&row.producer);
        assert_eq!(own, Some(row));
    }
    rows.iter().map(|row| row.producer).collect()
}

fn the_queue_holds_the_open_applications_and_no_others(office: Office) {
    let people = [(); 4].map(|()| office.newcomer());
    people.iter().for_each(|who| office.apply(who));
    assert_eq!(queue(&office), people);
    office.certify(&people[3]);
    office.contract.withdraw_application(&people[2]);
    let why = office.text("because");
    office
        .contract
        .reject_application(&office.certifier, &people[1], &why);
    assert_eq!(queue(&office), people[..1]);
    office.certify(&people[0]);
    assert_eq!(queue(&office), []);
    office.apply(&people[3]);
    assert_eq!(
        queue(&office),
        people[3..],
        "a change is decided like a beginning"
    );
}

fn a_gap_in_the_queue_is_filled_by_the_last(office: Office) {
    let [a, b, c] = [(); 3].map(|()| office.newcomer());
    for who in [&a, &b, &c] {
        office.apply(who);
    }
    office.certify(&a);
    assert_eq!(queue(&office), [c.clone(), b.clone()]);
    office.certify(&c);
    assert_eq!(queue(&office), [b]);
}

fn a_producer_is_listed_once_for_ever(office: Office) {
    let other = office.newcomer();
    office.apply(&office.producer);
    office.apply(&other);
    office.contract.withdraw_application(&office.producer);
    let office = office.certified();
    office.revoke("because");
    let rows = office.contract.get_producers(&0, &50);
    let listed: Vec<_> = rows.iter().map(|row| row.producer).collect();
    assert_eq!(listed, [office.producer.clone(), other]);
    assert_eq!(rows.get_unchecked(0), office.certificate());
}

fn lists_are_read_in_pages(office: Office) {
    let people: Vec<_> = (0..5).map(|_| office.newcomer()).collect();
    people.iter().for_each(|who| office.apply(who));
    let contract = &office.contract;
    for (offset, limit, expected) in [
        (0, 2, &people[..2]),
        (2, 2, &people[2..4]),
        (4, 2, &people[4..]),
        (5, 50, &[]),
        (u32::MAX, 50, &[]),
    ] {
        let rows = contract.get_producers(&offset, &limit);
        let page: Vec<_> = rows.iter().map(|row| row.producer).collect();
        assert_eq!(page, expected, "from {offset}");
        let rows = contract.get_applications(&offset, &limit);
        let page: Vec<_> = rows.iter().map(|row| row.producer).collect();
        assert_eq!(page, expected, "from {offset}");
    }
    office.certify(&people[0]);
    let line = contract.get_audit(&people[0], &1, &1);
    let actions: Vec<_> = line.iter().map(|entry| entry.action).collect();
    assert_eq!(actions, [Action::Certified]);
    assert_eq!(contract.get_audit(&people[0], &2, &50).len(), 0);
}

fn a_page_has_one_to_fifty_rows(office: Office) {
    office.apply(&office.producer);
    let (contract, producer) = (&office.contract, &office.producer);
    for limit in [0, 51, u32::MAX] {
        let error = Error::InvalidLimit;
        assert_refused(verdict(contract.try_get_producers(&0, &limit)), error);
        assert_refused(verdict(contract.try_get_applications(&0, &limit)), error);
        assert_refused(verdict(contract.try_get_audit(producer, &0, &limit)), error);
        assert_refused(verdict(contract.try_extend(&0, &limit)), error);
        assert_refused(
            verdict(contract.try_extend_audit(producer, &0, &limit)),
            error,
        );
    }
    assert_eq!(contract.get_producers(&0, &50).len(), 1);
}
