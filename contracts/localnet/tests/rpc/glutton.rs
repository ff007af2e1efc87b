//! A contract that takes as much of anything as it is told to.

use ed25519_dalek::SigningKey;
use soroban_env_host::xdr::*;
use wasm_encoder::{
    BlockType, CodeSection, CustomSection, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, ImportSection, InstructionSink, Module, TypeSection, ValType,
};

use super::contracts::{call, create_contract, upload};
use super::support::*;

/// `Void`, as contracts and host hand it to each other (CAP-46-1).
const VOID: i64 = 2;
/// `ContractDataDurability::Persistent`, as the host counts it.
const PERSISTENT: i64 = 1;

/// Imported host functions, by module and name (`env.json` of soroban-env-common).
const PUT_DATA: (&str, &str, u32) = ("l", "_", 3);
const GET_DATA: (&str, &str, u32) = ("l", "1", 2);
const EMIT: (&str, &str, u32) = ("x", "1", 2);
const APPEND_BYTES: (&str, &str, u32) = ("b", "e", 2);

/// Code of the contract, with a section of `padding` bytes that does nothing.
pub fn code(padding: usize) -> Vec<u8> {
    let mut types = TypeSection::new();
    for arity in 0..=4 {
        let parameters = std::iter::repeat_n(ValType::I64, arity);
        types.ty().function(parameters, [ValType::I64]);
    }
    let mut imports = ImportSection::new();
    for (module, name, arity) in [PUT_DATA, GET_DATA, EMIT, APPEND_BYTES] {
        imports.import(module, name, EntityType::Function(arity));
    }
    let (mut functions, mut exports, mut bodies) = Default::default();
    add_functions(&mut functions, &mut exports, &mut bodies);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&exports)
        .section(&bodies)
        .section(&custom(
            "contractenvmetav0",
            &[0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 0],
        ))
        .section(&custom("padding", &vec![0; padding]));
    module.finish()
}

fn custom<'a>(name: &'a str, data: &'a [u8]) -> CustomSection<'a> {
    CustomSection {
        name: name.into(),
        data: data.into(),
    }
}

fn add_functions(
    functions: &mut FunctionSection,
    exports: &mut ExportSection,
    bodies: &mut CodeSection,
) {
    let mut next = 4;
    let mut add = |name: &str, arity: u32, write: &dyn Fn(&mut InstructionSink)| {
        functions.function(arity);
        exports.export(name, ExportKind::Func, next);
        let mut body = Function::new([]);
        write(&mut body.instructions());
        body.instructions().end();
        bodies.function(&body);
        next += 1;
    };
    add("put", 2, &|code| {
        code.local_get(0).local_get(1).i64_const(PERSISTENT).call(0);
    });
    add("emit", 2, &|code| {
        code.local_get(0).local_get(1).call(2);
    });
    add("echo", 1, &|code| {
        code.local_get(0);
    });
    add("nothing", 0, &|code| {
        code.i64_const(VOID);
    });
    add("spin", 0, &|code| {
        code.loop_(BlockType::Empty).br(0).end().i64_const(VOID);
    });
    add("hoard", 1, &|code| {
        // What the host hands out is counted for good: twice the bytes, again and again.
        code.loop_(BlockType::Empty);
        code.local_get(0).local_get(0).call(3).drop().br(0).end();
        code.i64_const(VOID);
    });
    add("copy", 4, &|code| {
        code.local_get(0).i64_const(PERSISTENT).call(1).drop();
        code.local_get(1).i64_const(PERSISTENT).call(1).drop();
        code.local_get(2).local_get(3).i64_const(PERSISTENT).call(0);
    });
}

/// Deploys it.
pub fn deploy(net: &Net, key: &SigningKey) -> ContractId {
    let ScVal::Bytes(hash) = net.run(key, upload(&code(0))) else {
        panic!("the hash of the code");
    };
    create_contract(net, key, Hash(hash.as_slice().try_into().unwrap()))
}

pub fn bytes(length: usize) -> ScVal {
    ScVal::Bytes(ScBytes(vec![7; length].try_into().unwrap()))
}

/// `put(key, as many bytes)`.
pub fn put(contract: &ContractId, key: u32, length: usize) -> OperationBody {
    call(contract, "put", vec![ScVal::U32(key), bytes(length)])
}

/// `emit([], as many bytes)`.
pub fn emit(contract: &ContractId, length: usize) -> OperationBody {
    let topics = ScVal::Vec(Some(ScVec::default()));
    call(contract, "emit", vec![topics, bytes(length)])
}

/// The key of what `put` stored under `key`.
pub fn data_key(contract: &ContractId, key: u32) -> LedgerKey {
    LedgerKey::ContractData(LedgerKeyContractData {
        contract: ScAddress::Contract(contract.clone()),
        key: ScVal::U32(key),
        durability: ContractDataDurability::Persistent,
    })
}
