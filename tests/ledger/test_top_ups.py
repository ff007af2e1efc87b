"""Top-ups are the bytes that the contract reads."""

from __future__ import annotations

import json

import pytest

from gateway.ledger.contracts.meter import Plan, TopUp, encode_top_ups
from tests.ledger.localnet import ROOT

CREDITS = json.loads((ROOT / "tests" / "vectors" / "credit.json").read_text())["digests"]


@pytest.mark.parametrize("vector", CREDITS)
def test_top_ups_are_encoded_as_the_contract_reads_them(vector: dict[str, object]) -> None:
    top_ups = vector["top_ups"]
    assert isinstance(top_ups, list)
    listed = [TopUp(one["meter_id"], one["amount"], Plan(one["plan"])) for one in top_ups]
    head = b"credit" + bytes.fromhex("00000007") + int(str(vector["sequence"])).to_bytes(8)
    assert (head + encode_top_ups(listed)).hex() == vector["canonical"]
