"""A crowded network: what is offered for a place in a ledger, never too much, and paid once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import xdr

from gateway.ledger.answers import FeeStats
from gateway.ledger.fees import BASE_FEE_STROOPS, inclusion_offer
from gateway.store.database import Database
from gateway.store.outbox import find_open
from tests.ledger.verdict import assert_settled_once, batches, facts
from tests.ledger.village import HOUR_S, START_S, Village, client_of, settlement_status, use
from tests.ledger.wire import Fault, JsonObject, Request, Rule, tapped

ONE = START_S + HOUR_S + 200
TICKS = 20


@given(st.integers(0, 1000), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(100, 10**9))
def test_law_an_offer_rises_with_each_attempt_and_never_beyond_the_limit(
    attempts: int, usual: int, high: int, most: int
) -> None:
    stats = FeeStats(min(usual, high), max(usual, high))
    for known in (None, stats):
        offer = inclusion_offer(attempts, known, most)
        assert BASE_FEE_STROOPS <= offer <= most
        assert inclusion_offer(attempts + 1, known, most) >= offer


def bid(envelope: str) -> int:
    """What an envelope offers for a place, stroops."""
    signed = xdr.TransactionEnvelope.from_xdr(envelope).v1
    assert signed is not None
    assert signed.tx.ext.soroban_data is not None
    return signed.tx.fee.uint32 - signed.tx.ext.soroban_data.resource_fee.int64


def sequence(envelope: str) -> int:
    """The account's sequence number that it uses."""
    signed = xdr.TransactionEnvelope.from_xdr(envelope).v1
    assert signed is not None
    return signed.tx.seq_num.sequence_number.int64


def turned_away() -> JsonObject:
    """The network's answer to too low an offer."""
    code = xdr.TransactionResultCode.txINSUFFICIENT_FEE
    result = xdr.TransactionResult(
        xdr.Int64(100), xdr.TransactionResultResult(code), xdr.TransactionResultExt(0)
    )
    return {
        "status": "ERROR",
        "hash": "0" * 64,
        "latestLedger": 1,
        "latestLedgerCloseTime": "1",
        "errorResultXdr": result.to_xdr(),
    }


def crowded(least: int, stats: JsonObject | None = None) -> Rule:
    """A network that takes nothing that offers less than so many stroops."""

    def rule(request: Request) -> JsonObject | Fault | None:
        if request.method == "getFeeStats":
            return stats or Fault.LOSE_REQUEST
        if request.method != "sendTransaction":
            return None
        return turned_away() if bid(str(request.params["transaction"])) < least else None

    return rule


def paid(usual: int, high: int) -> JsonObject:
    """What a server tells about fees."""
    names = ("min", "mode", "p10", "p20", "p30", "p40", "p50", "p60", "p70", "p80")
    figures = dict.fromkeys(names, str(usual)) | dict.fromkeys(
        ("p90", "p95", "p99", "max"), str(high)
    )
    one: JsonObject = {**figures, "transactionCount": "10", "ledgerCount": 50}
    return {"sorobanInclusionFee": one, "inclusionFee": one, "latestLedger": 1}


async def test_more_is_offered_under_the_same_sequence_number_until_the_network_takes_it(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    async with (
        tapped(village.localnet.url, crowded(1_000)) as wire,
        client_of(wire.url) as client,
    ):
        submitter = village.submitter(database, client)
        for _ in range(TICKS):
            await submitter.tick(now)
        offers = [bid(one) for one in dict.fromkeys(wire.sent())]
        assert offers == [100, 200, 400, 800, 1_600]
        assert len({sequence(one) for one in wire.sent()}) == 1
    assert await find_open(database) is None
    assert_settled_once(facts(village, database))


async def test_what_others_pay_is_asked_and_offered(village: Village, database: Database) -> None:
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    rule = crowded(50_000, paid(250, 70_000))
    async with tapped(village.localnet.url, rule) as wire, client_of(wire.url) as client:
        submitter = village.submitter(database, client)
        for _ in range(TICKS):
            await submitter.tick(now)
        assert [bid(one) for one in dict.fromkeys(wire.sent())] == [250, 70_000]
    assert_settled_once(facts(village, database))


async def test_no_more_is_offered_than_the_limit_and_the_operator_is_told(
    village: Village, database: Database
) -> None:
    settings = replace(village.settings, max_inclusion_fee_stroops=300)
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    thrifty = replace(village, settings=settings)
    rule = crowded(1_000, paid(100, 10**8))
    async with tapped(village.localnet.url, rule) as wire, client_of(wire.url) as client:
        submitter = thrifty.submitter(database, client)
        for _ in range(TICKS):
            await submitter.tick(now)
        assert max(bid(one) for one in wire.sent()) == 300
        status = await settlement_status(database)
        assert status.state == "alarm"
        assert "chain.max_inclusion_fee_stroops" in status.message
        wire.rule = lambda _: None  # the crowd is gone
        for _ in range(4):
            await submitter.tick(now)
    assert (await settlement_status(database)).state == "online"
    assert_settled_once(facts(village, database))


@pytest.mark.parametrize("last", [False, True], ids=["before the next", "after the next"])
async def test_an_envelope_that_was_turned_away_and_gets_in_after_all_settles_once(
    village: Village, database: Database, *, last: bool
) -> None:
    """Somebody on the way kept it: whichever of the two comes first, the other is refused."""
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    async with (
        tapped(village.localnet.url, crowded(150)) as wire,
        client_of(wire.url) as client,
    ):
        submitter = village.submitter(database, client)
        while not wire.sent():
            await submitter.tick(now)
        first = wire.sent()[0]
        if last:
            while len(wire.sent()) < 2:
                await submitter.tick(now)
        village.localnet.ask("sendTransaction", {"transaction": first})
        for _ in range(TICKS):
            await submitter.tick(now)
    await village.settle(database, ONE + village.settings.valid_for_s + 1)
    assert [row[4] for row in batches(database)] == ["confirmed"]
    assert_settled_once(facts(village, database))
