"""The short form of thirty days without something; ``make torture`` has the full one."""

from __future__ import annotations

import random

import pytest

from tests.torture.entitled import Account, Unheard
from tests.torture.ground import QUARTER_S, RATES, START_S
from tests.torture.outcome import Tally
from tests.torture.runs import run_here

FIXED = 0
"""The chain is away, with a short return."""


async def test_relays_follow_what_is_known_for_thirty_days_whatever_is_away() -> None:
    fresh = random.SystemRandom().randrange(1 << 40)
    outcomes = await run_here("away", (FIXED, fresh))
    tally = Tally()
    tally.add(outcomes)
    assert not tally.failed, f"python -m tests.torture away --seed {tally.failed[0].seed}"
    assert tally.sums["days_away"] == 30 * len(outcomes)
    assert (tally.sums["wrong_relays"], tally.sums["wh_wrong"]) == (0, 0)
    assert outcomes[0].sums["decisions_checked"] > 500
    assert outcomes[0].sums["local_credits"] > 10
    skipped = [name for name in tally.thrown if "skipped" in name]
    if skipped:
        pytest.skip(f"full and read-only disks {skipped[0]}")


def test_the_reader_takes_off_each_wh_at_the_price_of_its_quarter_hour() -> None:
    account = Account(read_wh=100, is_critical=False, paid_stroops=2)
    account.read(START_S + QUARTER_S, 101)
    account.read(START_S + 2 * QUARTER_S, 102)
    assert account.left_stroops == 2 - (RATES[0] + RATES[1]) // 1_000 == 1
    account.read(START_S + 3 * QUARTER_S, 103)
    assert (account.left_stroops, account.is_entitled(0)) == (-1, False)


def test_the_reader_cuts_nobody_for_an_estimate_until_it_is_settled() -> None:
    account = Account(read_wh=0, is_critical=False, paid_stroops=1)
    account.read(START_S + 2 * QUARTER_S, 1_000)
    assert (account.left_stroops, account.is_entitled(0)) == (-849, True)
    account.settle(START_S + QUARTER_S, is_refused=False)
    assert not account.is_entitled(0)


def test_the_reader_charges_nothing_inside_a_plan_once_it_was_heard_of() -> None:
    account = Account(read_wh=0, is_critical=False)
    account.read(START_S + QUARTER_S, 10)
    account.unheard.append(Unheard(plan=(START_S, START_S + QUARTER_S)))
    assert (account.left_stroops, account.is_entitled(START_S)) == (-7, False)
    account.hear()
    assert (account.left_stroops, account.free_stroops) == (0, 7)
    assert account.is_entitled(START_S + QUARTER_S - 1)
    assert not account.is_entitled(START_S + QUARTER_S)


def test_a_lock_goes_before_everything_and_an_order_before_credit() -> None:
    account = Account(read_wh=0, is_critical=True, order=(True, 10))
    assert account.is_entitled(9)
    account.locks.add("Amina")
    assert not account.is_entitled(9)
