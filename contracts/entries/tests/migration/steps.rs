//! What may happen to two villages, in any order: the same steps are taken by both instances of a comparison.

use meter::types::Plan;
use proptest::prelude::*;

use crate::instance::{id, Columns, Instance, BATCHED, DAILY, INTERVAL, SINGLE, WEEKLY};

pub const BATCHED_METERS: u32 = 5;
pub const SINGLE_METERS: u32 = 3;

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// A batch of some meters: usage by slot, `None` for one that wasn't read.
    Settle(Vec<Option<Columns>>),
    /// A payment for a meter of either village.
    Pay { meter: u32, amount: i64, plan: Plan },
    /// A report of one meter that goes on from its last.
    Update { slot: u32, wh: u64 },
    /// The admin moves a meter, whether or not there is something to move.
    Migrate { meter: u32 },
    /// Quarters of an hour.
    Wait(u64),
}

impl Step {
    /// Tells whether the earlier layout knows it.
    pub const fn is_old(&self) -> bool {
        !matches!(self, Self::Update { .. } | Self::Migrate { .. })
    }

    /// Takes the step; tells whether it was accepted.
    pub fn take(&self, instance: &Instance) -> bool {
        match self {
            Self::Settle(usage) => settle(instance, usage),
            Self::Pay {
                meter,
                amount,
                plan,
            } => pay(instance, either(*meter), *amount, *plan),
            Self::Update { slot, wh } => {
                let meter_id = id(SINGLE, *slot);
                let total_wh = instance.meter.get_usage(&meter_id) + wh;
                return instance.update(meter_id, total_wh);
            }
            Self::Migrate { meter } => {
                assert_eq!(instance.meter.migrate_meter(&either(*meter)), 1);
            }
            Self::Wait(quarters) => instance.wait(quarters * INTERVAL),
        }
        true
    }
}

/// A plan is for prepaid meters; the others take plain credit.
fn pay(instance: &Instance, meter_id: u64, amount: i64, plan: Plan) {
    let prepaid = instance.meter.get_meter(&meter_id).mode == 0;
    let plan = if prepaid { plan } else { Plan::UsageBased };
    instance.pay(meter_id, amount, plan);
}

fn settle(instance: &Instance, usage: &[Option<Columns>]) {
    instance.wait(INTERVAL);
    let read: Vec<_> = (0..)
        .zip(usage)
        .filter_map(|(slot, wh)| Some((slot, (*wh)?)))
        .collect();
    if !read.is_empty() {
        instance.settle(1, &read);
    }
}

/// The meters of both villages, numbered in one row.
pub const fn either(number: u32) -> u64 {
    if number < BATCHED_METERS {
        id(BATCHED, number)
    } else {
        id(SINGLE, number - BATCHED_METERS)
    }
}

/// Up to 20 steps.
pub fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(any_step(), 0..20)
}

fn any_step() -> impl Strategy<Value = Step> {
    let meter = 0..BATCHED_METERS + SINGLE_METERS;
    // Now and then more than a connection carries, so that residue is compared, too.
    let tier = prop_oneof![9 => 0..400_u32, 1 => Just(2_000)];
    let columns = [tier.clone(), tier.clone(), tier.clone(), tier];
    let read = proptest::option::weighted(0.8, columns);
    let plan = prop_oneof![
        Just(Plan::Daily),
        Just(Plan::Weekly),
        Just(Plan::UsageBased)
    ];
    prop_oneof![
        4 => proptest::collection::vec(read, BATCHED_METERS as usize).prop_map(Step::Settle),
        2 => (meter.clone(), DAILY.max(WEEKLY)..5_000_000, plan)
            .prop_map(|(meter, amount, plan)| Step::Pay { meter, amount, plan }),
        3 => (0..SINGLE_METERS, 0..2_000_u64).prop_map(|(slot, wh)| Step::Update { slot, wh }),
        3 => meter.prop_map(|meter| Step::Migrate { meter }),
        2 => (1..48_u64).prop_map(Step::Wait),
    ]
}
