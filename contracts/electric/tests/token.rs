//! What the token promises, kept by the Rust code and by the committed WASM.

use electric::{Electric, ElectricClient};
use soroban_sdk::testutils::{Address as _, EnvTestConfig, Events as _, Ledger as _};
use soroban_sdk::xdr::{ContractEventBody, ScSymbol, ScVal};
use soroban_sdk::{Address, Env, IntoVal, String, Symbol, Val};
use stellar_contract_utils::pausable::PausableError;
use stellar_tokens::fungible::FungibleTokenError;

const WASM: &[u8] = include_bytes!("../../wasm/electric.wasm");
const ONE: i128 = 10_000_000;

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
    mint.token.pause(&mint.admin);
    assert!(mint.token.paused());
    let paused = soroban_sdk::Error::from_contract_error(PausableError::EnforcedPause as u32);
    let (amina, juma) = (&mint.amina, &mint.juma);
    assert_eq!(refused(mint.token.try_mint(amina, &1)), paused);
    assert_eq!(refused(mint.token.try_transfer(amina, juma, &1)), paused);
    assert_eq!(
        refused(mint.token.try_transfer_from(juma, amina, juma, &1)),
        paused
    );
    assert_eq!(refused(mint.token.try_burn(amina, &1)), paused);
    assert_eq!(refused(mint.token.try_burn_from(juma, amina, &1)), paused);
    mint.token.unpause(&mint.admin);
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
