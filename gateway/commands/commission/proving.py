"""Prove by experiment which meter each relay moves; decides nothing about supply.

A relay moves a meter when the meter's power rises as the relay connects and falls as it
disconnects: others' loads do only one of the two by chance.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.commands.commission.watching import Sight, Watcher
from gateway.errors import GatewayError
from gateway.relays.drivers import Driver

FLOW_MW = 2_000
"""Below this nothing flows: a PZEM's own noise and a relay board's indicator lamp."""
LOOK_EVERY_S = 0.2
SWITCH_S = 6.0
SLACK_S = 5.0
S_PER_HOUR = 3_600
SLOWEST_S = 3.0
"""A meter makes new values once a second, each at its own time."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A meter point's relay.

    Args:
        label: of the meter point.
        driver: obeys.
        name: the relay's name for its driver: a GPIO line or a node.
    """

    label: str
    driver: Driver
    name: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one relay.

    Args:
        label: of the meter point.
        proven: its relay moves its own meter and no other.
        sentence: what was seen, and what to do about it.
    """

    label: str
    proven: bool
    sentence: str


class Prover:
    """Switches relays and watches meters.

    Args:
        watcher: sees every meter.
        clock: dates what nodes say.
        wait_s: how long a meter may take to show what its relay did, wall s.
    """

    def __init__(self, watcher: Watcher, clock: Clock, wait_s: float) -> None:
        self._watcher = watcher
        self._clock = clock
        self._wait_s = wait_s

    async def switch(self, relay: Relay, *, connected: bool) -> str:
        """Bring a relay into a position; returns what went wrong, or nothing."""
        try:
            async with asyncio.timeout(SWITCH_S):
                await relay.driver.switch(relay.name, connected=connected)
        except TimeoutError:
            return f"no answer within {SWITCH_S:g} s"
        except GatewayError as error:
            return str(error)
        return ""

    async def prove(self, relay: Relay, load_w: int) -> Finding:
        """Connect one relay under a known load, watch, disconnect it, watch again.

        Every other relay that takes part is off. This one is off afterwards.

        Args:
            relay: whose.
            load_w: what is plugged in there, W.
        """
        label = relay.label
        before = await self._when_idle(label)
        if label not in before:
            return _failed(label, "its meter does not answer: look at its mains and its wires")
        if before[label].power_mw > FLOW_MW:
            return _failed(
                label,
                f"{_watts(before[label])} flow although its relay is off: look for a stuck relay "
                "or a bypass",
            )
        try:
            problem = await self.switch(relay, connected=True)
            if problem:
                return _failed(label, f"its relay did not connect ({problem})")
            after = await self._when_moved(label, before, load_w)
        finally:
            problem = await self.switch(relay, connected=False)
        if problem:
            return _failed(label, f"its relay did not disconnect ({problem})")
        moved = _risen(before, after, load_w)
        if not moved:
            return _failed(label, _nothing_moved(self._wait_s, load_w))
        idle = await self._when_fallen(moved, after, load_w)
        return _judge(label, before, after, idle, load_w)

    async def _when_idle(self, label: str) -> Mapping[str, Sight]:
        """What all meters show once nothing flows here, or time is up."""
        since = self._clock.now()
        seen: dict[str, Sight] = {}
        for _ in self._until(self._wait_s):
            seen |= await self._watcher.look([label], since)
            if label in seen and seen[label].power_mw <= FLOW_MW:
                break
            await asyncio.sleep(LOOK_EVERY_S)
        return seen | await self._watcher.look(self._others(label), since)

    async def _when_moved(
        self, label: str, before: Mapping[str, Sight], load_w: int
    ) -> Mapping[str, Sight]:
        """What all meters show once this one's register has moved, or another's power, or never."""
        since = self._clock.now()
        seen: dict[str, Sight] = {}
        end_s = self._wait_s
        for passed_s in self._until(self._wait_s + _register_s(load_w)):
            seen |= await self._watcher.look([label], since)
            if label in seen and seen[label].energy_wh > before[label].energy_wh:
                break
            if label not in _risen(before, seen, load_w):
                seen |= await self._watcher.look(self._others(label), since)
                if _risen(before, seen, load_w):  # its own may only be the slower one to show it
                    end_s = min(end_s, passed_s + SLOWEST_S)
                if passed_s >= end_s:
                    break
            await asyncio.sleep(LOOK_EVERY_S)
        return seen | await self._watcher.look(self._others(label), since)

    async def _when_fallen(
        self, moved: Collection[str], after: Mapping[str, Sight], load_w: int
    ) -> Mapping[str, Sight]:
        """What the meters that rose show once they have fallen, or time is up."""
        since = self._clock.now()
        seen: dict[str, Sight] = {}
        for _ in self._until(self._wait_s):
            seen |= await self._watcher.look(moved, since)
            if set(moved) <= _risen(seen, after, load_w):
                break
            await asyncio.sleep(LOOK_EVERY_S)
        return seen

    def _others(self, label: str) -> list[str]:
        return [other for other in self._watcher.labels if other != label]

    @staticmethod
    def _until(most_s: float) -> Iterator[float]:
        """Seconds that have passed, until they are ``most_s``; at least one turn."""
        began_s = time.monotonic()
        passed_s = 0.0
        while passed_s < most_s or not passed_s:
            yield passed_s
            passed_s = time.monotonic() - began_s


def _register_s(load_w: int) -> float:
    """How long a register may take to move under a load, s: 1 Wh is its finest step."""
    return 1.5 * S_PER_HOUR / load_w + SLACK_S


def _risen(low: Mapping[str, Sight], high: Mapping[str, Sight], load_w: int) -> set[str]:
    """Whose power is higher in ``high`` by at least half of the load."""
    return {
        label
        for label in low.keys() & high.keys()
        if high[label].power_mw - low[label].power_mw >= load_w * 500
    }


def _judge(
    label: str,
    before: Mapping[str, Sight],
    after: Mapping[str, Sight],
    idle: Mapping[str, Sight],
    load_w: int,
) -> Finding:
    """The verdict on a relay at which at least one meter has risen."""
    risen = _risen(before, after, load_w)
    fallen = _risen(idle, after, load_w)
    others = sorted((risen & fallen) - {label})
    if label not in risen and others:
        return _failed(
            label, f"relay of {label} moves the meter of {' and '.join(others)}: swap their wires"
        )
    if label not in risen:
        return _failed(label, "another meter's power rose and did not fall: try once more")
    if others:
        return _failed(
            label,
            f"relay of {label} moves its own meter and that of {' and '.join(others)}: one supply "
            "runs through both; separate them",
        )
    if label not in fallen or idle[label].power_mw > FLOW_MW:
        left = _watts(idle[label]) if label in idle else "power"
        return _failed(
            label, f"its relay does not open: {left} still flow after it was told to; replace it"
        )
    counted_wh = after[label].energy_wh - before[label].energy_wh
    if counted_wh <= 0:
        return _failed(
            label, f"its meter shows {_watts(after[label])} and its register stands still"
        )
    return Finding(
        label,
        proven=True,
        sentence=f"its relay moves its own meter and no other: {_watts(after[label])} under a "
        f"load of {load_w} W, {counted_wh} Wh counted, {_watts(idle[label])} when off",
    )


def _nothing_moved(wait_s: float, load_w: int) -> str:
    return (
        f"no meter showed the load of {load_w} W within {wait_s:g} s: is it plugged in and "
        "switched on? Then look at the relay and its wires"
    )


def _failed(label: str, sentence: str) -> Finding:
    return Finding(label, proven=False, sentence=sentence)


def _watts(sight: Sight) -> str:
    return f"{sight.power_mw / 1000:.1f} W"
