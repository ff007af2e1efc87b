"""What a WASM says of itself: its custom section ``contractspecv0``, read and made samples of.

Format: SEP-48, a sequence of XDR ``SCSpecEntry``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from stellar_sdk import scval, xdr
from xdrlib3 import Unpacker

from tests.ledger.localnet import ROOT

WASM = ROOT / "contracts" / "wasm"
CONTRACT = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE"
PAGE = bytes([1, 48, 1]) + bytes(5 + 48)
"""A page of one empty record: bytes that every decoder of bytes takes."""
ITEMS = 3

Type = xdr.SCSpecTypeDef


@dataclass(slots=True)
class Spec:
    """A contract's interface.

    Args:
        functions: by name.
        structs: fields and types by name of the struct.
        enums: numbers by name of the enum.
        errors: names by number.
        events: by the first topic.
    """

    functions: dict[str, xdr.SCSpecFunctionV0] = field(default_factory=dict)
    structs: dict[str, dict[str, Type]] = field(default_factory=dict)
    enums: dict[str, list[int]] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    events: dict[str, list[xdr.SCSpecEventV0]] = field(default_factory=dict)

    def add(self, entry: xdr.SCSpecEntry) -> None:
        """Take one entry in."""
        if function := entry.function_v0:
            self.functions[function.name.sc_symbol.decode()] = function
        elif struct := entry.udt_struct_v0:
            fields = {one.name.decode(): one.type for one in struct.fields}
            self.structs[struct.name.decode()] = fields
        elif enum := entry.udt_enum_v0:
            self.enums[enum.name.decode()] = [case.value.uint32 for case in enum.cases]
        elif errors := entry.udt_error_enum_v0:
            self.errors |= {case.value.uint32: case.name.decode() for case in errors.cases}
        elif event := entry.event_v0:
            kind = event.prefix_topics[0].sc_symbol.decode()
            self.events.setdefault(kind, []).append(event)

    def sample(self, kind: Type) -> xdr.SCVal:
        """Some value of a type."""
        match name_of(kind):
            case "udt":
                return self._sample_of_udt(udt_name(kind))
            case "vec":
                assert kind.vec is not None
                return scval.to_vec([self.sample(kind.vec.element_type) for _ in range(ITEMS)])
            case "option":
                assert kind.option is not None
                return self.sample(kind.option.value_type)
            case "bytes_n":
                assert kind.bytes_n is not None
                return scval.to_bytes(bytes(kind.bytes_n.n.uint32))
            case name:
                return SAMPLES[name]

    def _sample_of_udt(self, name: str) -> xdr.SCVal:
        if name in self.enums:
            return scval.to_uint32(self.enums[name][0])
        fields = self.structs[name]
        return scval.to_struct({one: self.sample(kind) for one, kind in fields.items()})

    def assert_fits(self, value: xdr.SCVal, kind: Type, where: str) -> None:
        """A value is of a type, to the last field."""
        match name_of(kind):
            case "option" if value.type is xdr.SCValType.SCV_VOID:
                return
            case "option":
                assert kind.option is not None
                self.assert_fits(value, kind.option.value_type, where)
            case "vec":
                assert kind.vec is not None
                for item in scval.from_vec(value):
                    self.assert_fits(item, kind.vec.element_type, f"{where}[]")
            case "bytes_n":
                assert kind.bytes_n is not None
                assert len(scval.from_bytes(value)) == kind.bytes_n.n.uint32, where
            case "udt" if udt_name(kind) in self.enums:
                assert scval.from_uint32(value) in self.enums[udt_name(kind)], where
            case "udt":
                fields = self.structs[udt_name(kind)]
                given = scval.from_struct(value)
                assert list(given) == sorted(fields), where
                for name, one in fields.items():
                    self.assert_fits(given[name], one, f"{where}.{name}")
            case name:
                assert value.type is SAMPLES[name].type, where


SAMPLES: dict[str, xdr.SCVal] = {
    "address": scval.to_address(CONTRACT),
    "muxed_address": scval.to_address(CONTRACT),
    "bool": scval.to_bool(data=True),
    "bytes": scval.to_bytes(PAGE),
    "i128": scval.to_int128(-(10**30)),
    "i64": scval.to_int64(-5),
    "string": scval.to_string("why"),
    "symbol": scval.to_symbol("certifier"),
    "u32": scval.to_uint32(1),
    "u64": scval.to_uint64(2**40),
}


def name_of(kind: Type) -> str:
    """A type's name, such as 'u32'."""
    return kind.type.name.removeprefix("SC_SPEC_TYPE_").lower()


def udt_name(kind: Type) -> str:
    """The name that the contract gave a type."""
    assert kind.udt is not None
    return kind.udt.name.decode()


@cache
def read_spec(path: Path) -> Spec:
    """The interface of a contract, from its code."""
    spec = Spec()
    for name, body in custom_sections(path.read_bytes()):
        if name == "contractspecv0":
            unpacker = Unpacker(body)
            while unpacker.get_position() < len(body):
                spec.add(xdr.SCSpecEntry.unpack(unpacker))
    assert spec.functions, f"{path} says nothing of itself"
    return spec


def custom_sections(wasm: bytes) -> Iterator[tuple[str, bytes]]:
    """The named sections of a module (WebAssembly core specification, 5.5.3)."""
    position = 8
    while position < len(wasm):
        section = wasm[position]
        size, position = _leb128(wasm, position + 1)
        body = wasm[position : position + size]
        position += size
        if section == 0:
            length, start = _leb128(body, 0)
            yield body[start : start + length].decode(), body[start + length :]


def _leb128(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
