//! Every Wh is charged by exactly one of meter, scheduler and invoice, whatever the order of batches, hours and payments.

use proptest::prelude::*;
use soroban_sdk::{Bytes, BytesN, Map, Symbol, TryFromVal, Val, Vec};

use crate::provider::Role::{Gateway, Household};
use crate::provider::{meter_id, Provider, DAY, HOUR, SITE, START};

const RATE: u64 = 1_200_000;
const MODES: [u32; 3] = [PREPAID, STREAMING, POSTPAID];
const PREPAID: u32 = 0;
const STREAMING: u32 = 1;
const POSTPAID: u32 = 2;
const PAID: i64 = 5_000_000;

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_wh_is_charged_by_exactly_one_of_meter_scheduler_and_invoice(
        usage in prop::collection::vec(prop::array::uniform3(0_u16..3_000), 1..6),
        batched_after in prop::collection::vec(any::<bool>(), 6),
        executed in prop::collection::vec(any::<bool>(), 6),
    ) {
        let village = Village::open();
        let mut waiting = [0_u32; 3];
        for (index, hour) in usage.iter().enumerate() {
            village.provider.wait(HOUR);
            village.record(hour);
            for (sum, wh) in waiting.iter_mut().zip(hour) {
                *sum += u32::from(*wh);
            }
            if batched_after[index] || index + 1 == usage.len() {
                village.settle(waiting);
                waiting = [0; 3];
            }
            if executed[index] {
                village.execute_what_is_due();
            }
        }
        for (slot, mode) in MODES.into_iter().enumerate() {
            let used: u64 = usage.iter().map(|hour| u64::from(hour[slot])).sum();
            village.check(slot as u32, mode, used);
        }
    }
}

/// One meter of each mode, all of the same household.
struct Village {
    provider: Provider,
}

impl Village {
    fn open() -> Self {
        let village = Self {
            provider: Provider::open(),
        };
        let p = &village.provider;
        let (gateway, household) = (p.address(Gateway), p.address(Household));
        p.run("meter", "add_site", p.values((SITE, &household)));
        p.run("meter", "allow", p.values((SITE, &gateway)));
        p.run("oracle", "allow", p.values((SITE, &gateway)));
        let rates = Vec::from_array(&p.env, [RATE as i64; 3]);
        p.run(
            "meter",
            "set_price",
            p.values((START - DAY, rates, 0_i64, 0_i64)),
        );
        for (slot, mode) in MODES.into_iter().enumerate() {
            let id = meter_id(slot as u32);
            p.run(
                "meter",
                "register_meter",
                p.values((id, &household, 5_000_u32, mode)),
            );
            let payment = (&household, id, i128::from(PAID), 3_u32);
            p.run("meter", "make_payment", p.values(payment));
        }
        let streaming = (&household, meter_id(STREAMING));
        p.run("scheduler", "subscribe", p.values(streaming));
        let scheduler = p.contract("scheduler");
        let allowance = (&household, scheduler, 2_000_000_i128, 53_000_000_u32);
        p.run("electric", "approve", p.values(allowance));
        village
    }

    /// Tells the oracle of the last hour, also of the meters that it has nothing to do with.
    fn record(&self, hour: &[u16; 3]) {
        let p = &self.provider;
        let mut data = Bytes::from_array(&p.env, &0b111_u64.to_be_bytes());
        for wh in hour {
            data.push_back(1);
            data.extend_from_array(&wh.to_be_bytes());
        }
        let page = p.map(&[("data", p.val(data)), ("page", p.val(0_u32))]);
        let start = p.now() - HOUR;
        let usage = p.map(&[
            ("hour", p.val(start)),
            ("pages", p.val(Vec::<Val>::from_array(&p.env, [page]))),
            ("prices", p.val(Vec::from_array(&p.env, [RATE as i64]))),
            ("tier", p.val(1_u32)),
        ]);
        let hours = Vec::<Val>::from_array(&p.env, [usage]);
        let call = (p.address(Gateway), SITE, hours);
        p.run("oracle", "update_usage_and_price", p.values(call));
        for slot in 0..3 {
            let scheduled = p.refused(
                "scheduler",
                "schedule_payment",
                p.values((meter_id(slot), start)),
            );
            assert_eq!(
                scheduled,
                slot != STREAMING,
                "only what streams is scheduled"
            );
        }
    }

    fn settle(&self, wh: [u32; 3]) {
        let p = &self.provider;
        let last: Option<Map<Symbol, Val>> = p.read("meter", "get_receipt", p.values((SITE,)));
        let (sequence, from) = last.map_or((1, START), |receipt| {
            (
                field::<u64>(p, &receipt, "sequence") + 1,
                field(p, &receipt, "to"),
            )
        });
        let mut data = 0b111_u64.to_be_bytes().to_vec();
        data.push(0b10);
        data.extend(wh.iter().flat_map(|wh| wh.to_be_bytes()));
        let pages = laws::batches::pages(&p.env, &[(0, data)]);
        let writer = BytesN::from_array(&p.env, &[7; 16]);
        let root: Option<BytesN<32>> = None;
        let gateway = p.address(Gateway);
        let batch = (
            gateway,
            SITE,
            writer,
            sequence,
            from,
            p.now(),
            1_u32,
            pages,
            root,
        );
        p.run("meter", "batch_update_usage", p.values(batch));
    }

    fn execute_what_is_due(&self) {
        let p = &self.provider;
        let open: Vec<Map<Symbol, Val>> =
            p.read("scheduler", "get_open", p.values((meter_id(STREAMING),)));
        for schedule in open {
            if field::<u64>(p, &schedule, "due") <= p.now() {
                p.run(
                    "scheduler",
                    "execute",
                    p.values((field::<u64>(p, &schedule, "id"),)),
                );
            }
        }
    }

    /// All that was used is charged, in thousandths of a stroop, and by the one whose business it is.
    fn check(&self, slot: u32, mode: u32, used_wh: u64) {
        let p = &self.provider;
        let meter: Map<Symbol, Val> = p.read("meter", "get_meter", p.values((meter_id(slot),)));
        assert_eq!(
            field::<u64>(p, &meter, "total_wh"),
            used_wh,
            "batches count it all"
        );
        let by_meter = (PAID - field::<i64>(p, &meter, "balance")) as u64 * 1_000
            + u64::from(field::<u32>(p, &meter, "remainder"));
        let by_scheduler = if mode == STREAMING {
            let account: Map<Symbol, Val> =
                p.read("scheduler", "get_account", p.values((meter_id(slot),)));
            let sum: i64 = ["paid", "open", "rolled", "uncollected"]
                .map(|part| field::<i64>(p, &account, part))
                .iter()
                .sum();
            sum as u64 * 1_000 + u64::from(field::<u32>(p, &account, "remainder"))
        } else {
            0
        };
        // An invoice charges what a postpaid meter counted, and nothing else does.
        let by_invoice = if mode == POSTPAID { used_wh * RATE } else { 0 };
        let mut charged = [0; 3];
        charged[mode as usize] = used_wh * RATE;
        assert_eq!([by_meter, by_scheduler, by_invoice], charged, "mode {mode}");
    }
}

fn field<T: TryFromVal<soroban_sdk::Env, Val>>(
    p: &Provider,
    map: &Map<Symbol, Val>,
    name: &str,
) -> T {
    let value = map.get_unchecked(Symbol::new(&p.env, name));
    T::try_from_val(&p.env, &value).unwrap_or_else(|_| panic!("{name} is of another type"))
}
