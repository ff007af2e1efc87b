"""A token that was typed at a node, and what it is told of it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.wire.errors import WireError
from gateway.wire.fields import JsonObject, encode_object, parse_object, take_text

_ENTRY_ID = re.compile(r"[A-Za-z0-9-]{1,36}", re.ASCII)
_MOST_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """``{"token": "123456789", "id": "7"}`` at ``nodes/NAME/up/token``.

    Args:
        token: as it was typed, unchecked.
        entry_id: the node's own word for it; comes back with the answer.
    """

    token: str
    entry_id: str | None = None


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What came of it, at ``nodes/NAME/down/token``.

    Args:
        units: that count; 0: it does not count.
        sentence: for a person.
        entry_id: of the entry.
    """

    units: int
    sentence: str
    entry_id: str | None = None


def decode_entry(payload: bytes) -> TokenEntry:
    """An entry from a node's JSON message; fields that nobody knows are ignored.

    Raises:
        WireError: it is none.
    """
    message = parse_object(payload)
    token = take_text(message, "token")
    if len(token) > _MOST_CHARACTERS:
        raise WireError("token", f"has {len(token)} characters: send the digits")
    if message.get("id") is None:
        return TokenEntry(token)
    entry_id = take_text(message, "id")
    if not _ENTRY_ID.fullmatch(entry_id):
        raise WireError("id", "must be 1 to 36 letters, digits or -")
    return TokenEntry(token, entry_id)


def encode_answer(answer: TokenAnswer) -> bytes:
    """The answer as JSON."""
    message: JsonObject = {
        "accepted": answer.units > 0,
        "units": answer.units,
        "sentence": answer.sentence,
    }
    if answer.entry_id is not None:
        message["id"] = answer.entry_id
    return encode_object(message)
