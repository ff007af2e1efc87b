"""Register maps against the replies of real meters, and the promise that a meter is one table."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.errors import WireError
from gateway.wire.frames import MAX_READ_WORDS, Function, ReadReply, decode_reply
from gateway.wire.meters import (
    FAMILIES,
    PZEM_004T_V3,
    PZEM_016,
    PZEM_017,
    REGISTER_MAPS,
    SDM120,
    SDM230,
)
from gateway.wire.registers import (
    decode,
    decode_unit,
    encode,
    encode_unit,
    find_map,
    read_request,
    unit_request,
)
from gateway.wire.tables import (
    COUNTERS,
    Form,
    Measurement,
    Quantity,
    Register,
    RegisterMap,
    UnitRegister,
)

TABLES = pytest.mark.parametrize("table", REGISTER_MAPS.values(), ids=REGISTER_MAPS)
COUNTS = pytest.mark.parametrize(
    "table", [one for family in FAMILIES[:2] for one in family], ids=lambda one: one.model
)
OTHER_MAKER = RegisterMap(
    model="a meter with floats, high word first, and signed power",
    datasheet_url="https://example.org/datasheet",
    function=Function.READ_HOLDING,
    address=0x0100,
    count=7,
    registers=(
        Register(
            "total", 0x0100, 2, Quantity.ENERGY_WH, 1_000, low_word_first=False, form=Form.FLOAT
        ),
        Register(
            "power", 0x0103, 2, Quantity.POWER_MW, 100, low_word_first=False, form=Form.SIGNED
        ),
        Register("volts", 0x0106, 1, Quantity.VOLTAGE_MV, 100),
    ),
    ranges=(),
    unit=UnitRegister(0x0015),
)


def test_the_makers_example_decodes_to_what_the_maker_says() -> None:
    words = [0x0898, 0x03E8, 0, 0x0898, 0, 0, 0, 0x01F4, 0x0064, 0]

    assert decode(PZEM_004T_V3, words) == Measurement(
        voltage_mv=220_000,
        current_ma=1_000,
        power_mw=220_000,
        energy_wh=0,
        frequency_mhz=50_000,
        power_factor_milli=1_000,
    )


def test_a_reply_sniffed_from_a_real_meter_decodes_low_word_first() -> None:
    words = [0x04D1, 0x619C, 1, 0x97EF, 0, 0x1E40, 2, 0x0257, 0x0023, 0]

    assert decode(PZEM_016, words) == Measurement(
        voltage_mv=123_300,
        current_ma=90_524,
        power_mw=3_889_500,
        energy_wh=138_816,
        frequency_mhz=59_900,
        power_factor_milli=350,
    )


def test_a_reply_sniffed_from_a_real_dc_meter_decodes() -> None:
    """From Tasmota's xnrg_06_pzem_dc.ino, CRC included."""
    frame = bytes.fromhex("01 04 10 05 40 00 0A 00 0D 00 00 00 02 00 00 00 00 00 00 D6 29")

    reply = decode_reply(frame, read_request(PZEM_017, 1))

    assert isinstance(reply, ReadReply)
    assert decode(PZEM_017, reply.words) == Measurement(
        voltage_mv=13_440, current_ma=100, power_mw=1_300, energy_wh=2
    )


def test_an_eastron_float_is_high_word_first() -> None:
    """43 66 33 34 is 230.2 in Eastron's manuals (https://manualshive.com/en/manual/eastron/sdm320y/522570)."""
    words = [0x4366, 0x3334] + [0] * 74

    assert decode(SDM120, words) == Measurement(
        voltage_mv=230_200,
        current_ma=0,
        power_mw=0,
        power_factor_milli=0,
        frequency_mhz=0,
        energy_wh=0,
        export_wh=0,
    )


@pytest.mark.parametrize(
    ("first_word", "kwh"), [(0x0048, "import"), (0x004A, "export")], ids=["import", "export"]
)
def test_import_and_export_are_two_registers_and_only_import_is_usage(
    first_word: int, kwh: str
) -> None:
    words = [0] * 76
    words[first_word : first_word + 2] = struct.unpack(">HH", struct.pack(">f", 12.345))

    measured = decode(SDM230, words)

    assert (measured.energy_wh, measured.export_wh) == (
        (12_345, 0) if kwh == "import" else (0, 12_345)
    )


@given(energy_wh=st.integers(0, 16_384_000), export_wh=st.integers(0, 16_384_000))
def test_an_eastron_float_gives_back_every_wh_up_to_16_mwh(energy_wh: int, export_wh: int) -> None:
    counted = Measurement(energy_wh=energy_wh, export_wh=export_wh)

    decoded = decode(SDM230, encode(SDM230, counted))

    assert (decoded.energy_wh, decoded.export_wh) == (energy_wh, export_wh)


@given(low=st.floats(0, 999_999, width=32), high=st.floats(0, 999_999, width=32))
def test_a_float_register_that_grows_never_seems_to_fall(low: float, high: float) -> None:
    first, second = (
        decode(SDM120, [0] * 0x48 + list(struct.unpack(">HH", struct.pack(">f", kwh))) + [0] * 2)
        for kwh in sorted((low, high))
    )

    assert first.energy_wh <= second.energy_wh


@COUNTS
@given(data=st.data(), alarm=st.booleans())
def test_every_word_survives_decode_and_encode(
    table: RegisterMap, data: st.DataObject, *, alarm: bool
) -> None:
    alarms = sum(one.quantity is Quantity.ALARM for one in table.registers)
    measured = table.count - alarms
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=measured, max_size=measured))
    reply = (*words, *[0xFFFF if alarm else 0] * alarms)

    assert encode(table, decode(table, reply)) == reply


@TABLES
@given(data=st.data())
def test_no_words_crash_a_table_or_give_negative_energy(
    table: RegisterMap, data: st.DataObject
) -> None:
    size = data.draw(st.sampled_from([table.count, 0, 1, MAX_READ_WORDS]))
    words = struct.unpack(f">{size}H", data.draw(st.binary(min_size=2 * size, max_size=2 * size)))
    try:
        measured = decode(table, words)
    except WireError:
        return
    assert measured.energy_wh >= 0
    assert (measured.export_wh or 0) >= 0


@TABLES
def test_a_table_is_sound(table: RegisterMap) -> None:
    """Its registers lie in the block that is read, none on another, and each value has a range."""
    covered = [a for r in table.registers for a in range(r.address, r.address + r.words)]
    assert len(covered) == len(set(covered))
    assert set(covered) <= set(range(table.address, table.address + table.count))
    assert table.count <= 80
    assert table.datasheet_url.startswith("https://")
    quantities = {one.quantity for one in table.registers} - {Quantity.ALARM}
    assert quantities >= {Quantity.ENERGY_WH, Quantity.POWER_MW, Quantity.VOLTAGE_MV}
    assert sorted(one.quantity for one in table.ranges) == sorted(quantities)
    for limits in table.ranges:
        assert limits.low <= limits.likely_low <= limits.likely_high <= limits.high
        assert limits.low == 0 or limits.quantity not in COUNTERS


@TABLES
@given(unit=st.integers(1, 247))
def test_a_meter_s_own_unit_id_is_understood(table: RegisterMap, unit: int) -> None:
    words = encode_unit(table, unit)

    assert len(words) == unit_request(table, unit).count
    assert decode_unit(words) == unit


@given(words=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=2))
def test_what_is_no_unit_id_is_none_and_no_crash(words: list[int]) -> None:
    unit = decode_unit(words)

    assert unit is None or isinstance(unit, int)


def test_what_is_finer_than_a_count_is_cut_off() -> None:
    fine = Measurement(energy_wh=7, voltage_mv=230_199, power_mw=99, power_factor_milli=987)

    coarse = decode(PZEM_016, encode(PZEM_016, fine))

    assert (coarse.voltage_mv, coarse.power_mw, coarse.power_factor_milli) == (230_100, 0, 980)


def test_another_makers_meter_is_one_table() -> None:
    measured = Measurement(energy_wh=12_500, power_mw=-1_500, voltage_mv=230_000)

    words = encode(OTHER_MAKER, measured)

    assert words == (0x4148, 0x0000, 0, 0xFFFF, 0xFFF1, 0, 2300)
    assert decode(OTHER_MAKER, words) == measured


def test_a_float_that_is_no_number_is_refused_by_name() -> None:
    with pytest.raises(WireError, match="total is nan"):
        decode(OTHER_MAKER, [0x7FC0, 0, 0, 0, 0, 0, 0])


def test_a_reply_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(WireError, match="reply has 9 words, PZEM-016 sends 10"):
        decode(PZEM_016, [0] * 9)


@pytest.mark.parametrize(
    "impossible",
    [Measurement(energy_wh=1 << 32), Measurement(energy_wh=-1)],
    ids=["big", "negative"],
)
def test_a_value_that_does_not_fit_its_register_is_refused(impossible: Measurement) -> None:
    with pytest.raises(WireError, match="energy cannot hold"):
        encode(PZEM_016, impossible)


@pytest.mark.parametrize("kwh", [-0.002, -1e30])
def test_a_counter_below_zero_is_refused(kwh: float) -> None:
    words = [0] * 0x48 + list(struct.unpack(">HH", struct.pack(">f", kwh))) + [0] * 2

    with pytest.raises(WireError, match=r"import active energy is -.* Wh, below 0"):
        decode(SDM230, words)


def test_an_unknown_model_names_those_that_are_known() -> None:
    with pytest.raises(WireError, match=r"'PZEM-099' is not known: use one of PZEM-003, PZEM-004T"):
        find_map("PZEM-099")
