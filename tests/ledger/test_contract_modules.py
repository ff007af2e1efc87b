"""Each module of ``gateway/ledger/contracts`` says what the committed code of its contract says."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import EnumType
from types import ModuleType

import pytest
from stellar_sdk import scval, xdr
from stellar_sdk.operation import InvokeHostFunction

from gateway.domain.batches import Batch, Receipt, SlotUsage
from gateway.ledger.contracts import electric, events, meter, oracle, upkeep
from gateway.ledger.contracts.calls import Call, CallFor
from gateway.ledger.contracts.refusals import Refusal, sentence_of
from tests.ledger.contract_spec import CONTRACT, WASM, Spec, name_of, read_spec, udt_name

NAMES = sorted(path.stem for path in WASM.glob("*.wasm") if path.stem != "entries")
BYTES_OF = {"writer": 16}
TEXTS = {"mode": "prepaid"}
BATCH = Batch(7, bytes(16), 1, 0, 900, 1, bytes(32), (SlotUsage(0, 1, 2, 3, 4),))
SAMPLES: Mapping[object, object] = {
    int: 1,
    bool: True,
    tuple[int, int, int]: (1, 2, 3),
    Batch: BATCH,
    Receipt: Receipt(bytes(16), 1, bytes(32), bytes(32), 0, 900, 1, 0, 0, 0, 0, bytes(32), 900),
    Sequence[int]: [1, 2, 3],
    Sequence[meter.TopUp]: [meter.TopUp(7 << 32, 1, meter.Plan.DAILY)],
    Sequence[oracle.HourUsage]: [oracle.HourUsage(3600, 1, (5, 7), {0: (1, 9), 70: (2, 8)})],
}


def module_of(name: str) -> ModuleType:
    return importlib.import_module(f"gateway.ledger.contracts.{name}")


def find(name: str, function: str) -> Callable[..., Call]:
    for module in (module_of(name), upkeep):
        if hasattr(module, function):
            found = getattr(module, function)
            assert callable(found)
            return typing.cast("Callable[..., Call]", found)
    pytest.fail(f"{name}.{function} has no function")


def arguments_for(function: Callable[..., object]) -> dict[str, object]:
    hints = typing.get_type_hints(function)
    parameters = inspect.signature(function).parameters
    return {name: sample_for(name, hints[name]) for name in parameters}


def sample_for(name: str, hint: object) -> object:
    options = [one for one in typing.get_args(hint) if one is not type(None)]
    if hint not in SAMPLES and len(options) == 1 and type(None) in typing.get_args(hint):
        hint = options[0]
    if hint is str:
        return TEXTS.get(name, CONTRACT)
    if hint is bytes:
        return bytes(BYTES_OF.get(name, 32))
    if isinstance(hint, EnumType):
        return next(iter(hint))
    return SAMPLES[hint]


def cases() -> list[tuple[str, str]]:
    return [(name, one) for name in NAMES for one in read_spec(WASM / f"{name}.wasm").functions]


def check_answer(spec: Spec, kind: xdr.SCSpecTypeDef, call: Call) -> None:
    assert isinstance(call, CallFor), "the answer is not decoded"
    value = call.decode(spec.sample(kind))
    if name_of(kind) == "udt" and udt_name(kind) in spec.structs:
        assert dataclasses.is_dataclass(value)
        assert len(dataclasses.fields(value)) >= len(spec.structs[udt_name(kind)])
    elif name_of(kind) == "option":
        assert call.decode(scval.to_void()) is None


@pytest.mark.parametrize(("name", "function"), cases())
def test_every_entry_point_has_a_function_with_its_arguments_and_its_answer(
    name: str, function: str
) -> None:
    spec = read_spec(WASM / f"{name}.wasm")
    entry = spec.functions[function]
    python = find(name, function.strip("_"))
    built = python(**arguments_for(python))
    if isinstance(built, InvokeHostFunction):
        assert function == "__constructor"
        created = built.host_function.create_contract_v2
        assert created is not None
        given = dict(enumerate(created.constructor_args))
        assert len(given) == len(entry.inputs)
    else:
        assert built.function == function
        given = dict(enumerate(built.arguments.values()))
        assert list(built.arguments) == [one.name.decode() for one in entry.inputs]
        if entry.outputs:
            check_answer(spec, entry.outputs[0], built)
        else:
            assert not isinstance(built, CallFor)
    for number, one in enumerate(entry.inputs):
        spec.assert_fits(given[number], one.type, f"{function}({one.name.decode()})")


@pytest.mark.parametrize("name", NAMES)
def test_no_function_calls_what_the_contract_does_not_have(name: str) -> None:
    spec = read_spec(WASM / f"{name}.wasm")
    for module in (module_of(name), upkeep):
        public = getattr(module, "__all__", vars(module))
        for function in (getattr(module, one) for one in public):
            if inspect.isfunction(function) and function.__module__ in {
                one.__name__ for one in (module, *submodules(module))
            }:
                hints = typing.get_type_hints(function)
                kind = typing.get_origin(hints["return"]) or hints["return"]
                if kind in {Call, CallFor} and not function.__name__.startswith("_"):
                    assert function.__name__ in spec.functions


def submodules(module: ModuleType) -> list[ModuleType]:
    return [one for one in vars(module).values() if isinstance(one, ModuleType)]


def refusals_of(name: str) -> list[type[Refusal]]:
    own = [
        one
        for one in vars(module_of(name)).values()
        if isinstance(one, type)
        and issubclass(one, Refusal)
        and one not in {Refusal, electric.AssetRefusal}
    ]
    return [*own, upkeep.UpkeepRefusal, electric.ElectricRefusal]


@pytest.mark.parametrize("name", NAMES)
def test_every_error_has_a_sentence_for_an_operator(name: str) -> None:
    spec = read_spec(WASM / f"{name}.wasm")
    for code, error in spec.errors.items():
        sentence = sentence_of(code, *refusals_of(name))
        assert "it may be newer than this gateway" not in sentence, (code, error)
        assert not sentence[0].isupper(), sentence
        assert not sentence.endswith("."), sentence


@pytest.mark.parametrize("name", NAMES)
def test_every_number_in_a_module_is_one_that_the_contract_gives(name: str) -> None:
    spec = read_spec(WASM / f"{name}.wasm")
    own = {int(one) for kind in refusals_of(name)[:-2] for one in kind}
    assert own <= set(spec.errors)


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_decoded_with_its_names(name: str) -> None:
    spec = read_spec(WASM / f"{name}.wasm")
    known = (module_of(name).EVENTS, upkeep.EVENTS)
    for kind, variants in spec.events.items():
        for event in variants:
            topics = [one for one in event.params if one.location.name.endswith("TOPIC_LIST")]
            data = [one for one in event.params if one not in topics]
            announced = events.decode(
                [
                    scval.to_symbol(kind).to_xdr(),
                    *(spec.sample(one.type).to_xdr() for one in topics),
                ],
                scval.to_struct(
                    {one.name.decode(): spec.sample(one.type) for one in data}
                ).to_xdr(),
                *known,
            )
            assert announced.kind == kind
            assert set(announced.fields) == {one.name.decode() for one in event.params}


def test_an_event_of_another_contract_is_named() -> None:
    topics = [scval.to_symbol("weather").to_xdr()]
    with pytest.raises(ValueError, match="announces 'weather', which this version does not know"):
        events.decode(topics, scval.to_void().to_xdr(), upkeep.EVENTS)


def test_an_error_of_a_newer_contract_says_so() -> None:
    assert sentence_of(77, upkeep.UpkeepRefusal) == (
        "the contract refused it with error 77: it may be newer than this gateway"
    )
    assert "no error number" in sentence_of(None, upkeep.UpkeepRefusal)


def test_pages_of_an_hour_are_the_bytes_that_the_oracle_reads() -> None:
    hour = oracle.HourUsage(3600, 1, (5, 7), {65: (2, 300), 64: (1, 9), 2: (1, 1)})
    assert hour.pages() == {
        0: bytes.fromhex("0000000000000004010001"),
        1: bytes.fromhex("000000000000000301000902012c"),
    }
