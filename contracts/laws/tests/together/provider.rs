//! A provider with all its contracts, one village, and somebody in every role.

use laws::fresh_ledger;
pub use laws::START;
use soroban_sdk::testutils::{Address as _, Ledger as _};
use soroban_sdk::{Address, Env, IntoVal, Symbol, TryFromVal, Val, Vec};

const CERTIFICATION: &[u8] = include_bytes!("../../../wasm/certification.wasm");
const ELECTRIC: &[u8] = include_bytes!("../../../wasm/electric.wasm");
const MARKET: &[u8] = include_bytes!("../../../wasm/market.wasm");
const METER: &[u8] = include_bytes!("../../../wasm/meter.wasm");
const ORACLE: &[u8] = include_bytes!("../../../wasm/oracle.wasm");
const SCHEDULER: &[u8] = include_bytes!("../../../wasm/scheduler.wasm");

/// Every contract by the name of its crate.
pub const CONTRACTS: [(&str, &[u8]); 6] = [
    ("certification", CERTIFICATION),
    ("electric", ELECTRIC),
    ("market", MARKET),
    ("meter", METER),
    ("oracle", ORACLE),
    ("scheduler", SCHEDULER),
];

pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 86_400;
pub const SITE: u32 = 7;

/// Somebody, and what they may do by what the contracts were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Admin,
    /// Runs the village.
    Operator,
    /// The gateway's key: settles, reports exported energy, writes to the oracle.
    Gateway,
    Certifier,
    /// Sells energy.
    Producer,
    /// Buys energy, subscribes, pays.
    Household,
    /// The market contract, when it isn't the one that calls.
    Market,
    Stranger,
}

impl Role {
    pub const ALL: [Self; 8] = [
        Self::Admin,
        Self::Operator,
        Self::Gateway,
        Self::Certifier,
        Self::Producer,
        Self::Household,
        Self::Market,
        Self::Stranger,
    ];
}

pub struct Provider {
    pub env: Env,
    contracts: [Address; CONTRACTS.len()],
    people: [Address; Role::ALL.len()],
}

impl Provider {
    /// Deploys every contract and gives everybody money; nothing else is set.
    pub fn open() -> Self {
        let env = fresh_ledger();
        env.mock_all_auths();
        let people = Role::ALL.map(|_| Address::generate(&env));
        let admin = &people[Role::Admin as usize];
        let electric = env.register(ELECTRIC, (admin, 7_u32, text(&env), text(&env)));
        let meter = env.register(METER, (admin, &electric));
        let certification = env.register(CERTIFICATION, (admin, &electric));
        let market = env.register(MARKET, (admin, &electric, &certification, &meter));
        let oracle = env.register(ORACLE, (admin, &meter));
        let operator = &people[Role::Operator as usize];
        let scheduler = env.register(SCHEDULER, (admin, &electric, &oracle, operator));
        let provider = Self {
            contracts: [certification, electric, market, meter, oracle, scheduler],
            env,
            people,
        };
        for role in Role::ALL {
            let arguments = provider.values((provider.address(role), 1_000_000_000_000_i128));
            provider.run("electric", "mint", arguments);
        }
        provider
    }

    pub fn contract(&self, name: &str) -> Address {
        let index = CONTRACTS.iter().position(|(known, _)| *known == name);
        self.contracts[index.expect("one of the contracts")].clone()
    }

    pub fn address(&self, role: Role) -> Address {
        self.people[role as usize].clone()
    }

    /// Everybody's prepaid meter; the streaming one is eight slots on.
    pub fn slot_of(&self, who: &Address) -> u32 {
        let index = self.people.iter().position(|address| address == who);
        index.expect("somebody of the village") as u32
    }

    pub fn values<T>(&self, arguments: T) -> Vec<Val>
    where
        T: IntoVal<Env, Vec<Val>>,
    {
        arguments.into_val(&self.env)
    }

    /// Calls what must succeed, with every signature granted.
    pub fn run(&self, contract: &str, function: &str, arguments: Vec<Val>) -> Val {
        self.env.mock_all_auths();
        let name = Symbol::new(&self.env, function);
        self.env
            .invoke_contract(&self.contract(contract), &name, arguments)
    }

    /// Calls what only reads, and returns its answer; the signatures that are granted stay as they are.
    pub fn read<T: TryFromVal<Env, Val>>(
        &self,
        contract: &str,
        function: &str,
        arguments: Vec<Val>,
    ) -> T {
        let name = Symbol::new(&self.env, function);
        let value: Val = self
            .env
            .invoke_contract(&self.contract(contract), &name, arguments);
        T::try_from_val(&self.env, &value)
            .unwrap_or_else(|_| panic!("{function} answers otherwise"))
    }

    /// Calls what may be refused, with every signature granted, and tells whether it was.
    pub fn refused(&self, contract: &str, function: &str, arguments: Vec<Val>) -> bool {
        self.env.mock_all_auths();
        let name = Symbol::new(&self.env, function);
        let answer = self.env.try_invoke_contract::<Val, soroban_sdk::Error>(
            &self.contract(contract),
            &name,
            arguments,
        );
        answer.is_err()
    }

    /// A struct of the ABI: a map from names to values.
    pub fn map(&self, fields: &[(&str, Val)]) -> Val {
        let mut map = soroban_sdk::Map::<Symbol, Val>::new(&self.env);
        for (name, value) in fields {
            map.set(Symbol::new(&self.env, name), *value);
        }
        map.into_val(&self.env)
    }

    pub fn val<T: IntoVal<Env, Val>>(&self, value: T) -> Val {
        value.into_val(&self.env)
    }

    pub fn now(&self) -> u64 {
        self.env.ledger().timestamp()
    }

    pub fn wait(&self, seconds: u64) {
        self.env.ledger().with_mut(|ledger| {
            ledger.timestamp += seconds;
            ledger.sequence_number += (seconds / 5) as u32;
        });
    }
}

pub const fn meter_id(slot: u32) -> u64 {
    (SITE as u64) << 32 | slot as u64
}

fn text(env: &Env) -> soroban_sdk::String {
    soroban_sdk::String::from_str(env, "ELECTRIC")
}
