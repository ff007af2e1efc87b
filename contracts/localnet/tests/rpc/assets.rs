//! Issued assets: trusted, paid, frozen, and seen through their contract.

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use serde_json::Value;
use soroban_env_host::xdr::*;

use super::contracts::{address, call, host_function};
use super::support::*;

/// An issuer, a holder who trusts it up to 1 000, and one who doesn't.
struct Village {
    net: Net,
    issuer: SigningKey,
    holder: SigningKey,
    stranger: SigningKey,
}

fn village() -> Village {
    let net = Net::manual();
    let (issuer, holder, stranger) = (net.account(1), net.account(2), net.account(3));
    let village = Village {
        net,
        issuer,
        holder,
        stranger,
    };
    village.apply(&village.holder, village.trust(1_000));
    village
}

impl Village {
    fn asset(&self) -> Asset {
        Asset::CreditAlphanum4(AlphaNum4 {
            asset_code: AssetCode4(*b"KWH\0"),
            issuer: account_id(&self.issuer),
        })
    }

    fn trust(&self, limit: i64) -> OperationBody {
        let Asset::CreditAlphanum4(credit) = self.asset() else {
            panic!("a short code");
        };
        OperationBody::ChangeTrust(ChangeTrustOp {
            line: ChangeTrustAsset::CreditAlphanum4(credit),
            limit,
        })
    }

    fn pay(&self, to: &SigningKey, amount: i64) -> OperationBody {
        OperationBody::Payment(PaymentOp {
            destination: muxed(to),
            asset: self.asset(),
            amount,
        })
    }

    fn flags(&self, clear: u32, set: u32) -> OperationBody {
        OperationBody::SetTrustLineFlags(SetTrustLineFlagsOp {
            trustor: account_id(&self.holder),
            asset: self.asset(),
            clear_flags: clear,
            set_flags: set,
        })
    }

    /// Carries out one operation of `key`; returns its code, as XDR names it.
    fn apply(&self, key: &SigningKey, body: OperationBody) -> String {
        let answer = self.net.apply(self.net.transaction(key, vec![body]), key);
        code(&answer)
    }

    fn refuse(&self, key: &SigningKey, body: OperationBody) -> TransactionResultResult {
        let transaction = self.net.transaction(key, vec![body]);
        self.net.refused(transaction, &[key]).result
    }

    /// Carries out a payment or a call if it can be; tells whether it was.
    fn try_apply(&self, key: &SigningKey, body: OperationBody) -> bool {
        let transaction = match body {
            OperationBody::InvokeHostFunction(_) => {
                let simulated = self
                    .net
                    .simulate(&self.net.transaction(key, vec![body.clone()]));
                if simulated.get("error").is_some() {
                    return false;
                }
                self.net.prepare(key, body)
            }
            body => self.net.transaction(key, vec![body]),
        };
        self.net.apply(transaction, key)["status"] == "SUCCESS"
    }

    fn line(&self) -> Option<TrustLineEntry> {
        self.line_of(&self.holder)
    }

    fn line_of(&self, key: &SigningKey) -> Option<TrustLineEntry> {
        let key = LedgerKey::Trustline(LedgerKeyTrustLine {
            account_id: account_id(key),
            asset: match self.asset() {
                Asset::CreditAlphanum4(credit) => TrustLineAsset::CreditAlphanum4(credit),
                other => panic!("{other:?}"),
            },
        });
        match from_base64(&self.net.entry(&key)?["xdr"]) {
            LedgerEntryData::Trustline(line) => Some(line),
            other => panic!("{other:?}"),
        }
    }

    fn balance(&self) -> i64 {
        self.line().unwrap().balance
    }

    /// Deploys the asset's own contract.
    fn contract(&self) -> ContractId {
        let create = HostFunction::CreateContract(CreateContractArgs {
            contract_id_preimage: ContractIdPreimage::Asset(self.asset()),
            executable: ContractExecutable::StellarAsset,
        });
        match self.net.run(&self.stranger, host_function(create)) {
            ScVal::Address(ScAddress::Contract(id)) => id,
            other => panic!("{other:?}"),
        }
    }

    /// Lets the issuer take back what it lets others hold.
    fn make_revocable(&self) {
        let options = SetOptionsOp {
            set_flags: Some(0xA),
            ..no_options()
        };
        self.apply(&self.issuer, OperationBody::SetOptions(options));
    }
}

fn no_options() -> SetOptionsOp {
    SetOptionsOp {
        inflation_dest: None,
        clear_flags: None,
        set_flags: None,
        master_weight: None,
        low_threshold: None,
        med_threshold: None,
        high_threshold: None,
        home_domain: None,
        signer: None,
    }
}

fn code(answer: &Value) -> String {
    let results = match result(answer).result {
        TransactionResultResult::TxSuccess(results)
        | TransactionResultResult::TxFailed(results) => results,
        other => panic!("{other:?}"),
    };
    match &results[0] {
        OperationResult::OpInner(OperationResultTr::Payment(code)) => code.name(),
        OperationResult::OpInner(OperationResultTr::ChangeTrust(code)) => code.name(),
        OperationResult::OpInner(OperationResultTr::SetTrustLineFlags(code)) => code.name(),
        OperationResult::OpInner(OperationResultTr::SetOptions(code)) => code.name(),
        other => panic!("{other:?}"),
    }
    .to_owned()
}

fn amount(value: i64) -> ScVal {
    ScVal::I128(Int128Parts {
        hi: value >> 63,
        lo: value as u64,
    })
}

#[test]
fn what_an_issuer_pays_comes_into_existence_and_what_it_gets_back_goes_out_of_it() {
    let all = village();
    assert_eq!(all.apply(&all.issuer, all.pay(&all.holder, 400)), "Success");
    assert_eq!(all.balance(), 400);
    assert_eq!(all.apply(&all.holder, all.pay(&all.issuer, 150)), "Success");
    assert_eq!(all.balance(), 250);
}

#[test]
fn a_payment_that_cannot_be_made_is_refused_with_the_networks_own_code() {
    let all = village();
    all.apply(&all.issuer, all.pay(&all.holder, 400));
    let nobody = SigningKey::from_bytes(&[77; 32]);
    for (from, to, units, expected) in [
        (&all.issuer, &all.stranger, 1, "NoTrust"),
        (&all.issuer, &nobody, 1, "NoDestination"),
        (&all.issuer, &all.holder, 601, "LineFull"),
        (&all.holder, &all.issuer, 401, "Underfunded"),
        (&all.stranger, &all.issuer, 1, "SrcNoTrust"),
    ] {
        assert_eq!(all.apply(from, all.pay(to, units)), expected);
    }
    assert_eq!(all.balance(), 400);
}

#[test]
fn a_line_of_trust_costs_reserve_and_gives_it_back_when_it_is_closed() {
    let all = village();
    assert_eq!(all.net.account_entry(&all.holder).num_sub_entries, 1);
    all.apply(&all.issuer, all.pay(&all.holder, 1));
    assert_eq!(all.apply(&all.holder, all.trust(0)), "InvalidLimit");
    all.apply(&all.holder, all.pay(&all.issuer, 1));
    assert_eq!(all.apply(&all.holder, all.trust(0)), "Success");
    assert_eq!(all.line(), None);
    assert_eq!(all.net.account_entry(&all.holder).num_sub_entries, 0);
    let reserve = 10_000_000;
    let spare = all.net.account_entry(&all.holder).balance - reserve - 200;
    all.net.apply(
        all.net
            .transaction(&all.holder, vec![payment(&all.issuer, spare)]),
        &all.holder,
    );
    assert_eq!(all.apply(&all.holder, all.trust(5)), "LowReserve");
}

#[test]
fn trust_that_makes_no_sense_is_malformed_and_costs_nothing() {
    let all = village();
    let native = OperationBody::ChangeTrust(ChangeTrustOp {
        line: ChangeTrustAsset::Native,
        limit: 1,
    });
    let malformed =
        OperationResult::OpInner(OperationResultTr::ChangeTrust(ChangeTrustResult::Malformed));
    let expected = TransactionResultResult::TxFailed(vec![malformed].try_into().unwrap());
    for (key, body) in [
        (&all.holder, all.trust(-1)),
        (&all.issuer, all.trust(1)),
        (&all.holder, native),
    ] {
        assert_eq!(all.refuse(key, body), expected);
    }
}

#[test]
fn an_issuer_that_may_revoke_freezes_a_holder_and_frees_it_again() {
    let all = village();
    all.apply(&all.issuer, all.pay(&all.holder, 10));
    assert_eq!(all.apply(&all.issuer, all.flags(1, 0)), "CantRevoke");
    all.make_revocable();
    assert_eq!(all.apply(&all.issuer, all.flags(1, 0)), "Success");
    let back = all.pay(&all.issuer, 1);
    assert_eq!(all.apply(&all.holder, back.clone()), "SrcNotAuthorized");
    let more = all.pay(&all.holder, 1);
    assert_eq!(all.apply(&all.issuer, more), "NotAuthorized");
    assert_eq!(all.apply(&all.issuer, all.flags(0, 1)), "Success");
    assert_eq!(all.apply(&all.holder, back), "Success");
}

#[test]
fn flags_of_an_issuer_follow_the_networks_rules() {
    let all = village();
    let options = |clear, set| {
        OperationBody::SetOptions(SetOptionsOp {
            clear_flags: clear,
            set_flags: set,
            ..no_options()
        })
    };
    let needs_revocable = all.apply(&all.issuer, options(None, Some(8)));
    assert_eq!(needs_revocable, "AuthRevocableRequired");
    assert_eq!(all.apply(&all.issuer, options(None, Some(4))), "Success");
    assert_eq!(all.apply(&all.issuer, options(None, Some(2))), "CantChange");
    let weight = OperationBody::SetOptions(SetOptionsOp {
        master_weight: Some(0),
        ..no_options()
    });
    let unsupported = vec![OperationResult::OpNotSupported].try_into().unwrap();
    let expected = TransactionResultResult::TxFailed(unsupported);
    assert_eq!(all.refuse(&all.issuer, weight), expected);
}

#[test]
fn the_assets_contract_has_the_same_balances_as_the_lines_of_trust() {
    let all = village();
    all.apply(&all.issuer, all.pay(&all.holder, 300));
    let contract = all.contract();
    let balance = |key: &SigningKey| {
        let args = vec![ScVal::Address(address(key))];
        all.net.run(&all.stranger, call(&contract, "balance", args))
    };
    assert_eq!(balance(&all.holder), amount(300));
    let mint = vec![ScVal::Address(address(&all.holder)), amount(50)];
    all.net.run(&all.issuer, call(&contract, "mint", mint));
    assert_eq!((all.balance(), balance(&all.holder)), (350, amount(350)));
    let args = vec![
        ScVal::Address(address(&all.holder)),
        ScVal::Address(address(&all.issuer)),
        amount(120),
    ];
    let sent = all.net.run(&all.holder, call(&contract, "transfer", args));
    assert_eq!((sent, all.balance()), (ScVal::Void, 230));
}

#[test]
fn a_contract_holds_the_asset_in_an_entry_of_its_own() {
    let all = village();
    all.apply(&all.issuer, all.pay(&all.holder, 300));
    let contract = all.contract();
    let vault = ScVal::Address(ScAddress::Contract(contract.clone()));
    let args = vec![
        ScVal::Address(address(&all.holder)),
        vault.clone(),
        amount(90),
    ];
    all.net.run(&all.holder, call(&contract, "transfer", args));
    let held = all
        .net
        .run(&all.stranger, call(&contract, "balance", vec![vault]));
    assert_eq!((held, all.balance()), (amount(90), 210));
}

#[test]
fn the_assets_contract_freezes_and_claws_back_what_the_issuer_may() {
    let all = village();
    all.make_revocable();
    all.apply(&all.holder, all.trust(0));
    all.apply(&all.holder, all.trust(1_000));
    all.apply(&all.issuer, all.pay(&all.holder, 300));
    let contract = all.contract();
    let holder = ScVal::Address(address(&all.holder));
    let freeze = vec![holder.clone(), ScVal::Bool(false)];
    all.net
        .run(&all.issuer, call(&contract, "set_authorized", freeze));
    assert_eq!(all.line().unwrap().flags & 1, 0);
    let claw = vec![holder, amount(100)];
    all.net.run(&all.issuer, call(&contract, "clawback", claw));
    assert_eq!(all.balance(), 200);
}

#[test]
fn an_account_is_created_and_trusts_in_one_transaction() {
    let all = village();
    let new = SigningKey::from_bytes(&[9; 32]);
    let create = OperationBody::CreateAccount(CreateAccountOp {
        destination: account_id(&new),
        starting_balance: 20_000_000,
    });
    let mut transaction = all.net.transaction(&all.issuer, vec![create, all.trust(7)]);
    let mut operations = transaction.operations.to_vec();
    operations[1].source_account = Some(muxed(&new));
    transaction.operations = operations.try_into().unwrap();
    let unsigned = all.net.refused(transaction.clone(), &[&all.issuer]).result;
    assert!(matches!(unsigned, TransactionResultResult::TxFailed(_)));
    let answer = all
        .net
        .apply_envelope(&sign(transaction, &[&all.issuer, &new]));
    assert_eq!(answer["status"], "SUCCESS");
    assert_eq!(all.net.account_entry(&new).num_sub_entries, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// The issuer's balance is what it owes: all others together hold what it has paid out.
    #[test]
    fn no_order_of_payments_creates_or_destroys_an_asset(
        payments in prop::collection::vec((0..3_usize, 0..3_usize, 1..700_i64, any::<bool>()), 1..10)
    ) {
        let all = village();
        all.net.apply(all.net.transaction(&all.stranger, vec![all.trust(1_000)]), &all.stranger);
        let contract = all.contract();
        let people = [&all.issuer, &all.holder, &all.stranger];
        let held = |key: &SigningKey| all.line_of(key).map_or(0, |line| line.balance);
        for (from, to, units, by_contract) in payments {
            let before = people.map(held);
            let body = if by_contract {
                let args = [from, to].map(|one| ScVal::Address(address(people[one])));
                let transfer = [&args[..], &[amount(units)]].concat();
                call(&contract, "transfer", transfer)
            } else {
                all.pay(people[to], units)
            };
            let done = all.try_apply(people[from], body);
            let after = people.map(held);
            let mut expected = before;
            if done {
                expected[from] -= units;
                expected[to] += units;
            }
            // Who issues has no line: what it pays out or takes back shows with the others only.
            expected[0] = 0;
            prop_assert_eq!(after, expected);
            prop_assert!(after.iter().all(|units| (0..=1_000).contains(units)));
        }
    }
}
