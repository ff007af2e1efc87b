//! The laws that hold in any order of calls: no token appears or vanishes, every Wh is charged once and to the
//! thousandth of a stroop, and a schedule ends in exactly one final state.

use std::collections::BTreeMap;

use proptest::prelude::*;
use scheduler::types::Status;
use soroban_sdk::Address;

use crate::village::{Village, GRANT, HOUR, METER_ID, START};

/// What anybody may do next. Numbers choose among what is there.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// An hour goes by; it is recorded, and scheduled unless it is left for later.
    Charge {
        wh: u16,
        price: u32,
        later: bool,
    },
    ScheduleAgain(usize),
    Execute(usize),
    HandleShortage(usize),
    HandleRefusal(usize),
    Reschedule(usize),
    Cancel(usize),
    Subscribe(bool),
    Unsubscribe(bool),
    Approve(u64),
    Spend(u64),
    PauseToken(bool),
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let any_id = 0..100_usize;
    let money = 0..30_000_000_000_u64;
    prop_oneof![
        6 => (0..60_000_u16, prop_oneof![0..3_000_u32, any::<u32>()], any::<bool>())
            .prop_map(|(wh, price, later)| Act::Charge { wh, price, later }),
        2 => any_id.clone().prop_map(Act::ScheduleAgain),
        6 => any_id.clone().prop_map(Act::Execute),
        2 => any_id.clone().prop_map(Act::HandleShortage),
        2 => any_id.clone().prop_map(Act::HandleRefusal),
        2 => any_id.clone().prop_map(Act::Reschedule),
        1 => any_id.prop_map(Act::Cancel),
        1 => any::<bool>().prop_map(Act::Subscribe),
        1 => any::<bool>().prop_map(Act::Unsubscribe),
        2 => money.clone().prop_map(Act::Approve),
        1 => money.prop_map(Act::Spend),
        1 => any::<bool>().prop_map(Act::PauseToken),
        3 => prop_oneof![1..3 * HOUR, 20 * HOUR..30 * HOUR].prop_map(Act::Wait),
    ]
}

/// What the tests know by themselves: hours recorded with their exact cost, and the schedules seen.
struct Witness {
    village: Village,
    /// Thousandths of a stroop, by the hour since the start.
    recorded: BTreeMap<u64, u128>,
    scheduled: BTreeMap<u64, u64>,
    ended: BTreeMap<u64, Status>,
}

impl Witness {
    fn of(village: Village) -> Self {
        Self {
            village: village.subscribed(),
            recorded: BTreeMap::new(),
            scheduled: BTreeMap::new(),
            ended: BTreeMap::new(),
        }
    }

    fn act(&mut self, act: Act) {
        let scheduler = &self.village.scheduler;
        let ids: Vec<u64> = self.scheduled.values().copied().collect();
        let pick = |n: usize| {
            if ids.is_empty() {
                0
            } else {
                ids[n % ids.len()]
            }
        };
        // Whether a call is let through is what other tests are about: here it may be refused, and must not do harm.
        match act {
            Act::Charge { wh, price, later } => self.charge(wh, price, later),
            Act::ScheduleAgain(n) => self.schedule_again(n),
            Act::Execute(n) => ignore(scheduler.try_execute(&pick(n))),
            Act::HandleShortage(n) => ignore(scheduler.try_handle_insufficient_funds(&pick(n))),
            Act::HandleRefusal(n) => ignore(scheduler.try_handle_schedule_failure(&pick(n))),
            Act::Reschedule(n) => ignore(scheduler.try_reschedule_expired(&pick(n))),
            Act::Cancel(n) => ignore(scheduler.try_cancel_schedule(self.user(true), &pick(n))),
            Act::Subscribe(who) => ignore(scheduler.try_subscribe(self.user(who), &METER_ID)),
            Act::Unsubscribe(who) => {
                ignore(scheduler.try_cancel_subscription(self.user(who), &METER_ID));
            }
            Act::Approve(amount) => self.village.approve(self.user(true), amount.into()),
            Act::Spend(amount) => {
                let [from, to] = [self.user(true), self.user(false)];
                ignore(self.village.token.try_transfer(from, to, &amount.into()));
            }
            Act::PauseToken(true) => ignore(self.village.electric.try_pause()),
            Act::PauseToken(false) => ignore(self.village.electric.try_unpause()),
            Act::Wait(seconds) => self.village.wait(seconds),
        }
    }

    fn user(&self, first: bool) -> &Address {
        if first {
            &self.village.amina
        } else {
            &self.village.juma
        }
    }

    fn charge(&mut self, wh: u16, price: u32, later: bool) {
        self.village.wait(HOUR);
        let number = (self.village.now() - START) / HOUR - 1;
        if self.recorded.contains_key(&number) {
            return;
        }
        self.village.record(number, wh, price.into());
        self.recorded
            .insert(number, u128::from(wh) * u128::from(price));
        if !later {
            self.schedule(number);
        }
    }

    fn schedule_again(&mut self, n: usize) {
        let hours: Vec<u64> = self.recorded.keys().copied().collect();
        if !hours.is_empty() {
            self.schedule(hours[n % hours.len()]);
        }
    }

    fn schedule(&mut self, number: u64) {
        let Ok(id) = self.village.try_schedule(METER_ID, START + number * HOUR) else {
            return;
        };
        let before = self.scheduled.insert(number, id);
        assert!(
            before.is_none_or(|before| before == id),
            "one id for one hour"
        );
    }

    /// The laws that hold at any moment.
    fn check(&mut self) {
        let holdings = self.village.holdings();
        assert_eq!(holdings.iter().sum::<i128>(), 2 * GRANT);
        let account = self.village.account();
        assert_eq!(
            i128::from(account.paid),
            holdings[2],
            "all that was paid reached the provider"
        );
        let stroops = account.paid + account.open + account.rolled + account.uncollected;
        let held_milli = i128::from(stroops) * 1_000 + i128::from(account.remainder);
        let used_milli: u128 = self.scheduled.keys().map(|hour| self.recorded[hour]).sum();
        assert_eq!(
            held_milli, used_milli as i128,
            "every Wh of a scheduled hour is somewhere, once"
        );
        assert!(account.remainder < 1_000);
        let parts = [
            account.paid,
            account.open,
            account.rolled,
            account.uncollected,
        ];
        assert!(parts.iter().all(|part| *part >= 0));
    }

    /// A schedule that has ended stays in that state for ever.
    fn check_ends(&mut self) {
        for id in self.scheduled.values() {
            let status = self.village.shown(*id).status;
            let is_final = matches!(
                status,
                Status::Executed | Status::PartialPaid | Status::Cancelled
            );
            if let Some(end) = self.ended.get(id) {
                assert_eq!(*end, status);
            } else if is_final {
                self.ended.insert(*id, status);
            }
        }
    }

    /// With money and patience every schedule ends.
    fn bring_to_an_end(&mut self) {
        let village = &self.village;
        ignore(village.electric.try_unpause());
        village.approve(&village.amina, GRANT);
        village.approve(&village.juma, GRANT);
        for _ in 0..4 {
            for id in self.scheduled.values() {
                ignore(village.scheduler.try_reschedule_expired(id));
            }
            village.wait(HOUR);
            for id in self.scheduled.values() {
                ignore(village.scheduler.try_execute(id));
            }
            village.wait(HOUR);
        }
        self.check();
        self.check_ends();
        assert_eq!(self.ended.len(), self.scheduled.len());
        assert!(self.village.scheduler.get_open(&METER_ID).is_empty());
        assert_eq!(self.village.account().open, 0);
    }
}

/// Whatever a call came to.
fn ignore<T>(_: T) {}

fn every_wh_is_charged_once_and_every_schedule_ends_once(acts: &[Act], village: Village) {
    let mut witness = Witness::of(village);
    for (number, act) in acts.iter().enumerate() {
        witness.act(*act);
        witness.check();
        if number % 8 == 7 {
            witness.check_ends();
        }
    }
    witness.bring_to_an_end();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4) })]

    #[test]
    fn every_wh_is_charged_once_and_every_schedule_ends_once_in_rust(acts in proptest::collection::vec(act(), 40)) {
        every_wh_is_charged_once_and_every_schedule_ends_once(&acts, Village::on_rust());
    }

    #[test]
    fn every_wh_is_charged_once_and_every_schedule_ends_once_in_wasm(acts in proptest::collection::vec(act(), 40)) {
        every_wh_is_charged_once_and_every_schedule_ends_once(&acts, Village::on_wasm());
    }
}
