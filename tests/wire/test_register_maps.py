"""Register maps against the replies of real meters, and the promise that a meter is one table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.errors import WireError
from gateway.wire.frames import Function
from gateway.wire.registers import (
    PZEM_004T_V3,
    PZEM_016,
    REGISTER_MAPS,
    Form,
    Measurement,
    Quantity,
    Register,
    RegisterMap,
    decode,
    encode,
    find_map,
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


@pytest.mark.parametrize("table", REGISTER_MAPS.values(), ids=REGISTER_MAPS)
@given(words=st.lists(st.integers(0, 0xFFFF), min_size=9, max_size=9), alarm=st.booleans())
def test_every_word_survives_decode_and_encode(
    table: RegisterMap, words: list[int], *, alarm: bool
) -> None:
    reply = (*words, 0xFFFF if alarm else 0)

    assert encode(table, decode(table, reply)) == reply


@pytest.mark.parametrize("table", REGISTER_MAPS.values(), ids=REGISTER_MAPS)
def test_registers_fill_the_block_that_is_read_without_overlap(table: RegisterMap) -> None:
    covered = [a for r in table.registers for a in range(r.address, r.address + r.words)]

    assert covered == list(range(table.address, table.address + table.count))


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


def test_an_unknown_model_names_those_that_are_known() -> None:
    with pytest.raises(WireError, match="'PZEM-017' is not known: use one of PZEM-004T v3"):
        find_map("PZEM-017")
