"""Messages between nodes and gateway: the published form, and each way to get it wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import nodes
from gateway.wire.errors import WireError
from gateway.wire.nodes import Acknowledgement, NodeReading

PUBLISHED = (
    b'{"device_id":"meter-001","timestamp":"2026-01-29T09:45:00Z","voltage":230.4,'
    b'"current":2.73,"power_w":628.99,"energy_kwh":12.345,"power_factor":0.98,"rssi":-60}'
)
READING = NodeReading(
    device_id="meter-001",
    read_at=datetime(2026, 1, 29, 9, 45, tzinfo=UTC),
    voltage_mv=230_400,
    current_ma=2_730,
    power_mw=628_990,
    energy_wh=12_345,
    power_factor_milli=980,
    rssi_dbm=-60,
)


def with_field(field: str, value: object) -> bytes:
    return json.dumps({**json.loads(PUBLISHED), field: value}).encode()


def without_field(field: str) -> bytes:
    return json.dumps({k: v for k, v in json.loads(PUBLISHED).items() if k != field}).encode()


def test_the_published_message_is_accepted_and_written_back_byte_for_byte() -> None:
    assert nodes.decode_reading(PUBLISHED) == READING
    assert nodes.encode_reading(READING) == PUBLISHED


@given(
    st.builds(
        NodeReading,
        device_id=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", fullmatch=True),
        read_at=st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1)),  # noqa: DTZ001 - hypothesis adds the zone
        voltage_mv=st.integers(0, 1_000_000),
        current_ma=st.integers(0, 1_000_000),
        power_mw=st.integers(0, 1_000_000_000),
        energy_wh=st.integers(0, 10_000_000_000),
        power_factor_milli=st.integers(0, 1_000),
        rssi_dbm=st.integers(-150, 20),
        sequence=st.none() | st.integers(0, 2**63 - 1),
        boot_id=st.none() | st.from_regex(r"[A-Za-z0-9-]{1,36}", fullmatch=True),
        frequency_mhz=st.none() | st.integers(0, 100_000),
    )
)
def test_every_reading_survives_the_wire_exactly(reading: NodeReading) -> None:
    assert nodes.decode_reading(nodes.encode_reading(reading)) == reading


@pytest.mark.parametrize(
    ("text", "energy_wh"),
    [
        ("12.345", 12_345),
        ("12.3454", 12_345),
        ("12.3455", 12_346),
        ("1.0005", 1_001),
        ("9999.99", 9_999_990),
        ("1e1", 10_000),
        ("0", 0),
        ("7", 7_000),
    ],
)
def test_energy_is_taken_from_its_decimal_text_and_rounded_half_up(
    text: str, energy_wh: int
) -> None:
    message = PUBLISHED.replace(b"12.345", text.encode())

    assert nodes.decode_reading(message).energy_wh == energy_wh


def test_an_exact_energy_wh_wins_over_a_nodes_coarse_float() -> None:
    message = with_field("energy_wh", 12_348)

    assert nodes.decode_reading(message).energy_wh == 12_348


def test_two_energies_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(WireError, match="energy_wh says 99 Wh, but energy_kwh says 12345 Wh"):
        nodes.decode_reading(with_field("energy_wh", 99))


def test_extra_fields_are_read_and_unknown_ones_ignored() -> None:
    message = json.loads(PUBLISHED)
    message |= {"sequence": 7, "boot_id": "b-1", "frequency": 49.9, "colour": "red"}

    reading = nodes.decode_reading(json.dumps(message).encode())

    assert (reading.sequence, reading.boot_id, reading.frequency_mhz) == (7, "b-1", 49_900)


def test_an_offset_is_turned_into_utc() -> None:
    reading = nodes.decode_reading(with_field("timestamp", "2026-01-29T15:15:00+05:30"))

    assert reading.read_at == READING.read_at
    assert reading.read_at.tzinfo is UTC


def test_a_node_that_booted_without_time_is_representable() -> None:
    reading = nodes.decode_reading(with_field("timestamp", "2000-01-01T00:00:05Z"))

    assert reading.read_at.year == 2000


@pytest.mark.parametrize("field", list(json.loads(PUBLISHED)))
def test_each_missing_field_is_named(field: str) -> None:
    with pytest.raises(WireError, match="is missing: send") as caught:
        nodes.decode_reading(without_field(field))

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("voltage", "230", "must be a number without quotes"),
        ("voltage", True, "must be a number without quotes"),
        ("voltage", None, "must be a number without quotes"),
        ("voltage", -1, "must be between 0 and 1000 V, but is -1"),
        ("current", float("nan"), "is NaN: send a number"),
        ("current", float("inf"), "is Infinity: send a number"),
        ("power_w", -3.5, "must be between 0 and 1000000 W, but is -3.5"),
        ("energy_kwh", 1e300, "must be between 0 and 10000000 kWh"),
        ("power_factor", 1.01, "must be between 0 and 1"),
        ("rssi", 21, "must be between -150 and 20 dBm"),
        ("timestamp", 1769679900, "must be a text in double quotes"),
        ("timestamp", "2026-01-29T09:45:00", "must look like 2026-01-29T09:45:00Z"),
        ("timestamp", "2026-02-30T09:45:00Z", "is not a date that exists"),
        ("timestamp", "0001-01-01T00:00:00+05:00", "is not a date that exists"),
        ("device_id", "", "must be 1 to 63 letters"),
        ("device_id", "a/b", "must be 1 to 63 letters"),
        ("device_id", "meter+", "must be 1 to 63 letters"),
        ("device_id", "é", "must be 1 to 63 letters"),
        ("device_id", 5, "must be a text in double quotes"),
        ("sequence", 1.5, "must be a whole number"),
        ("sequence", -1, "must be between 0 and 2"),
        ("boot_id", "two words", "must be 1 to 36 letters"),
        ("frequency", 101, "must be between 0 and 100 Hz"),
    ],
)
def test_each_impossible_value_is_refused_in_a_sentence(
    field: str, value: object, sentence: str
) -> None:
    with pytest.raises(WireError) as caught:
        nodes.decode_reading(with_field(field, value))

    assert caught.value.field == field
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [b"", b"hello", b"[]", b"3", b"\xff\xfe", b"[" * 4000, b"{" * 4000, b" " * 5000, b'{"a":1e}'],
)
def test_what_is_no_json_object_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError, match=r"^message "):
        nodes.decode_reading(payload)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_never_crash(payload: bytes) -> None:
    with pytest.raises(WireError):
        nodes.decode_reading(payload)


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.none() | st.integers(0, 2**63 - 1),
)
def test_an_acknowledgement_survives_the_wire(read_at: datetime, sequence: int | None) -> None:
    boot_id = None if sequence is None else "boot-1"
    ack = Acknowledgement(read_at, sequence, boot_id, sequence)

    assert nodes.decode_ack(nodes.encode_ack(ack)) == ack


def test_status_says_online_or_offline_and_nothing_else() -> None:
    assert nodes.decode_status(nodes.encode_status(online=True)) is True
    assert nodes.decode_status(nodes.encode_status(online=False)) is False
    with pytest.raises(WireError, match="state must be online or offline"):
        nodes.decode_status(b'{"state":"asleep"}')


NUMBERS = st.decimals(0, 1_000, allow_nan=False, places=4) | st.decimals(
    0, 10_000_000, allow_nan=False, places=5
)


@given(
    st.lists(NUMBERS, min_size=4, max_size=4),
    st.sampled_from(["2026-01-29T09:45:00Z", "2026-01-29T09:45:00.5Z", "2026-W05-4T09:45:00Z"]),
    st.sampled_from(["0.98", "1", "0.9995", "1.0", "true", '"1"', "null"]),
)
def test_law_the_quick_way_says_the_same_as_the_careful_one_or_nothing(
    numbers: list[Decimal], timestamp: str, power_factor: str
) -> None:
    voltage, current, power, energy = numbers
    message = (
        f'{{"device_id":"meter-001","timestamp":"{timestamp}","voltage":{voltage},'
        f'"current":{current},"power_w":{power},"energy_kwh":{energy},'
        f'"power_factor":{power_factor},"rssi":-61,"sequence":1}}'
    )
    quick = nodes.decode_quickly(message.encode())
    try:
        careful = nodes.decode_reading(message.encode())
    except WireError:
        assert quick is None
    else:
        assert quick in (None, careful)
        assert careful == nodes._decode_carefully(message.encode())


def test_the_published_message_takes_the_quick_way() -> None:
    assert nodes.decode_quickly(PUBLISHED) == READING
    extended = with_field("energy_wh", 12_348)
    quick = nodes.decode_quickly(extended)
    assert quick is not None
    assert quick.energy_wh == 12_348


@pytest.mark.parametrize("text", ["12.3455", "0.0005", "12.34549999999999999999"])
def test_what_is_too_near_a_half_is_looked_at_closely(text: str) -> None:
    message = PUBLISHED.replace(b"12.345", text.encode())
    assert nodes.decode_quickly(message) is None
    assert (
        nodes.decode_reading(message).energy_wh
        == {
            "12.3455": 12_346,
            "0.0005": 1,
            "12.34549999999999999999": 12_345,
        }[text]
    )
