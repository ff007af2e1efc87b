"""Proving which relay switches which meter: the real command, in a village that is wired wrong.

Two houses hang on a bus with GPIO relays, two behind nodes; each draws 2 kW while connected.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.simulation.pzem import Fault
from tests.system.field import LINES, LOAD_MW, World, world_in

LOAD_W = LOAD_MW // 1000
WITHIN_S = 120.0


@dataclass
class Wiring:
    """How an electrician left it: house by GPIO line, and lines whose relay never opens again."""

    houses: dict[int, Sequence[int]] = field(
        default_factory=lambda: {line: (number,) for number, line in enumerate(LINES)}
    )
    sticky: set[int] = field(default_factory=set)


class Site(World):
    """The world, wired by hand, and the command that finds out how."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.wiring = Wiring()

    def _switch(self, line: int, level: int) -> None:
        if line in self.wiring.sticky and not level:
            return
        for number in self.wiring.houses.get(line, ()):
            self.homes[number].set_supply(connected=bool(level), at_ms=self.now_ms())

    async def commission(
        self, *words: str, typed: str = "", wait_s: float = 3.0
    ) -> tuple[int, str]:
        """Run the command; returns its exit status and what it said."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "commission", "--config", str(self.config)),
            *("--wait-s", str(wait_s), *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **self.pins.environment},
        )
        async with asyncio.timeout(WITHIN_S):
            said, _ = await process.communicate(typed.encode())
        assert process.returncode is not None
        return process.returncode, said.decode()

    async def prove(self, *labels: str) -> tuple[int, str]:
        """Without a person."""
        return await self.commission(*labels, "--yes", "--load-w", str(LOAD_W))

    @property
    def journal(self) -> list[tuple[str, str]]:
        """Kind and sentence of what commissioning found."""
        return [
            (kind, detail)
            for kind, detail in self.rows("SELECT kind, detail FROM event ORDER BY event_id")
            if kind.startswith("commission")
        ]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with world_in(tmp_path, Site) as world:
        assert isinstance(world, Site)
        yield world


async def test_every_relay_of_a_village_wired_right_is_proven(site: Site) -> None:
    status, said = await site.prove()
    assert "4 of 4 proven" in said
    assert status == 0
    for number in range(1, 5):
        assert (
            f"house-{number}: its relay moves its own meter and no other: 2000.0 W under a load "
            "of 2000 W"
        ) in said
    assert [kind for kind, _ in site.journal] == ["commissioned"] * 4
    assert site.bus.counters.gap_violations == 0


async def test_crossed_relays_are_refused_with_both_names(site: Site) -> None:
    site.wiring.houses = {LINES[0]: (1,), LINES[1]: (0,)}
    status, said = await site.prove("house-1", "house-2")
    assert status == 1
    assert "house-1: relay of house-1 moves the meter of house-2: swap their wires" in said
    assert "house-2: relay of house-2 moves the meter of house-1: swap their wires" in said
    assert [kind for kind, _ in site.journal] == ["commission-failed"] * 2
    assert "0 of 2 proven" in said


async def test_a_relay_that_feeds_two_houses_is_refused(site: Site) -> None:
    site.wiring.houses = {LINES[0]: (0, 1)}
    for home in site.homes[:2]:
        home.set_supply(connected=False, at_ms=site.now_ms())
    status, said = await site.prove("house-1")
    assert status == 1
    assert "house-1: relay of house-1 moves its own meter and that of house-2" in said


async def test_without_a_load_nothing_is_proven(site: Site) -> None:
    site.homes[0].freeze(site.now_ms())
    status, said = await site.prove("house-1")
    assert status == 1
    assert "house-1: no meter showed the load of 2000 W within 3 s: is it plugged in" in said


async def test_a_meter_that_is_dead_is_named_and_its_relay_stays_off(site: Site) -> None:
    site.bus.meter(1).set_fault(Fault.ABSENT)
    status, said = await site.prove("house-1")
    assert status == 1
    assert "house-1: its meter does not answer: look at its mains and its wires" in said
    assert site.pins.level(LINES[0]) == 0


async def test_a_relay_that_is_stuck_closed_is_found_before_it_is_switched(site: Site) -> None:
    site.wiring.houses = {}
    status, said = await site.prove("house-1")
    assert status == 1
    assert "house-1: 2000.0 W flow although its relay is off: look for a stuck relay" in said
    assert 1 not in [change.level for change in site.pins.history]


async def test_a_relay_that_closes_and_never_opens_again_is_found(site: Site) -> None:
    site.wiring.sticky = {LINES[0]}
    site.homes[0].set_supply(connected=False, at_ms=site.now_ms())
    status, said = await site.prove("house-1", "house-2")
    assert status == 1
    assert "house-1: its relay does not open: 2000.0 W still flow after it was told to" in said


async def test_every_relay_is_left_as_it_was_decided(site: Site) -> None:
    await site.commission("house-1", typed="\n")  # makes the store
    with closing(sqlite3.connect(site.database)) as store, store:
        store.execute(
            """INSERT INTO supply (meter_point_id, state, reason, decided_ms, switched_ms, output,
                   output_ms)
               SELECT meter_point_id, 'connected', 'credit', 0, NULL,
               'unconfirmed', 0 FROM meter_point WHERE label = 'house-1'"""
        )
    status, said = await site.prove("house-1", "house-2")
    assert (status, "2 of 2 proven" in said) == (0, True)
    assert [site.pins.level(line) for line in LINES] == [1, 0]


async def test_while_the_field_part_runs_it_refuses(site: Site) -> None:
    await site.start()
    await site.until_status("bus:main", "online")
    polls = site.bus.counters.gap_violations
    status, said = await site.prove()
    assert status == 1
    assert "the part field runs already on" in said
    assert site.bus.counters.gap_violations == polls


async def test_a_person_is_asked_for_each_load(site: Site) -> None:
    status, said = await site.commission("house-1", typed=f"y\n{LOAD_W}\n")
    assert "These supplies go off until this is over: house-1. Begin? [y/N]" in said
    assert "Plug a load in at house-1, switch it on, and type how many W it draws:" in said
    assert status == 0


async def test_who_is_not_sure_changes_nothing(site: Site) -> None:
    status, said = await site.commission("house-1", typed="\n")
    assert status == 1
    assert "nothing was changed" in said
    assert site.pins.history == []
    assert site.journal == []


async def test_a_load_that_is_none_leaves_the_point_out(site: Site) -> None:
    status, said = await site.commission("house-1", typed="y\nmuch\n")
    assert status == 1
    assert "house-1: was left out: 'much' is no load: give whole W, at least 10" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("house-9", "--yes", "--load-w", "60"), "house-9 is no meter point with a relay; known: "),
        (("--yes",), "--yes leaves nobody to type the load: add --load-w"),
        (("--load-w", "5"), "'5' is no load: give whole W, at least 10"),
    ],
)
async def test_what_cannot_begin_says_why(
    site: Site, words: tuple[str, ...], sentence: str
) -> None:
    status, said = await site.commission(*words)
    assert status != 0
    assert sentence in said
    assert site.pins.history == []
