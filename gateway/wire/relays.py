"""Relay commands to nodes, signed, and what nodes report of their relay.

Pure: the signature is checked here; whether a counter is fresh and an expiry still ahead is for
the node to decide, which remembers the last counter and has a clock.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.wire.errors import WireError
from gateway.wire.fields import (
    JsonObject,
    encode_object,
    instant_text,
    parse_object,
    take_count,
    take_instant,
    take_text,
)
from gateway.wire.topics import check_name

MIN_KEY_BYTES = 16
_HMAC = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Switch(StrEnum):
    """The position of a node's relay: ``on`` conducts."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class RelayCommand:
    """The gateway's order to one node's relay.

    Args:
        node: the node's name; part of what is signed.
        relay: the position to take.
        counter: grows with every command to this node; an old one is a replay.
        expires_at: after this the node must ignore it, aware UTC.
    """

    node: str
    relay: Switch
    counter: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RelayReport:
    """What a node says of its relay.

    Args:
        state: the position it is in.
        counter: of the last command it obeyed, 0 before the first.
        refused: why it did not obey the newest command, None when it did.
    """

    state: Switch
    counter: int
    refused: str | None = None


def encode_command(command: RelayCommand, key: bytes) -> bytes:
    """The signed JSON message of a relay command.

    Args:
        command: what to sign.
        key: shared with this node alone, at least 16 bytes.

    Raises:
        WireError: the key is too short, or the name is not one for a node.
    """
    expires_at = instant_text(command.expires_at)
    tag = _tag(check_name(command.node, "node"), command.relay, command.counter, expires_at, key)
    return encode_object(
        {
            "relay": command.relay,
            "counter": command.counter,
            "expires_at": expires_at,
            "hmac": tag,
        }
    )


def decode_command(payload: bytes, node: str, key: bytes) -> RelayCommand:
    """A relay command for ``node`` whose signature is right; counter and expiry are unchecked.

    Raises:
        WireError: the message is malformed or was not signed for this node with this key.
    """
    message = parse_object(payload)
    relay = _switch(message, "relay")
    counter = take_count(message, "counter")
    expires_at = take_instant(message, "expires_at")
    given = take_text(message, "hmac")
    expected = _tag(node, relay, counter, take_text(message, "expires_at"), key)
    if not _HMAC.fullmatch(given) or not hmac.compare_digest(given, expected):
        raise WireError("hmac", f"was not made for {node} with its key: the command is refused")
    return RelayCommand(node, relay, counter, expires_at)


def encode_relay_report(report: RelayReport) -> bytes:
    """The JSON message of a relay report."""
    message: JsonObject = {"state": report.state, "counter": report.counter}
    if report.refused is not None:
        message["refused"] = report.refused
    return encode_object(message)


def decode_relay_report(payload: bytes) -> RelayReport:
    """A relay report from a node's JSON message.

    Raises:
        WireError: a field is missing or wrong.
    """
    message = parse_object(payload)
    refused = None if message.get("refused") is None else take_text(message, "refused")
    return RelayReport(_switch(message, "state"), take_count(message, "counter"), refused)


def _switch(message: JsonObject, field: str) -> Switch:
    value = take_text(message, field)
    if value not in list(Switch):
        raise WireError(field, f"must be on or off, but is {value!r}")
    return Switch(value)


def _tag(node: str, relay: Switch, counter: int, expires_at: str, key: bytes) -> str:
    """HMAC-SHA256 over ``NAME|relay|on|counter|expires_at`` in ASCII, lower-case hex."""
    if len(key) < MIN_KEY_BYTES:
        raise WireError("key", f"of {node} has {len(key)} bytes: make one of {MIN_KEY_BYTES}")
    text = f"{node}|relay|{relay}|{counter}|{expires_at}"
    return hmac.new(key, text.encode("ascii"), hashlib.sha256).hexdigest()
