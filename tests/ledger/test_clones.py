"""Two gateways with one key: one settles, the other stops, says so, and goes on metering."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress

import pytest

from gateway.clock import Clock
from gateway.errors import Transient
from gateway.ledger.submit import Submitter
from gateway.ledger.takeover import take_over
from gateway.store.database import Database
from tests.ledger.verdict import assert_settled_once, batches, facts
from tests.ledger.village import (
    HOUR_S,
    START_S,
    Village,
    client_of,
    settlement_status,
    use,
)
from tests.ledger.wire import lose, tapped

GRACE_S = 200
TICKS = 10


def due(hour: int) -> int:
    """When the usage of an hour may be settled."""
    return START_S + (hour + 1) * HOUR_S + GRACE_S


async def pair(village: Village) -> tuple[Database, Database]:
    """A gateway that has settled an hour, and a clone of its card."""
    first = await village.open()
    use(first, 0, START_S, 100)
    await village.settle(first, due(0))
    with (
        closing(sqlite3.connect(first.path)) as source,
        closing(sqlite3.connect(village.folder / "clone.db")) as copy,
    ):
        source.backup(copy)
    return first, await village.open("clone.db")


async def signed(village: Village, database: Database, hour: int) -> Submitter:
    """A submitter whose batch is signed, stored, and can't leave for now."""
    now = village.until(due(hour))
    async with (
        tapped(village.localnet.url, lose("sendTransaction")) as wire,
        client_of(wire.url) as client,
    ):
        with pytest.raises(Transient):
            await village.submitter(database, client).tick(now)
    return village.submitter(database)


async def drive(village: Village, submitter: Submitter, second: int) -> None:
    """Let one gateway work for a while."""
    now = village.until(second)
    for _ in range(TICKS):
        with suppress(Transient):
            await submitter.tick(now)


@pytest.mark.parametrize("winner", [0, 1], ids=["the first", "the clone"])
async def test_of_two_that_have_both_signed_the_later_one_stops(
    village: Village, winner: int
) -> None:
    """Same account, same sequence number, same batch number, other usage: the receipt decides."""
    both = await pair(village)
    for number, database in enumerate(both):
        use(database, 0, START_S + HOUR_S, 10 + number)
    submitters = [await signed(village, database, 1) for database in both]
    for number in (winner, 1 - winner):
        await drive(village, submitters[number], due(1))
    wins, loses = both[winner], both[1 - winner]
    assert (await settlement_status(wins)).state == "online"
    status = await settlement_status(loses)
    assert status.state == "alarm"
    assert "switch that off" in status.message
    assert_settled_once(facts(village, wins))
    assert facts(village, wins)[0].chain_wh == 110 + winner

    # Both meter on; only the winner's usage goes to the chain.
    for database in both:
        use(database, 0, START_S + 2 * HOUR_S, 7)
    later = due(2) + village.settings.valid_for_s
    await drive(village, submitters[1 - winner], later)
    await drive(village, submitters[winner], later)
    assert facts(village, wins)[0].chain_wh == 117 + winner
    assert facts(village, loses)[0].usage_wh == 118 - winner
    assert (await settlement_status(loses)).state == "alarm"


async def test_a_clone_that_counted_the_same_is_found_out_when_it_counts_something_else(
    village: Village,
) -> None:
    """As long as both say the same to the byte, the batch is one and the same."""
    first, clone = await pair(village)
    for database in (first, clone):
        use(database, 0, START_S + HOUR_S, 10)
    submitters = [await signed(village, database, 1) for database in (first, clone)]
    for submitter, database in zip(submitters, (first, clone), strict=True):
        await drive(village, submitter, due(1))
        assert (await settlement_status(database)).state == "online"
    assert facts(village, first)[0].chain_wh == 110
    for number, database in enumerate((first, clone)):
        use(database, 0, START_S + 2 * HOUR_S, 20 + number)
        await drive(village, village.submitter(database), due(2))
    assert (await settlement_status(first)).state == "online"
    assert (await settlement_status(clone)).state == "alarm"
    assert_settled_once(facts(village, first))


async def test_the_operator_may_choose_the_other_one(village: Village) -> None:
    """The clone hangs in the powerhouse, the one that won doesn't: the clone takes over."""
    first, clone = await pair(village)
    for number, database in enumerate((first, clone)):
        use(database, 0, START_S + HOUR_S, 10 + number)
        await drive(village, village.submitter(database), due(1))
    assert (await settlement_status(clone)).state == "alarm"
    village.until(due(1) + village.settings.valid_for_s + 1)
    await take_over(village.settings, clone, Clock(), village.client, village.key)
    use(clone, 0, START_S + 2 * HOUR_S, 5)
    await drive(village, village.submitter(clone), due(2))
    await drive(village, village.submitter(first), due(2))
    assert_settled_once(facts(village, clone))
    assert facts(village, clone)[0].chain_wh == 116
    status = await settlement_status(first)
    assert status.state == "alarm" or batches(first)[-1][4] == "confirmed"
    use(first, 0, START_S + 2 * HOUR_S, 9)
    await drive(village, village.submitter(first), due(3))
    assert "another gateway settles" in (await settlement_status(first)).message
