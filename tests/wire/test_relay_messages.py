"""Relay commands: only the gateway that holds a node's key can switch that node."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from gateway.wire import relays
from gateway.wire.errors import WireError
from gateway.wire.relays import RelayCommand, RelayReport, Switch
from gateway.wire.topics import Channel, parse_topic, topic, topic_filter

KEY = bytes(range(32))
COMMAND = RelayCommand("meter-001", Switch.OFF, 42, datetime(2026, 1, 29, 9, 50, tzinfo=UTC))


def test_a_command_is_signed_over_its_canonical_text() -> None:
    message = json.loads(relays.encode_command(COMMAND, KEY))

    canonical = b"meter-001|relay|off|42|2026-01-29T09:50:00Z"
    assert message == {
        "relay": "off",
        "counter": 42,
        "expires_at": "2026-01-29T09:50:00Z",
        "hmac": hmac.new(KEY, canonical, hashlib.sha256).hexdigest(),
    }


def test_a_signed_command_is_accepted_by_its_node() -> None:
    payload = relays.encode_command(COMMAND, KEY)

    assert relays.decode_command(payload, "meter-001", KEY) == COMMAND


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("relay", "on"),
        ("counter", 43),
        ("expires_at", "2027-01-29T09:50:00Z"),
        ("expires_at", "2026-01-29T09:50:00+00:00"),
        ("hmac", "0" * 64),
        ("hmac", "not hex"),
        ("hmac", "é" * 64),
    ],
)
def test_a_changed_command_is_refused(field: str, value: object) -> None:
    message = {**json.loads(relays.encode_command(COMMAND, KEY)), field: value}

    with pytest.raises(WireError, match="hmac was not made for meter-001 with its key"):
        relays.decode_command(json.dumps(message).encode(), "meter-001", KEY)


@pytest.mark.parametrize(("node", "key"), [("meter-002", KEY), ("meter-001", KEY[::-1])])
def test_a_command_for_another_node_or_key_is_refused(node: str, key: bytes) -> None:
    with pytest.raises(WireError, match="hmac was not made for"):
        relays.decode_command(relays.encode_command(COMMAND, KEY), node, key)


def test_a_key_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(WireError, match="key of meter-001 has 5 bytes: make one of 16"):
        relays.encode_command(COMMAND, b"short")


@pytest.mark.parametrize(
    "report", [RelayReport(Switch.ON, 0), RelayReport(Switch.OFF, 9, "the command expired")]
)
def test_a_relay_report_survives_the_wire(report: RelayReport) -> None:
    assert relays.decode_relay_report(relays.encode_relay_report(report)) == report


def test_a_relay_is_on_or_off() -> None:
    with pytest.raises(WireError, match="state must be on or off, but is 'half'"):
        relays.decode_relay_report(b'{"state":"half","counter":1}')


@pytest.mark.parametrize("channel", list(Channel))
def test_a_topic_leads_back_to_its_node_and_channel(channel: Channel) -> None:
    assert parse_topic(topic("meter-001", channel)) == ("meter-001", channel)
    assert topic_filter(channel) == topic("x", channel).replace("x", "+", 1)


@pytest.mark.parametrize(
    "text", ["nodes/meter-001", "nodes/a/up/else", "nodes//up/reading", "$SYS"]
)
def test_other_topics_are_refused(text: str) -> None:
    with pytest.raises(WireError, match=r"^topic "):
        parse_topic(text)


def test_a_name_cannot_reach_into_another_nodes_topics() -> None:
    with pytest.raises(WireError, match="node must be 1 to 63 letters"):
        topic("a/down", Channel.ACK)
