"""The batch and page formats, held to the vectors that the contract is held to as well."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.batches import (
    COLUMNS,
    U32_MAX,
    Batch,
    PageUsage,
    SlotUsage,
    decode_batch_data,
    encode_batch_data,
)
from gateway.domain.pages import PAGE_RECORDS, decode_page, page_of

VECTORS = Path(__file__).parents[1] / "vectors"
BATCH = json.loads((VECTORS / "batch.json").read_text("utf-8"))
PAGE = json.loads((VECTORS / "page.json").read_text("utf-8"))
MODES = ("prepaid", "streaming", "postpaid")


@pytest.mark.parametrize("vector", PAGE["records"], ids=lambda vector: vector["name"])
def test_a_record_reads_as_the_contract_wrote_it(vector: dict[str, int | str]) -> None:
    page = bytes([1, 48, 1, 0, 0, 0, 0, 0]) + bytes.fromhex(str(vector["hex"]))
    (record,) = decode_page(page)
    assert (record.total_wh, record.balance) == (vector["total_wh"], vector["balance"])
    assert (record.paid_from_s, record.paid_until_s) == (vector["paid_from"], vector["paid_until"])
    assert record.last_read_s == vector["last_read_at"]
    assert record.market_credit_wh == vector["market_credit_wh"]
    assert record.remainder_milli == vector["remainder"]
    assert record.max_power_w == vector["max_power_w"]
    assert (record.plan, record.flags, record.version) == (
        vector["plan"],
        vector["flags"],
        vector["version"],
    )
    assert record.is_deactivated is vector["deactivated"]
    assert record.settlement_mode == MODES[int(vector["mode"])]
    assert record.is_registered


@pytest.mark.parametrize(
    ("change", "active"),
    [
        ({}, False),
        ({"paid_until_s": 101}, True),
        ({"paid_until_s": 100}, False),
        ({"balance": 1}, True),
        ({"market_credit_wh": 1}, True),
        ({"market_credit_wh": 1, "flags": 0b11}, False),
        ({"flags": 0b01001}, True),
    ],
    ids=["nothing", "plan", "plan ends now", "money", "market", "deactivated", "streaming"],
)
def test_a_meter_is_active_as_the_contract_says(change: dict[str, int], active: bool) -> None:  # noqa: FBT001 - a table
    (record,) = decode_page(bytes([1, 48, 1, 0, 0, 0, 0, 0]) + bytes(37) + b"\1" + bytes(10))
    assert replace(record, **change).is_active_at(100) is active


def test_a_hole_in_a_page_is_no_meter() -> None:
    (record,) = decode_page(bytes([1, 48, 1, 0, 0, 0, 0, 0]) + bytes(48))
    assert not record.is_registered


@pytest.mark.parametrize("vector", PAGE["pages"], ids=lambda vector: f"{vector['count']} records")
def test_a_page_holds_its_records_in_order(vector: dict[str, int | str]) -> None:
    records = decode_page(bytes.fromhex(str(vector["hex"])))
    expected = [record["total_wh"] for record in PAGE["records"][: int(vector["count"])]]
    assert [record.total_wh for record in records] == expected


@pytest.mark.parametrize(
    "data",
    [b"", bytes(7), bytes([2, 48, 0, 0, 0, 0, 0, 0]), bytes([1, 24, 0, 0, 0, 0, 0, 0]),
     bytes([1, 48, 1, 0, 0, 0, 0, 0])],
    ids=["empty", "short", "other layout", "other record", "truncated"],
)  # fmt: skip
def test_a_page_of_another_layout_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"layout|bytes"):
        decode_page(data)


@pytest.mark.parametrize("vector", BATCH["pages"], ids=lambda vector: vector["name"])
def test_page_data_encodes_as_the_contract_reads_it(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    decoded = decode_batch_data(PageUsage(0, data))
    names = [f"{column}_wh" for column in COLUMNS]
    assert [(usage.slot, *usage.columns) for usage in decoded] == [
        (usage["index"], *(usage.get(name, 0) for name in names)) for usage in vector["usage"]
    ]
    assert encode_batch_data(decoded) == data


def test_market_energy_is_the_fifth_column() -> None:
    (page,) = Batch(1, bytes(16), 1, 0, 900, 1, None, (SlotUsage(0, market_wh=250),)).pages()
    assert page.data.hex() == "0000000000000001" + "10" + "000000fa"


@pytest.mark.parametrize("vector", BATCH["invalid_pages"], ids=lambda vector: vector["reason"])
def test_page_data_that_the_contract_refuses_is_refused_here(vector: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="page 0"):
        decode_batch_data(PageUsage(0, bytes.fromhex(vector["hex"])))


@pytest.mark.parametrize("vector", BATCH["digests"], ids=lambda vector: vector["sequence"])
def test_the_digest_chains_as_in_the_contract(vector: dict[str, object]) -> None:
    pages = vector["pages"]
    assert isinstance(pages, list)
    slots = [
        usage
        for page in pages
        for usage in decode_batch_data(PageUsage(page["page"], bytes.fromhex(page["data"])))
    ]
    root = vector["root"]
    batch = Batch(
        site=int(str(vector["site"])),
        writer=bytes.fromhex(str(vector["writer"])),
        sequence=int(str(vector["sequence"])),
        from_s=int(str(vector["from"])),
        to_s=int(str(vector["to"])),
        price_version=int(str(vector["price_version"])),
        root=bytes.fromhex(str(root)) if root else None,
        slots=tuple(slots),
    )
    assert batch.canonical().hex() == vector["canonical"]
    network_id = hashlib.sha256(str(vector["network_passphrase"]).encode()).digest()
    assert network_id.hex() == vector["network_id"]
    previous = bytes.fromhex(str(vector["previous_digest"]))
    assert batch.digest(previous, network_id, str(vector["contract"])).hex() == vector["digest"]


column = st.integers(0, U32_MAX)


@st.composite
def slot_usages(draw: st.DrawFn) -> list[SlotUsage]:
    slots = sorted(draw(st.sets(st.integers(0, 3 * PAGE_RECORDS), min_size=1, max_size=70)))
    return [SlotUsage(slot, *(draw(column) for _ in range(5))) for slot in slots]


@given(slot_usages())
def test_every_wh_survives_the_encoding(slots: list[SlotUsage]) -> None:
    batch = Batch(1, bytes(16), 1, 0, 900, 1, None, tuple(slots))
    decoded = [usage for page in batch.pages() for usage in decode_batch_data(page)]
    assert decoded == slots
    assert [page.page for page in batch.pages()] == sorted({page_of(usage.slot) for usage in slots})


def test_any_change_of_a_batch_changes_its_digest() -> None:
    batch = Batch(1, bytes(16), 1, 0, 900, 1, None, (SlotUsage(0, 1), SlotUsage(1, 2)))
    others = [
        replace(batch, site=2),
        replace(batch, writer=bytes(15) + b"\1"),
        replace(batch, sequence=2),
        replace(batch, to_s=1800),
        replace(batch, price_version=2),
        replace(batch, root=bytes(31) + b"\1"),
        replace(batch, slots=(SlotUsage(0, 2), SlotUsage(1, 1))),
    ]
    digests = {one.digest(bytes(32), bytes(32), "C" * 56) for one in [batch, *others]}
    assert len(digests) == len(others) + 1
