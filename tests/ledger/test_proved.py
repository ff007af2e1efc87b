"""A bill is proved through whatever settling went through: refused, split, in doubt, taken over."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from gateway.clock import Clock
from gateway.errors import Transient
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter
from gateway.ledger.limits import Limits
from gateway.ledger.takeover import take_over
from gateway.store.database import Database
from tests.commands.stored import gateway
from tests.ledger.billed import GRACE_S, Household, copied
from tests.ledger.localnet import PASSPHRASE
from tests.ledger.verdict import batches, facts
from tests.ledger.village import HOUR_S, START_S, Village, client_of
from tests.ledger.wire import Fault, lose, tapped


@pytest.fixture
def home(village: Village, database: Database) -> Household:
    return Household(village, database)


async def verify(home: Household, *more: str, label: str = "house-0") -> tuple[int, str]:
    """The command, in a process of its own; its status and what it says."""
    config = str(home.config())
    command = ("verify", "--config", config, "--settlement", "--meter", label, *more)
    process = await asyncio.create_subprocess_exec(
        *gateway(*command), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    return process.returncode or 0, (out + err).decode()


async def proved(home: Household, *more: str, label: str = "house-0") -> str:
    """What is said of a meter, offline and online; everything has to agree."""
    for options in ((), ("--online",)):
        status, said = await verify(home, *more, *options, label=label)
        assert status == 0, said
    return said if "--json" in more else " ".join(said.split())


async def document(home: Household, label: str = "house-0") -> dict[str, Any]:
    """The same for machines, asked online."""
    status, said = await verify(home, "--json", "--online", label=label)
    assert status == 0, said
    found: list[dict[str, Any]] = json.loads(said)
    return found[0]


def uses(found: dict[str, Any]) -> dict[str, int]:
    """Wh by what took them."""
    sums: dict[str, int] = {}
    for quarter in found["quarters"]:
        for part in quarter["taken"]:
            sums[part["use"]] = sums.get(part["use"], 0) + part["wh"]
    return sums


async def test_a_batch_that_was_given_up_is_named_and_its_usage_is_in_the_next(
    home: Household, village: Village
) -> None:
    await home.live(2.2)
    narrow = LedgerClient([village.localnet.url], PASSPHRASE, Limits(instructions=1))
    now = village.until(START_S + 2 * HOUR_S + GRACE_S)
    submitter = village.submitter(home.database, narrow)
    for _ in range(2):
        await submitter.tick(now)
    await narrow.close()
    await home.settle()
    assert batches(home.database)[0][4] == "refused"
    said = await proved(home)
    assert "batch 1, given up: too large" in said
    found = await document(home)
    assert sum(uses(found).values()) == facts(village, home.database)[0].chain_wh
    assert [one["sequence"] for one in found["batches"]] == [1]


async def test_meters_that_went_into_different_batches_are_each_proved(
    home: Household, village: Village
) -> None:
    await home.live(2.2)
    submitter = village.submitter(home.database)
    submitter._max_slots = 2
    now = village.until(START_S + 2 * HOUR_S + GRACE_S)
    for _ in range(20):
        await submitter.tick(now)
    assert len(batches(home.database)) > 1
    for slot in range(3):
        found = await document(home, label=f"house-{slot}")
        assert sum(uses(found).values()) == facts(village, home.database)[slot].chain_wh > 0


async def test_usage_before_and_after_a_new_price_is_charged_at_each(
    home: Household, village: Village
) -> None:
    change_s = START_S + 25 * HOUR_S
    await village.do(meter.set_price(village.settings.contract, change_s, (1_401, 2_003, 3_007)))
    await home.live(23)
    await home.settle()
    await home.live(4.2)
    await home.settle()
    found = await document(home)
    assert [one["price_version"] for one in found["batches"]] == [1, 1, 2]
    charged = sum(one["charge"]["stroops"] for one in found["batches"])
    assert charged == -facts(village, home.database)[0].balance > 0


async def test_a_batch_in_doubt_is_shown_as_waiting_and_nothing_disagrees(
    home: Household, village: Village
) -> None:
    await home.live(1.2)
    await home.settle()
    await home.live(1)
    now = village.until(START_S + 2 * HOUR_S + GRACE_S)
    cut = tapped(village.localnet.url, lose("sendTransaction", Fault.LOSE_ANSWER))
    async with cut as wire, client_of(wire.url) as client:
        with pytest.raises(Transient):
            await village.submitter(home.database, client).tick(now)
    said = await proved(home)
    assert "it waits for the contract's answer" in said
    await home.settle()
    assert "waits for the contract's answer" not in await proved(home)


async def lost_two_hours(home: Household) -> Household:
    """A backup that is two hours and a batch behind, brought back in another file."""
    village = home.village
    await home.live(2.2)
    await home.settle()
    copied(home.database, village.folder / "restored.db")
    await home.live(2)
    await home.settle()
    restored = Household(village, await village.open("restored.db"))
    return replace(restored, registers=list(home.registers), read_s=home.read_s)


async def adopt(home: Household) -> None:
    """The operator's act."""
    village = home.village
    await take_over(village.settings, home.database, Clock(), village.client, village.key)


async def test_what_another_database_settled_is_adopted_usage_and_the_totals_agree(
    home: Household, village: Village
) -> None:
    restored = await lost_two_hours(home)
    await restored.live(0.5)  # the registers went on: the gap is counted first
    await adopt(restored)
    await restored.live(1)
    await restored.settle()
    said = await proved(restored)
    assert "batch 2 is another database's, adopted from the contract's receipt" in said
    found = await document(restored)
    assert [one["sequence"] for one in found["batches"]] == [1, 3]
    assert found["contract"]["adopted_wh"] == uses(found)["adopted"] > 0
    assert found["linked"] == [3, 3]
    total_wh = facts(village, restored.database)[0].chain_wh
    assert sum(uses(found).values()) == total_wh == found["online"]["total_wh"]


async def test_what_the_chain_had_counted_first_is_absorbed_usage(
    home: Household, village: Village
) -> None:
    restored = await lost_two_hours(home)
    await adopt(restored)
    found = await document(restored)
    ahead_wh = found["contract"]["ahead_wh"]
    assert ahead_wh > 0
    await restored.live(1)
    await restored.settle()
    found = await document(restored)
    assert uses(found)["absorbed"] == ahead_wh - found["contract"]["ahead_wh"] > 0
    assert found["contract"]["total_wh"] == facts(village, restored.database)[0].chain_wh


async def test_the_database_that_was_taken_over_from_is_no_proof_any_more(home: Household) -> None:
    restored = await lost_two_hours(home)
    await adopt(restored)
    await restored.live(1)
    await restored.settle()
    status, said = await verify(home, "--online")
    assert status == 1
    assert "the contract's receipt is of batch 3, and this file's batches end at 2" in " ".join(
        said.split()
    )
