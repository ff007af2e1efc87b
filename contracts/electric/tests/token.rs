//! What the token promises, kept by the Rust code and by the committed WASM.

use electric::errors::Error;
use electric::grant::{Key, GRANT};
use electric::{Electric, ElectricClient};
use soroban_sdk::testutils::storage::{Instance as _, Persistent as _};
use soroban_sdk::testutils::{
    Address as _, Deployer as _, EnvTestConfig, Events as _, Ledger as _,
};
use soroban_sdk::xdr::{ContractEventBody, ScSymbol, ScVal};
use soroban_sdk::{Address, BytesN, Env, IntoVal, String, Symbol, Val};
use stellar_contract_utils::pausable::PausableError;
use stellar_tokens::fungible::FungibleTokenError;

const WASM: &[u8] = include_bytes!("../../wasm/electric.wasm");
const ONE: i128 = 10_000_000;
const LEDGERS_PER_DAY: u32 = 17_280;
/// The network's longest life of an entry: 180 days.
const LONGEST: u32 = 180 * LEDGERS_PER_DAY;

struct Mint {
    env: Env,
    token: ElectricClient<'static>,
    admin: Address,
    amina: Address,
    juma: Address,
}

impl Mint {
    fn with(deploy: impl FnOnce(&Env, (&Address, u32, String, String)) -> Address) -> Self {
        let env = Env::new_with_config(EnvTestConfig {
            capture_snapshot_at_drop: false,
        });
        env.ledger().with_mut(|ledger| {
            ledger.sequence_number = 50_000_000;
            ledger.min_persistent_entry_ttl = 120 * LEDGERS_PER_DAY;
            ledger.max_entry_ttl = LONGEST;
        });
        env.mock_all_auths();
        let [admin, amina, juma] = [(); 3].map(|()| Address::generate(&env));
        let text = |text: &str| String::from_str(&env, text);
        let arguments = (&admin, 7, text("Electric"), text("ELECTRIC"));
        let token = ElectricClient::new(&env, &deploy(&env, arguments));
        Self {
            env,
            token,
            admin,
            amina,
            juma,
        }
    }

    fn wait_days(&self, days: u32) {
        self.env.ledger().with_mut(|ledger| {
            ledger.sequence_number += days * LEDGERS_PER_DAY;
            ledger.timestamp += u64::from(days) * 86_400;
        });
    }

    /// Ledgers that the instance and the code still live.
    fn lives(&self) -> [u32; 2] {
        let instance = || self.env.storage().instance().get_ttl();
        let code = self
            .env
            .deployer()
            .get_contract_code_ttl(&self.token.address);
        [self.env.as_contract(&self.token.address, instance), code]
    }

    fn balances(&self) -> [i128; 2] {
        [&self.amina, &self.juma].map(|who| self.token.balance(who))
    }
}

macro_rules! laws {
    ($($law:ident),+ $(,)?) => {
        mod rust {
            $(#[test] fn $law() { super::$law(super::Mint::with(|env, with| env.register(super::Electric, with))); })+
        }
        mod wasm {
            $(#[test] fn $law() { super::$law(super::Mint::with(|env, with| env.register(super::WASM, with))); })+
        }
    };
}

laws!(
    it_tells_what_it_is,
    only_the_admin_mints,
    every_user_is_granted_ten_thousand_once,
    a_grant_is_announced,
    only_the_admin_grants,
    a_grant_is_remembered_after_half_a_year,
    only_the_admin_pauses_and_upgrades,
    anyone_may_keep_the_token_alive,
    a_token_left_for_170_days_works,
    tokens_move_and_are_announced,
    an_allowance_is_spent_once_and_expires,
    negative_and_uncovered_amounts_are_refused,
    burnt_tokens_are_gone,
    a_paused_token_stands_still,
    it_can_not_be_initialised_again,
    the_administration_changes_hands_in_two_steps,
);

fn refused<T: core::fmt::Debug, C: core::fmt::Debug>(
    answer: Result<Result<T, C>, Result<soroban_sdk::Error, soroban_sdk::InvokeError>>,
) -> soroban_sdk::Error {
    let error = answer.expect_err("it should be refused");
    error.expect("the contract should refuse it, not break down")
}

fn fungible(error: FungibleTokenError) -> soroban_sdk::Error {
    soroban_sdk::Error::from_contract_error(error as u32)
}

fn it_tells_what_it_is(mint: Mint) {
    assert_eq!(mint.token.decimals(), 7);
    assert_eq!(mint.token.name(), String::from_str(&mint.env, "Electric"));
    assert_eq!(mint.token.symbol(), String::from_str(&mint.env, "ELECTRIC"));
}

fn only_the_admin_mints(mint: Mint) {
    mint.token.mint(&mint.amina, &ONE);
    let signed: Vec<_> = mint.env.auths().into_iter().map(|(who, _)| who).collect();
    assert_eq!(signed, std::slice::from_ref(&mint.admin));
    mint.env.set_auths(&[]);
    assert!(
        mint.token.try_mint(&mint.amina, &ONE).is_err(),
        "nobody has signed"
    );
    assert_eq!(mint.balances(), [ONE, 0]);
}

fn every_user_is_granted_ten_thousand_once(mint: Mint) {
    mint.token.grant(&mint.amina);
    let again = refused(mint.token.try_grant(&mint.amina));
    let expected = soroban_sdk::Error::from_contract_error(Error::AlreadyGranted as u32);
    assert_eq!(again, expected);
    let granted = [&mint.amina, &mint.juma].map(|who| mint.token.is_granted(who));
    assert_eq!(granted, [true, false]);
    mint.token.transfer(&mint.amina, &mint.juma, &GRANT);
    assert_eq!(
        refused(mint.token.try_grant(&mint.amina)),
        expected,
        "also when it is spent"
    );
    mint.token.grant(&mint.juma);
    assert_eq!(mint.balances(), [0, 2 * GRANT]);
    assert_eq!(GRANT, 10_000 * ONE);
}

fn a_grant_is_announced(mint: Mint) {
    mint.token.grant(&mint.amina);
    let said = mint.env.events().all();
    let names: Vec<ScVal> = said
        .events()
        .iter()
        .map(|event| {
            let ContractEventBody::V0(body) = &event.body;
            assert_eq!(body.topics[1], ScVal::Address((&mint.amina).into()));
            body.topics[0].clone()
        })
        .collect();
    let name = |text: &str| ScVal::Symbol(ScSymbol(text.try_into().expect("short enough")));
    assert_eq!(names, [name("mint"), name("granted")]);
}

fn only_the_admin_grants(mint: Mint) {
    mint.token.grant(&mint.amina);
    let signed: Vec<_> = mint.env.auths().into_iter().map(|(who, _)| who).collect();
    assert_eq!(signed, std::slice::from_ref(&mint.admin));
    mint.env.set_auths(&[]);
    assert!(mint.token.try_grant(&mint.juma).is_err());
    assert!(!mint.token.is_granted(&mint.juma));
}

fn a_grant_is_remembered_after_half_a_year(mint: Mint) {
    mint.token.grant(&mint.amina);
    let life = || {
        let key = Key::Granted(mint.amina.clone());
        mint.env.storage().persistent().get_ttl(&key)
    };
    assert_eq!(mint.env.as_contract(&mint.token.address, life), LONGEST - 1);
    mint.wait_days(170);
    assert!(mint.token.is_granted(&mint.amina));
    assert!(mint.token.try_grant(&mint.amina).is_err());
}

fn only_the_admin_pauses_and_upgrades(mint: Mint) {
    mint.env.set_auths(&[]);
    let hash = BytesN::from_array(&mint.env, &[1; 32]);
    assert!(mint.token.try_pause().is_err());
    assert!(mint.token.try_unpause().is_err());
    assert!(mint.token.try_announce_upgrade(&hash).is_err());
    assert!(mint.token.try_withdraw_upgrade().is_err());
    assert!(mint.token.try_upgrade(&hash).is_err());
    assert!(mint
        .token
        .try_transfer_admin_role(&mint.juma, &50_000_100)
        .is_err());
    assert!(!mint.token.paused());
    assert_eq!(mint.token.get_upgrade(), None);
}

fn anyone_may_keep_the_token_alive(mint: Mint) {
    assert_eq!(
        mint.lives(),
        [LONGEST - 1; 2],
        "deployed for the longest life"
    );
    mint.wait_days(100);
    mint.env.set_auths(&[]);
    mint.token.extend();
    assert_eq!(mint.lives(), [LONGEST - 1; 2]);
}

fn a_token_left_for_170_days_works(mint: Mint) {
    mint.token.grant(&mint.amina);
    mint.wait_days(170);
    mint.token.transfer(&mint.amina, &mint.juma, &ONE);
    assert_eq!(mint.balances(), [GRANT - ONE, ONE]);
}

fn tokens_move_and_are_announced(mint: Mint) {
    mint.token.mint(&mint.amina, &(3 * ONE));
    mint.token.transfer(&mint.amina, &mint.juma, &ONE);
    let said = mint.env.events().all();
    let ContractEventBody::V0(event) = &said.events()[0].body;
    let name = ScVal::Symbol(ScSymbol("transfer".try_into().expect("short enough")));
    let people = [&mint.amina, &mint.juma].map(|who| ScVal::Address(who.into()));
    assert_eq!(event.topics.to_vec(), [&[name][..], &people].concat());
    assert_eq!(event.data, ONE.into());
    assert_eq!(mint.balances(), [2 * ONE, ONE]);
}

fn an_allowance_is_spent_once_and_expires(mint: Mint) {
    let scheduler = Address::generate(&mint.env);
    mint.token.mint(&mint.amina, &(3 * ONE));
    let until = mint.env.ledger().sequence() + 10;
    mint.token.approve(&mint.amina, &scheduler, &ONE, &until);
    mint.token
        .transfer_from(&scheduler, &mint.amina, &mint.juma, &(ONE - 1));
    let again = mint
        .token
        .try_transfer_from(&scheduler, &mint.amina, &mint.juma, &2);
    assert_eq!(
        refused(again),
        fungible(FungibleTokenError::InsufficientAllowance)
    );
    mint.env
        .ledger()
        .with_mut(|ledger| ledger.sequence_number = until + 1);
    assert_eq!(mint.token.allowance(&mint.amina, &scheduler), 0);
    assert_eq!(mint.balances(), [2 * ONE + 1, ONE - 1]);
}

fn negative_and_uncovered_amounts_are_refused(mint: Mint) {
    mint.token.mint(&mint.amina, &ONE);
    let transfer = |amount| refused(mint.token.try_transfer(&mint.amina, &mint.juma, &amount));
    for amount in [-1, i128::MIN] {
        assert_eq!(transfer(amount), fungible(FungibleTokenError::LessThanZero));
        let minted = mint.token.try_mint(&mint.juma, &amount);
        assert_eq!(refused(minted), fungible(FungibleTokenError::LessThanZero));
    }
    assert_eq!(
        transfer(ONE + 1),
        fungible(FungibleTokenError::InsufficientBalance)
    );
    assert_eq!(mint.balances(), [ONE, 0]);
}

fn burnt_tokens_are_gone(mint: Mint) {
    mint.token.mint(&mint.amina, &ONE);
    mint.token.burn(&mint.amina, &(ONE - 1));
    assert_eq!(mint.balances(), [1, 0]);
}

fn a_paused_token_stands_still(mint: Mint) {
    mint.token.mint(&mint.amina, &ONE);
    mint.token.pause();
    assert!(mint.token.paused());
    let paused = soroban_sdk::Error::from_contract_error(PausableError::EnforcedPause as u32);
    let (amina, juma) = (&mint.amina, &mint.juma);
    assert_eq!(refused(mint.token.try_mint(amina, &1)), paused);
    assert_eq!(refused(mint.token.try_grant(juma)), paused);
    assert_eq!(refused(mint.token.try_transfer(amina, juma, &1)), paused);
    assert_eq!(
        refused(mint.token.try_transfer_from(juma, amina, juma, &1)),
        paused
    );
    assert_eq!(refused(mint.token.try_burn(amina, &1)), paused);
    assert_eq!(refused(mint.token.try_burn_from(juma, amina, &1)), paused);
    mint.token.unpause();
    mint.token.transfer(amina, juma, &ONE);
    assert_eq!(mint.balances(), [0, ONE]);
}

fn it_can_not_be_initialised_again(mint: Mint) {
    let text: Val = String::from_str(&mint.env, "Mine").into_val(&mint.env);
    let arguments = [mint.juma.into_val(&mint.env), 7_u32.into(), text, text];
    let arguments = soroban_sdk::Vec::from_array(&mint.env, arguments);
    let name = Symbol::new(&mint.env, "__constructor");
    let answer = mint.env.try_invoke_contract::<Val, soroban_sdk::Error>(
        &mint.token.address,
        &name,
        arguments,
    );
    assert!(answer.is_err());
    assert_eq!(mint.token.get_admin(), Some(mint.admin));
}

fn the_administration_changes_hands_in_two_steps(mint: Mint) {
    let until = mint.env.ledger().sequence() + 10;
    mint.token.transfer_admin_role(&mint.juma, &until);
    assert_eq!(mint.token.get_admin(), Some(mint.admin.clone()));
    mint.token.accept_admin_transfer();
    assert_eq!(mint.token.get_admin(), Some(mint.juma));
}
