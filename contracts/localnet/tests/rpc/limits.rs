//! Each limit on what is declared: what keeps it is taken, what breaks it is refused with its code.
//!
//! Codes and sentences are those of stellar-core: `TransactionFrame::checkSorobanResources`
//! and `commonValidPreSeqNum`, and the `doCheckValidForSoroban` of each operation.

use ed25519_dalek::SigningKey;
use serde_json::Value;
use soroban_env_host::xdr::*;

use super::contracts::*;
use super::glutton::{self, bytes, data_key};
use super::support::*;

/// Alice calls a contract that takes as much as it is told to.
pub struct Table {
    pub net: Net,
    pub alice: SigningKey,
    pub glutton: ContractId,
}

pub fn table() -> Table {
    let net = Net::manual();
    let alice = net.account(1);
    let glutton = glutton::deploy(&net, &alice);
    Table {
        net,
        alice,
        glutton,
    }
}

impl Table {
    /// A call that does nothing, with far more fee than it needs.
    pub fn call(&self) -> Transaction {
        self.generous(call(&self.glutton, "nothing", vec![]))
    }

    pub fn generous(&self, body: OperationBody) -> Transaction {
        let mut transaction = self.net.prepare(&self.alice, body);
        transaction.fee = 900_000_000;
        with_data(transaction, |data| data.resource_fee = 890_000_000)
    }

    /// What is declared for one call, with another one put in its place.
    pub fn instead(&self, declared: OperationBody, body: OperationBody) -> Transaction {
        let mut transaction = self.generous(declared);
        transaction.operations = vec![Operation {
            source_account: None,
            body,
        }]
        .try_into()
        .unwrap();
        transaction
    }

    fn keys(&self, count: u32) -> VecM<LedgerKey> {
        let keys: Vec<_> = (0..count).map(|key| data_key(&self.glutton, key)).collect();
        keys.try_into().unwrap()
    }

    pub fn apply(&self, transaction: Transaction) -> Value {
        self.net.apply(transaction, &self.alice)
    }
}

fn accounts(count: u32) -> VecM<LedgerKey> {
    let key = |number: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        LedgerKey::Account(LedgerKeyAccount {
            account_id: AccountId(PublicKey::PublicKeyTypeEd25519(Uint256(bytes))),
        })
    };
    (0..count).map(key).collect::<Vec<_>>().try_into().unwrap()
}

/// A key that is `length` bytes long as XDR.
fn key_of(contract: &ContractId, length: usize) -> LedgerKey {
    let key = |name: &str| {
        LedgerKey::ContractData(LedgerKeyContractData {
            contract: ScAddress::Contract(contract.clone()),
            key: ScVal::String(ScString(name.try_into().unwrap())),
            durability: ContractDataDurability::Persistent,
        })
    };
    let rest = length - localnet::codec::encode(&key("")).len();
    key(&"x".repeat(rest))
}

/// Returns the sentence of the last diagnostic event, without its numbers.
pub fn sentence(event: &DiagnosticEvent) -> String {
    let ContractEventBody::V0(body) = &event.event.body;
    let text = match &body.data {
        ScVal::Vec(Some(values)) => values[0].clone(),
        other => other.clone(),
    };
    match text {
        ScVal::String(text) => text.0.to_utf8_string().unwrap(),
        other => panic!("{other:?}"),
    }
}

type Change = fn(&Table, &mut Transaction, u32);

/// What a transaction may declare: the limit, how to declare a number of it, and the complaint.
const DECLARED: [(u32, Change, &str); 9] = [
    (
        400_000_000,
        |_, transaction, n| data_of(transaction).resources.instructions = n,
        "transaction instructions resources exceed network config limit",
    ),
    (
        200_000,
        |_, transaction, n| data_of(transaction).resources.disk_read_bytes = n,
        "transaction byte-read resources exceed network config limit",
    ),
    (
        132_096,
        |_, transaction, n| data_of(transaction).resources.write_bytes = n,
        "transaction byte-write resources exceed network config limit",
    ),
    (
        400,
        |all, transaction, n| {
            let footprint = &mut data_of(transaction).resources.footprint;
            footprint.read_only = all.keys(n);
            footprint.read_write = VecM::default();
        },
        "the number of entries in transaction footprint exceeds the network config limit",
    ),
    (
        200,
        |_, transaction, n| data_of(transaction).resources.footprint.read_write = accounts(n),
        "transaction entry-disk-read resources exceed network config limit",
    ),
    (
        200,
        |all, transaction, n| data_of(transaction).resources.footprint.read_write = all.keys(n),
        "transaction entry-write resources exceed network config limit",
    ),
    (
        // Keys are multiples of four bytes long: this one is the longest within 250.
        248,
        |all, transaction, n| {
            let key = key_of(&all.glutton, n as usize);
            data_of(transaction).resources.footprint.read_only = vec![key].try_into().unwrap();
        },
        "transaction footprint key exceeds network config limit",
    ),
    (
        132_096,
        |all, transaction, n| {
            let size = |transaction: &Transaction| {
                localnet::codec::encode(&sign(transaction.clone(), &[&all.alice])).len()
            };
            let echo = |length| call(&all.glutton, "echo", vec![bytes(length)]);
            let mut put = |length| {
                transaction.operations = vec![Operation {
                    source_account: None,
                    body: echo(length),
                }]
                .try_into()
                .unwrap();
                size(transaction)
            };
            // Sizes go up in steps of four bytes: the next one from n on.
            let rest = n as usize - put(0);
            put(rest);
        },
        "total transaction size exceeds network config limit",
    ),
    (
        890_000_000,
        |_, transaction, n| {
            data_of(transaction).resource_fee = i64::from(n);
            transaction.fee = 890_000_000;
        },
        "transaction `sorobanData.resourceFee` is higher than the full transaction fee",
    ),
];

#[test]
fn what_is_declared_is_taken_up_to_each_limit_and_refused_beyond_it() {
    for (limit, declare, complaint) in DECLARED {
        let all = table();
        let mut beyond = all.call();
        declare(&all, &mut beyond, limit + 1);
        let answer = all.net.send(beyond, &[&all.alice]);
        assert_eq!(answer["status"], "ERROR", "{complaint}");
        let refusal: TransactionResult = from_base64(&answer["errorResultXdr"]);
        assert_eq!(refusal.result, TransactionResultResult::TxSorobanInvalid);
        let event = from_base64(&answer["diagnosticEventsXdr"][0]);
        assert_eq!(sentence(&event), complaint);

        let mut at_limit = all.call();
        declare(&all, &mut at_limit, limit);
        let answer = all.net.send(at_limit, &[&all.alice]);
        let result = answer["errorResultXdr"].as_str().map(|_| {
            from_base64::<TransactionResult>(&answer["errorResultXdr"])
                .result
                .name()
        });
        // A resource fee that is the whole fee leaves nothing to offer for inclusion.
        let taken = answer["status"] == "PENDING" || result == Some("TxInsufficientFee");
        assert!(taken, "{complaint}: {answer}");
    }
}

#[test]
fn a_footprint_that_makes_no_sense_is_refused() {
    let all = table();
    let twice = data_key(&all.glutton, 1);
    let native_line = LedgerKey::Trustline(LedgerKeyTrustLine {
        account_id: account_id(&all.alice),
        asset: TrustLineAsset::Native,
    });
    let ttl = LedgerKey::Ttl(LedgerKeyTtl {
        key_hash: Hash([0; 32]),
    });
    let temporary = LedgerKey::ContractData(LedgerKeyContractData {
        contract: ScAddress::Contract(all.glutton.clone()),
        key: ScVal::Bool(true),
        durability: ContractDataDurability::Temporary,
    });
    let key = |number| data_key(&all.glutton, number);
    let rows: [(Vec<LedgerKey>, Vec<u32>, &str); 6] = [
        (
            vec![twice.clone(), twice],
            vec![],
            "Found duplicate key in the Soroban footprint; every key across read-only and \
             read-write footprints has to be unique.",
        ),
        (
            vec![native_line],
            vec![],
            "transaction footprint contains invalid trustline asset",
        ),
        (
            vec![ttl],
            vec![],
            "transaction footprint contains unsupported ledger key type",
        ),
        (
            vec![key(1), key(2)],
            vec![1, 0],
            "archivedSorobanEntries must be sorted in ascending order",
        ),
        (
            vec![key(1)],
            vec![1],
            "archivedSorobanEntries index is out of bounds",
        ),
        (
            vec![temporary],
            vec![0],
            "archivedSorobanEntries index points to a non-persistent entry",
        ),
    ];
    for (read_write, archived, complaint) in rows {
        let transaction = with_data(all.call(), |data| {
            data.resources.footprint.read_write = read_write.try_into().unwrap();
            data.ext = SorobanTransactionDataExt::V1(SorobanResourcesExtV0 {
                archived_soroban_entries: archived.try_into().unwrap(),
            });
        });
        let answer = all.net.send(transaction, &[&all.alice]);
        let refusal: TransactionResult = from_base64(&answer["errorResultXdr"]);
        assert_eq!(refusal.result, TransactionResultResult::TxSorobanInvalid);
        let event = from_base64(&answer["diagnosticEventsXdr"][0]);
        assert_eq!(sentence(&event), complaint);
    }
}

#[test]
fn a_resource_fee_below_what_is_declared_is_refused() {
    let all = table();
    let refusal = all.net.refused(
        with_data(all.call(), |data| data.resource_fee = 10),
        &[&all.alice],
    );
    assert_eq!(refusal.result, TransactionResultResult::TxSorobanInvalid);
}

#[test]
fn a_resource_fee_that_no_one_can_have_meant_is_malformed() {
    let all = table();
    for fee in [-1, (1 << 50) + 1] {
        let refusal = all.net.refused(
            with_data(all.call(), |data| data.resource_fee = fee),
            &[&all.alice],
        );
        assert_eq!(refusal.result, TransactionResultResult::TxMalformed);
        assert_eq!(refusal.fee_charged, 0);
    }
}

fn refused_operation(all: &Table, transaction: Transaction) -> OperationResultTr {
    match all.net.refused(transaction, &[&all.alice]).result {
        TransactionResultResult::TxFailed(results) => match &results[0] {
            OperationResult::OpInner(result) => result.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// stellar-core refuses these without setting a code, so the first one there is remains.
#[test]
fn code_and_assets_that_can_never_be_are_refused_before_anything_is_charged() {
    let all = table();
    let length = glutton::code(0).len();
    let too_long = upload(&vec![0; 131_073]);
    let nameless = host_function(HostFunction::CreateContract(CreateContractArgs {
        contract_id_preimage: ContractIdPreimage::Asset(Asset::CreditAlphanum4(AlphaNum4 {
            asset_code: AssetCode4([0; 4]),
            issuer: account_id(&all.alice),
        })),
        executable: ContractExecutable::StellarAsset,
    }));
    let unset = InvokeHostFunctionResult::Success(Hash([0; 32]));
    let unset = OperationResultTr::InvokeHostFunction(unset);
    for body in [too_long, nameless] {
        let declared = upload(&glutton::code(1_000 - length));
        let transaction = all.instead(declared, body);
        assert_eq!(refused_operation(&all, transaction), unset);
    }
}

fn extend_by(ledgers: u32) -> OperationBody {
    OperationBody::ExtendFootprintTtl(ExtendFootprintTtlOp {
        ext: ExtensionPoint::V0,
        extend_to: ledgers,
    })
}

#[test]
fn a_life_longer_than_the_longest_is_malformed() {
    let all = table();
    let nothing = call(&all.glutton, "nothing", vec![]);
    let malformed = OperationResultTr::ExtendFootprintTtl(ExtendFootprintTtlResult::Malformed);
    let too_long = all.instead(nothing.clone(), extend_by(3_110_400));
    assert_eq!(refused_operation(&all, too_long), malformed);
    let longest = all.instead(nothing.clone(), extend_by(3_110_399));
    assert_eq!(all.apply(longest)["status"], "SUCCESS");
    let writes = with_data(all.instead(nothing, extend_by(1)), |data| {
        data.resources.footprint.read_write = all.keys(1);
    });
    assert_eq!(refused_operation(&all, writes), malformed);
}

#[test]
fn restoring_what_cannot_be_archived_is_malformed() {
    let all = table();
    let nothing = call(&all.glutton, "nothing", vec![]);
    let restore = OperationBody::RestoreFootprint(RestoreFootprintOp {
        ext: ExtensionPoint::V0,
    });
    let reads = all.instead(nothing, restore);
    let malformed = OperationResultTr::RestoreFootprint(RestoreFootprintResult::Malformed);
    assert_eq!(refused_operation(&all, reads.clone()), malformed);
    let accounts = with_data(reads, |data| {
        data.resources.footprint.read_only = VecM::default();
        data.resources.footprint.read_write = accounts(1);
    });
    assert_eq!(refused_operation(&all, accounts), malformed);
}
