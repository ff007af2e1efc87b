//! Exactly once: the next batch is applied, the last one repeated changes nothing, anything else is refused whole.

use meter::errors::Error;
use meter::types::Plan;
use soroban_sdk::testutils::Address as _;
use soroban_sdk::xdr::ScVal;
use soroban_sdk::{Address, Bytes, BytesN};

use crate::drafts::{standard, Draft};
use crate::village::{assert_refused, Village, HOUR, SITE, START, WRITER};
use crate::wire::{bytes, event, events};

crate::laws!(
    the_first_batch_is_applied_and_its_receipt_is_stored,
    a_receipt_adds_up_what_came_before,
    a_batch_announces_itself,
    a_repeat_returns_the_stored_receipt_and_changes_nothing,
    a_repeat_is_recognised_even_when_time_has_gone_by,
    other_content_under_the_same_sequence_is_refused,
    the_digest_covers_every_field,
    a_sequence_may_not_be_skipped_nor_used_again_later,
    the_first_sequence_is_one,
    another_writer_is_refused,
    a_period_begins_where_the_last_one_ended,
    a_period_lies_on_the_grid_and_not_in_the_future,
    malformed_data_refuses_the_whole_batch,
    pages_are_exact_to_the_byte,
    pages_are_ascending,
    only_signers_of_the_site_may_settle,
    a_batch_without_pages_moves_time_on,
    the_root_is_kept_in_the_receipt,
    sites_settle_independently,
);

fn one_hour(village: &Village) -> Draft {
    village.register(2);
    village.pay(0, 1_000_000, Plan::UsageBased);
    village.wait(HOUR);
    village.next_batch().with(&[(0, standard(250))])
}

fn the_first_batch_is_applied_and_its_receipt_is_stored(village: Village) {
    let draft = one_hour(&village);
    let receipt = village.settle(&draft);
    assert_eq!(village.receipt(), Some(receipt.clone()));
    assert_eq!((receipt.from, receipt.to), (START, START + HOUR));
    assert_eq!((receipt.accepted_wh, receipt.residue_wh), (250, 0));
    assert_eq!((receipt.sequence, receipt.price_version), (1, 1));
    assert_eq!(receipt.closed_at, village.now());
    assert_eq!(receipt.previous_digest.to_array(), [0; 32]);
    let record = village.record(0);
    // 0.25 kWh at 1 200 000 stroops per kWh.
    assert_eq!((record.total_wh, record.balance), (250, 700_000));
    assert_eq!(record.last_read_at, START + HOUR);
    assert_eq!(village.record(1).last_read_at, START);
}

fn a_receipt_adds_up_what_came_before(village: Village) {
    let first = village.settle(&one_hour(&village));
    village.wait(HOUR);
    let second = village.settle(
        &village
            .next_batch()
            .with(&[(1, standard(40)), (9, standard(5))]),
    );
    assert_eq!(second.previous_digest, first.digest);
    assert_eq!((second.accepted_wh, second.residue_wh), (40, 5));
    assert_eq!((second.total_wh, second.total_residue_wh), (290, 5));
}

fn a_batch_announces_itself(village: Village) {
    let receipt = village.settle(&one_hour(&village));
    let said = events(&village);
    let summary = event(
        "batch",
        &[ScVal::U32(SITE)],
        &[
            ("accepted_wh", ScVal::U64(250)),
            ("digest", bytes(&receipt.digest.to_array())),
            ("from", ScVal::U64(START)),
            ("price_version", ScVal::U32(1)),
            ("residue_wh", ScVal::U64(0)),
            ("sequence", ScVal::U64(1)),
            ("to", ScVal::U64(START + HOUR)),
        ],
    );
    assert_eq!(said, [summary]);
}

fn a_repeat_returns_the_stored_receipt_and_changes_nothing(village: Village) {
    let draft = one_hour(&village);
    let receipt = village.settle(&draft);
    let page = village.meter.get_page(&SITE, &0);
    let again = village.settle(&draft);
    assert_eq!(events(&village), []);
    assert_eq!(again, receipt);
    assert_eq!(village.meter.get_page(&SITE, &0), page);
    assert_eq!(village.receipt(), Some(receipt));
}

fn a_repeat_is_recognised_even_when_time_has_gone_by(village: Village) {
    let draft = one_hour(&village);
    let receipt = village.settle(&draft);
    village.wait(150 * 24 * HOUR);
    assert_eq!(village.settle(&draft), receipt);
}

fn other_content_under_the_same_sequence_is_refused(village: Village) {
    let draft = one_hour(&village);
    let receipt = village.settle(&draft);
    let other = Draft {
        pages: vec![],
        ..draft
    }
    .with(&[(0, standard(251))]);
    assert_refused(village.try_settle(&other), Error::SequenceUsed);
    assert_eq!(village.receipt(), Some(receipt));
    assert_eq!(village.record(0).total_wh, 250);
}

fn the_digest_covers_every_field(village: Village) {
    let draft = one_hour(&village);
    village.set_price(village.now() + HOUR, [1, 2, 3]);
    village.settle(&draft);
    let spoilt = [
        Draft {
            writer: [9; 16],
            ..draft.clone()
        },
        Draft {
            from: draft.from - 900,
            ..draft.clone()
        },
        Draft {
            to: draft.to + 900,
            ..draft.clone()
        },
        Draft {
            price_version: 2,
            ..draft.clone()
        },
        Draft {
            root: Some([1; 32]),
            ..draft.clone()
        },
        Draft {
            pages: vec![(1, draft.pages[0].1.clone())],
            ..draft.clone()
        },
        Draft {
            pages: vec![],
            ..draft.clone()
        },
    ];
    for other in spoilt {
        assert_refused(village.try_settle(&other), Error::SequenceUsed);
    }
    // No root and a root of zeros are one and the same.
    let zeros = Draft {
        root: Some([0; 32]),
        ..draft
    };
    assert_eq!(village.settle(&zeros), village.receipt().expect("settled"));
}

fn a_sequence_may_not_be_skipped_nor_used_again_later(village: Village) {
    let first = one_hour(&village);
    village.settle(&first);
    village.wait(HOUR);
    let second = village.next_batch();
    let skipping = Draft {
        sequence: 3,
        ..second.clone()
    };
    assert_refused(village.try_settle(&skipping), Error::SequenceGap);
    village.settle(&second);
    assert_refused(village.try_settle(&first), Error::SequenceGap);
    let huge = Draft {
        sequence: u64::MAX,
        ..second.clone()
    };
    assert_refused(village.try_settle(&huge), Error::SequenceGap);
    let zero = Draft {
        sequence: 0,
        ..second
    };
    assert_refused(village.try_settle(&zero), Error::SequenceGap);
}

fn the_first_sequence_is_one(village: Village) {
    let draft = one_hour(&village);
    for sequence in [0, 2, u64::MAX] {
        let other = Draft {
            sequence,
            ..draft.clone()
        };
        assert_refused(village.try_settle(&other), Error::SequenceGap);
    }
}

fn another_writer_is_refused(village: Village) {
    village.settle(&one_hour(&village));
    village.wait(HOUR);
    let other = Draft {
        writer: [9; 16],
        ..village.next_batch()
    };
    assert_refused(village.try_settle(&other), Error::WrongWriter);
}

fn a_period_begins_where_the_last_one_ended(village: Village) {
    village.settle(&one_hour(&village));
    village.wait(HOUR);
    let next = village.next_batch();
    for from in [next.from - 900, next.from + 900] {
        let other = Draft {
            from,
            ..next.clone()
        };
        assert_refused(village.try_settle(&other), Error::NotContiguous);
    }
}

fn a_period_lies_on_the_grid_and_not_in_the_future(village: Village) {
    let draft = one_hour(&village);
    let (from, to) = (draft.from, draft.to);
    for (from, to) in [(from, from), (to, from), (from + 1, to), (from, to - 1)] {
        let other = Draft {
            from,
            to,
            ..draft.clone()
        };
        assert_refused(village.try_settle(&other), Error::InvalidPeriod);
    }
    let late = Draft {
        to: to + 1_800,
        ..draft.clone()
    };
    assert_refused(village.try_settle(&late), Error::PeriodInFuture);
    let endless = Draft {
        to: u64::MAX / 900 * 900,
        ..draft.clone()
    };
    assert_refused(village.try_settle(&endless), Error::PeriodInFuture);
    // One interval ahead is borne: the gateway's clock and the ledger's needn't agree to the second.
    village.settle(&Draft {
        to: to + 900,
        ..draft
    });
}

fn malformed_data_refuses_the_whole_batch(village: Village) {
    let draft = one_hour(&village);
    let good = draft.pages[0].1.clone();
    let mut unknown_column = good.clone();
    unknown_column[8] |= 1 << 4;
    let spoilt = [
        vec![],
        good[..8].to_vec(),
        good[..good.len() - 1].to_vec(),
        [good.as_slice(), &[0]].concat(),
        [good.as_slice(), &[0; 4]].concat(),
        vec![0; 9],
        unknown_column,
        vec![0xff; 1_034],
        vec![0xff; 5_000],
    ];
    for data in spoilt {
        let other = Draft {
            pages: vec![(0, data)],
            ..draft.clone()
        };
        assert_refused(village.try_settle(&other), Error::InvalidBatchData);
    }
    assert_eq!(village.receipt(), None);
    assert_eq!(village.record(0).total_wh, 0);
}

fn pages_are_exact_to_the_byte(village: Village) {
    let draft = one_hour(&village);
    let good = laws::batches::pages(&village.env, &draft.pages);
    let good: std::vec::Vec<u8> = good.iter().collect();
    let with = |position: usize, value: u8| {
        let mut text = good.clone();
        text[position] = value;
        text
    };
    let spoilt = [
        vec![],
        good[..3].to_vec(),
        good[..11].to_vec(),
        good[..good.len() - 1].to_vec(),
        [good.as_slice(), &[0]].concat(),
        // Fewer pages than there are, more, and a page that is longer than the text.
        with(3, 0),
        with(3, 2),
        with(8, 0xff),
        vec![0; 65_537],
    ];
    for text in spoilt {
        let pages = Bytes::from_slice(&village.env, &text);
        assert_refused(
            village.try_settle_as(&draft, &pages),
            Error::InvalidBatchData,
        );
    }
    assert_eq!(village.receipt(), None);
    village.settle(&draft);
}

fn pages_are_ascending(village: Village) {
    let draft = one_hour(&village);
    let data = draft.pages[0].1.clone();
    for order in [[0, 0], [1, 0], [u32::MAX, u32::MAX]] {
        let pages = order.map(|page| (page, data.clone())).to_vec();
        let other = Draft {
            pages,
            ..draft.clone()
        };
        assert_refused(village.try_settle(&other), Error::InvalidBatchData);
    }
}

fn only_signers_of_the_site_may_settle(village: Village) {
    let draft = one_hour(&village);
    village.meter.add_site(&8, &village.operator);
    let stranger = Address::generate(&village.env);
    village.meter.allow(&8, &stranger);
    let other = Draft {
        signer: Some(stranger),
        ..draft.clone()
    };
    assert_refused(village.try_settle(&other), Error::NotAllowed);
    let nowhere = Draft {
        site: 9,
        ..draft.clone()
    };
    assert_refused(village.try_settle(&nowhere), Error::UnknownSite);
    village.env.set_auths(&[]);
    assert!(village.try_settle(&draft).is_err(), "nobody has signed");
    assert_eq!(village.receipt(), None);
}

fn a_batch_without_pages_moves_time_on(village: Village) {
    village.settle(&one_hour(&village));
    village.wait(HOUR);
    let receipt = village.settle(&village.next_batch());
    assert_eq!((receipt.to, receipt.accepted_wh), (START + 2 * HOUR, 0));
    assert_eq!(village.record(0).last_read_at, START + HOUR);
}

fn the_root_is_kept_in_the_receipt(village: Village) {
    let draft = Draft {
        root: Some([5; 32]),
        ..one_hour(&village)
    };
    let receipt = village.settle(&draft);
    assert_eq!(receipt.root, BytesN::from_array(&village.env, &[5; 32]));
    assert_eq!(receipt.writer.to_array(), WRITER);
}

fn sites_settle_independently(village: Village) {
    let draft = one_hour(&village);
    village.settle(&draft);
    village.meter.add_site(&8, &village.operator);
    village.meter.allow(&8, &village.signer);
    let elsewhere = Draft {
        site: 8,
        writer: [8; 16],
        ..draft
    };
    let receipt = village.settle(&elsewhere);
    assert_eq!((receipt.sequence, receipt.total_wh), (1, 0));
    assert_eq!(receipt.residue_wh, 250, "site 8 has no meters");
    assert_eq!(village.record(0).total_wh, 250);
}
