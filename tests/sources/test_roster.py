"""A meter that is exchanged is taken up by everyone who runs, without a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.domain.readings import Reading
from gateway.errors import Permanent
from gateway.sources.roster import Roster
from gateway.store.closing import Exchange, NewMeter, OldMeter
from gateway.store.exchanges import exchange_meter
from gateway.store.points import find_points
from tests.sources.stage import house, line_with, register_wh, running, set_up, until


async def test_a_poller_reads_the_new_meter_as_the_new_meter(tmp_path: Path) -> None:
    bus = line_with([house(1)])
    path = bus.start()
    try:
        async with set_up(tmp_path, 1) as stage:
            poller = stage.poller(path)
            roster = Roster(stage.database, stage.clock, None, (stage.intake, poller))
            async with running(poller.run()):

                async def read_old() -> bool:
                    return len(await stage.readings()) >= 2

                await until(read_old, "the old meter is read")
                # An instant after every reading so far; a second is the grain of exchanges.
                at_s = int(stage.clock.now_s()) + 1
                exchange = Exchange(
                    "house-01", at_s, OldMeter(register_wh(1)), NewMeter("NEW-1", register_wh(1))
                )
                await exchange_meter(stage.database, exchange, lambda _: 1)
                await roster.tick(stage.clock.now())
                [point] = await find_points(stage.database)

                async def read_new() -> bool:
                    return len(await stage.readings(point.meter_id)) >= 2

                await until(read_new, "the new meter is read")
            old = stage.points[0].meter_id
            assert point.meter_id != old
            with pytest.raises(Permanent, match="no meter point has meter 1"):
                stage.intake.offer(Reading(old, stage.clock.now(), register_wh(1)))
    finally:
        bus.stop()
