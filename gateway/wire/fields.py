"""Typed fields out of a JSON object, each refusal a sentence that names the field.

Numbers are taken from their decimal text, never through a float: 12.345 is 12345 thousandths.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from gateway.wire.errors import WireError

MAX_MESSAGE_BYTES = 4096
JsonObject = dict[str, object]

_PLAIN_LENGTH = 20
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Number:
    """How one numeric field becomes an integer.

    Args:
        field: the name in the message.
        unit: the unit in the message, for the sentence.
        low: the smallest value that can be true, in ``unit``.
        high: the largest.
        scale: how many of our integer units one ``unit`` is.
    """

    field: str
    unit: str
    low: int
    high: int
    scale: int


def parse_object(payload: bytes) -> JsonObject:
    """A JSON object whose fractions are Decimals; NaN and Infinity stay visible.

    Raises:
        WireError: it is too long, no JSON, or no object.
    """
    if len(payload) > MAX_MESSAGE_BYTES:
        raise WireError("message", f"has {len(payload)} bytes: send at most {MAX_MESSAGE_BYTES}")
    try:
        value: object = json.loads(
            payload.decode("utf-8"), parse_float=Decimal, parse_constant=Decimal
        )
    except (ValueError, ArithmeticError, RecursionError) as error:  # 1e99999999999999999999
        raise WireError("message", "is not JSON: send one JSON object") from error
    if not isinstance(value, dict):
        raise WireError("message", "is not a JSON object: send one, in curly brackets")
    return value


def encode_object(message: JsonObject) -> bytes:
    """A JSON object as compact ASCII."""
    return json.dumps(message, separators=(",", ":")).encode("ascii")


def take_number(message: JsonObject, number: Number) -> int:
    """A required numeric field in our integer unit, rounded half up.

    Raises:
        WireError: it is missing, no number, or cannot be true.
    """
    value = message.get(number.field)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong_type(message, number.field, "a number without quotes")
    decimal = Decimal(value)
    if not decimal.is_finite():
        raise WireError(number.field, f"is {decimal}: send a number, or leave the reading out")
    if not number.low <= decimal <= number.high:
        raise WireError(
            number.field,
            f"must be between {number.low} and {number.high} {number.unit}, but is {decimal}",
        )
    return int((decimal * number.scale).to_integral_value(ROUND_HALF_UP))


def take_optional_number(message: JsonObject, number: Number) -> int | None:
    """An optional numeric field; absent and null are both None."""
    return None if message.get(number.field) is None else take_number(message, number)


def take_count(message: JsonObject, field: str) -> int:
    """A required whole number from 0 to 2^63 - 1.

    Raises:
        WireError: it is missing, not whole, or out of range.
    """
    value = message.get(field)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(message, field, "a whole number without quotes")
    if not 0 <= value < 1 << 63:
        raise WireError(field, f"must be between 0 and 2^63 - 1, but is {value}")
    return value


def take_optional_count(message: JsonObject, field: str) -> int | None:
    """An optional whole number; absent and null are both None."""
    return None if message.get(field) is None else take_count(message, field)


def take_text(message: JsonObject, field: str) -> str:
    """A required text.

    Raises:
        WireError: it is missing or no text.
    """
    value = message.get(field)
    if not isinstance(value, str):
        raise _wrong_type(message, field, "a text in double quotes")
    return value


def take_instant(message: JsonObject, field: str) -> datetime:
    """A required RFC 3339 instant with its offset, as aware UTC.

    Raises:
        WireError: it is missing, malformed, impossible, or has no offset.
    """
    text = take_text(message, field)
    if not _RFC3339.fullmatch(text):
        raise WireError(field, f"must look like 2026-01-29T09:45:00Z, but is {text!r}")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise WireError(field, f"is not a date that exists: {text!r}") from error


def quick_instant(text: str) -> datetime:
    """An RFC 3339 instant as aware UTC; quickest in the form 2026-01-29T09:45:00Z.

    Raises:
        ValueError: it is none; :func:`take_instant` says why.
        OverflowError: its offset leads out of the calendar.
    """
    if (
        len(text) == _PLAIN_LENGTH
        and text[4] == text[7] == "-"
        and text[10] == "T"
        and text[13] == text[16] == ":"
        and text[19] == "Z"
    ):
        return datetime.fromisoformat(text)
    if not _RFC3339.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text).astimezone(UTC)


def instant_text(instant: datetime) -> str:
    """An aware instant as RFC 3339 in UTC, with microseconds only when there are some."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _wrong_type(message: JsonObject, field: str, wanted: str) -> WireError:
    if field not in message:
        return WireError(field, f"is missing: send {wanted}")
    return WireError(field, f"must be {wanted}")
