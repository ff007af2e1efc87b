"""A gateway process that takes readings and never commits them, made to be killed.

Usage: python -m tests.sources.stalled_gateway DATABASE PORT PASSWORD. Prints a line per reading.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.broker import Broker, BrokerSettings
from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.simulation.broker import GATEWAY_USER
from gateway.sources.intake import Intake, IntakeSettings
from gateway.sources.nodes import NodeSource
from gateway.sources.strangers import Strangers
from gateway.store.database import Database
from gateway.store.points import find_points
from tests.sources.world import on_nodes


class AnnouncingIntake(Intake):
    """Says that it took a reading; nobody ever commits."""

    def offer(self, reading: Reading, *, own_date: bool = False) -> asyncio.Future[None]:
        """Take it."""
        done = super().offer(reading, own_date=own_date)
        sys.stdout.write("taken\n")
        sys.stdout.flush()
        return done


async def main(path: str, port: str, password: str) -> None:
    """Run until killed."""
    database = await Database.open(Path(path))
    points = await find_points(database)
    clock = Clock()
    intake = AnnouncingIntake(IntakeSettings(), points, lambda _: 1, database, clock)
    broker = Broker(BrokerSettings(port=int(port), username=GATEWAY_USER, password=password))
    strangers = Strangers(database, clock)
    source = NodeSource(broker, on_nodes(points), intake, database, clock, strangers=strangers)
    async with asyncio.TaskGroup() as group:
        group.create_task(broker.run())
        group.create_task(source.run())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
