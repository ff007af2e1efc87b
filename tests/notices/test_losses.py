"""Three days of a feeder on a real store: honest villages stay quiet, thieves are found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from random import Random

import pytest

from gateway.notices import FeederSettings, NoticeSettings
from gateway.store.closing import Exchange, NewMeter, OldMeter
from gateway.store.database import Database
from gateway.store.exchanges import exchange_meter
from gateway.store.losses import FeederDay, find_days, find_hours
from gateway.store.status import find_status
from tests.notices.stage import FEEDER, MODEL, Stage, at, labels, set_up
from tests.store.metering import number, tier_at
from tests.village import START_S

HOUR_S, DAY_S, STEP_S = 3_600, 86_400, 300
HOUSES = labels(12)
SHAPE = [0.3] * 6 + [1.2] * 3 + [0.6] * 8 + [2.6] * 4 + [0.8] * 3
"""A village's day: how the load of an hour compares with the mean."""


@dataclass
class Line:
    """A feeder's world: what is drawn, what is lost, what each meter makes of it.

    Args:
        seed: of loads and of errors.
        stolen_milli: drawn past the meters, thousandths of what the houses draw.
    """

    seed: int
    stolen_milli: int = 0
    registers_wh: dict[str, float] = field(init=False)
    delivered_wh: float = 0.0

    def __post_init__(self) -> None:
        """Every meter is off by its own part of half a percent."""
        self._chance = Random(self.seed)
        self._gains = {label: 1 + self._chance.uniform(-5, 5) / 1_000 for label in HOUSES}
        self._feeder_gain = 1 + self._chance.uniform(-5, 5) / 1_000
        self.registers_wh = dict.fromkeys(HOUSES, 0.0)

    def live(self, second: int) -> dict[str, int]:
        """Five minutes until this second; what all registers show then, Wh."""
        mean_w = 500 * SHAPE[second // HOUR_S % 24]
        drawn_wh = 0.0
        for label in HOUSES:
            wh = mean_w * self._chance.uniform(0.2, 1.8) * STEP_S / HOUR_S
            self.registers_wh[label] += wh * self._gains[label]
            drawn_wh += wh
        drawn_wh *= 1 + self.stolen_milli / 1_000
        power_kw = drawn_wh * HOUR_S / STEP_S / 1_000
        lost_wh = drawn_wh * power_kw * MODEL.resistive_ppm_per_kw / 1e6
        lost_wh += MODEL.no_load_w * STEP_S / HOUR_S
        self.delivered_wh += (drawn_wh + lost_wh) * self._feeder_gain
        shown = {label: 1_000 + int(wh) for label, wh in self.registers_wh.items()}
        return shown | {FEEDER: 5_000 + int(self.delivered_wh)}


async def live(
    stage: Stage, line: Line, from_s: int, to_s: int, mute: frozenset[str] = frozenset()
) -> Iterator[int]:
    """Let time pass and look every hour; gives the hours at which there is an alarm."""
    report = stage.report()
    alarmed = []
    for second in range(from_s + STEP_S, to_s + 1, STEP_S):
        shown = line.live(second)
        await stage.read(second, {label: wh for label, wh in shown.items() if label not in mute})
        if second % HOUR_S == 0:
            await report.tick(at(second + 30))
            await report.tick(at(second + 330))  # a second look changes nothing
            if (await verdict(stage))[0] == "alarm":
                alarmed.append(second // HOUR_S)
    return iter(alarmed)


async def verdict(stage: Stage) -> tuple[str, str]:
    """State and sentence of the feeder's balance; of the last one."""
    found = [one for one in await find_status(stage.database) if one.name == f"losses:{FEEDER}"]
    return (found[0].state, found[0].message) if found else ("", "")


async def day(stage: Stage) -> FeederDay:
    (found,) = await find_days(stage.database, START_S)
    return found


@pytest.mark.parametrize("seed", [1, 2])
async def test_an_honest_noisy_village_is_quiet_for_three_days(
    database: Database, seed: int
) -> None:
    stage = await set_up(database, len(HOUSES))
    assert list(await live(stage, Line(seed), 0, 3 * DAY_S)) == []
    assert await stage.events("losses") == []
    state, message = await verdict(stage)
    assert state == "online"
    assert "In 24 h the feeder delivered" in message
    found = await day(stage)
    assert (found.balance.hours, found.complete) == (24, True)
    assert abs(found.balance.suspected_wh) < found.balance.feeder_wh // 100


async def test_a_thief_of_five_percent_is_found_within_a_day_and_told_once(
    database: Database,
) -> None:
    stage = await set_up(database, len(HOUSES))
    line = Line(3)
    assert list(await live(stage, line, 0, DAY_S)) == []
    line.stolen_milli = 53
    alarmed = list(await live(stage, line, DAY_S, 2 * DAY_S))
    assert alarmed
    assert alarmed == list(range(alarmed[0], 49))
    line.stolen_milli = 0
    assert 72 not in list(await live(stage, line, 2 * DAY_S, 3 * DAY_S))
    (began,) = await stage.events("losses")
    assert began.startswith("feeder north: energy is missing. In 24 h the feeder delivered ")
    assert "the limit is 3.0 %" in began
    (ended,) = await stage.events("losses-over")
    assert ended.startswith("feeder north: no energy is missing any more.")


async def test_a_mute_meter_delays_the_balance_and_is_no_thief(database: Database) -> None:
    stage = await set_up(database, len(HOUSES))
    line = Line(4)
    await live(stage, line, 0, 8 * HOUR_S)
    assert list(await live(stage, line, 8 * HOUR_S, 20 * HOUR_S, frozenset(HOUSES[:3]))) == []
    hours = await find_hours(database, FEEDER, START_S)
    assert [hour.complete for hour in hours] == [True] * 8 + [False] * 12
    assert list(await live(stage, line, 20 * HOUR_S, 22 * HOUR_S)) == []
    hours = await find_hours(database, FEEDER, START_S)
    assert all(hour.complete for hour in hours)
    assert sum(hour.meters_wh for hour in hours) == sum(
        int(wh) for wh in line.registers_wh.values()
    )


async def test_the_balance_goes_on_over_an_exchange_of_the_feeders_meter(
    database: Database,
) -> None:
    stage = await set_up(database, len(HOUSES))
    line = Line(5)
    await live(stage, line, 0, 3 * HOUR_S)
    last_wh = 5_000 + int(line.delivered_wh)
    await exchange_meter(
        database,
        Exchange(FEEDER, START_S + 3 * HOUR_S, OldMeter(last_wh), NewMeter("PZEM-0901", 7)),
        tier_at,
    )
    await stage.learn()
    begun_wh = line.delivered_wh
    for second in range(3 * HOUR_S + STEP_S, 6 * HOUR_S + 1, STEP_S):
        shown = line.live(second)
        own_wh = 7 + int(line.delivered_wh - begun_wh)
        await stage.read(second, shown | {FEEDER: own_wh})
    await stage.report().tick(at(6 * HOUR_S + 30))
    hours = await find_hours(database, FEEDER, START_S)
    assert [hour.complete for hour in hours] == [True] * 6
    delivered_wh = sum(hour.feeder_wh for hour in hours)
    assert delivered_wh == last_wh - 5_000 + int(line.delivered_wh - begun_wh)
    counted = "SELECT COUNT(*) FROM usage JOIN meter_point USING (meter_point_id)"
    assert await number(database, f"{counted} WHERE kind = 'feeder'") == 0


async def test_a_day_begins_at_local_midnight_also_on_a_half_hour(database: Database) -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    settings = NoticeSettings((FeederSettings(FEEDER, has_meter=True, model=MODEL),), zone=zone)
    stage = await set_up(database, len(HOUSES))
    line = Line(6)
    for second in range(STEP_S, 20 * HOUR_S + 1, STEP_S):
        await stage.read(second, line.live(second))
    await stage.report(settings).tick(at(20 * HOUR_S + 30))
    hours = await find_hours(database, FEEDER, START_S - HOUR_S)
    assert {hour.start_s % HOUR_S for hour in hours} == {1_800}
    assert (await day(stage)).balance.start_s == START_S + 18 * HOUR_S + 1_800
    assert (await day(stage)).balance.hours == 1
