"""Values as contracts take and give them, under short names: u32, i128, address, Fields.

Encodings follow soroban-sdk: a struct is a map with sorted symbol keys, an enum without data a
u32, an enum with data a vector that begins with its name. Knows no contract.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stellar_sdk import scval, xdr
from stellar_sdk.scval import from_bool as to_flag
from stellar_sdk.scval import from_int64 as to_i64
from stellar_sdk.scval import from_int128 as to_i128
from stellar_sdk.scval import from_uint32 as to_u32
from stellar_sdk.scval import from_uint64 as to_u64
from stellar_sdk.scval import to_address as address
from stellar_sdk.scval import to_bool as flag
from stellar_sdk.scval import to_bytes as raw
from stellar_sdk.scval import to_int64 as i64
from stellar_sdk.scval import to_int128 as i128
from stellar_sdk.scval import to_string as text
from stellar_sdk.scval import to_struct as struct
from stellar_sdk.scval import to_symbol as symbol
from stellar_sdk.scval import to_uint32 as u32
from stellar_sdk.scval import to_uint64 as u64
from stellar_sdk.scval import to_vec as vector
from stellar_sdk.scval import to_void as nothing

__all__ = [
    "Fields",
    "address",
    "flag",
    "i64",
    "i128",
    "nothing",
    "raw",
    "struct",
    "symbol",
    "text",
    "to_address",
    "to_flag",
    "to_i64",
    "to_i128",
    "to_list",
    "to_optional",
    "to_raw",
    "to_text",
    "to_u32",
    "to_u64",
    "u32",
    "u64",
    "vector",
]

T = TypeVar("T")


def to_address(value: xdr.SCVal) -> str:
    """An address, 'C...' or 'G...'."""
    return scval.from_address(value).address


def to_raw(value: xdr.SCVal) -> bytes:
    """Bytes of any length."""
    return bytes(scval.from_bytes(value))


def to_text(value: xdr.SCVal) -> str:
    """Text; what is no UTF-8 in it is replaced, because anyone may have written it."""
    return scval.from_string(value).decode("utf-8", "replace")


def to_list(decode: Callable[[xdr.SCVal], T]) -> Callable[[xdr.SCVal], tuple[T, ...]]:
    """A decoder of vectors, from that of one item."""
    return lambda value: tuple(decode(item) for item in scval.from_vec(value))


def to_optional(decode: Callable[[xdr.SCVal], T]) -> Callable[[xdr.SCVal], T | None]:
    """A decoder of what may be missing."""
    return lambda value: None if value.type is xdr.SCValType.SCV_VOID else decode(value)


class Fields:
    """The fields of a struct, each asked for by name and type.

    Args:
        value: the struct.

    Raises:
        ValueError: it is none, or a field is of another type.
        KeyError: it has no such field.
    """

    __slots__ = ("_fields",)

    def __init__(self, value: xdr.SCVal) -> None:
        self._fields = scval.from_struct(value)

    def u32(self, name: str) -> int:
        """A 32-bit number."""
        return to_u32(self._fields[name])

    def u64(self, name: str) -> int:
        """A 64-bit number."""
        return to_u64(self._fields[name])

    def i64(self, name: str) -> int:
        """A signed 64-bit number."""
        return to_i64(self._fields[name])

    def i128(self, name: str) -> int:
        """A signed 128-bit number."""
        return to_i128(self._fields[name])

    def flag(self, name: str) -> bool:
        """Yes or no."""
        return to_flag(self._fields[name])

    def raw(self, name: str) -> bytes:
        """Bytes."""
        return to_raw(self._fields[name])

    def text(self, name: str) -> str:
        """Text."""
        return to_text(self._fields[name])

    def address(self, name: str) -> str:
        """An address."""
        return to_address(self._fields[name])

    def of(self, name: str, decode: Callable[[xdr.SCVal], T]) -> T:
        """Anything else, by its decoder."""
        return decode(self._fields[name])
