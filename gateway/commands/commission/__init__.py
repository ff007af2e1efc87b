"""Prove, under a load that a person plugs in, that each relay switches the meter it is said to.

For the day of installation, with a person on site: supplies go off and on. It needs the lines and
the relays for itself, so it refuses while the field part runs, and leaves every relay in the state
that was last decided for it.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway import app
from gateway.app.secret_files import node_keys, read_secret
from gateway.broker import Broker, BrokerSettings
from gateway.clock import Clock
from gateway.commands.asking import asked, confirm
from gateway.commands.commission.proving import Finding, Prover, Relay
from gateway.commands.commission.watching import BusPlace, NodeReadings, Watcher, open_lines
from gateway.commands.configured import add_config
from gateway.config import Config, load
from gateway.domain.supply import SupplyState
from gateway.errors import Permanent
from gateway.relays.drivers import Driver
from gateway.relays.drivers.gpio import GpioDriver
from gateway.relays.drivers.node import NodeDriver, NodeSettings
from gateway.sources.line import SerialLine
from gateway.store.database import Database
from gateway.store.points import MeterPoint
from gateway.store.status import append_event
from gateway.store.supply import PointSupply, SupplyBook
from gateway.wire.registers import find_map

PROVEN, FAILED = "commissioned", "commission-failed"
LEAST_LOAD_W = 10
CLIENT_ID = "gateway-commission"
SESSION_S = 60


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that takes part.

    Args:
        database: facts and journal.
        clock: dates events.
        prover: switches and watches.
        relays: of the chosen meter points, by label.
        points: what the store knows of them, by label.
    """

    database: Database
    clock: Clock
    prover: Prover
    relays: dict[str, Relay]
    points: dict[str, PointSupply]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which meter points, under which load."""
    parser.add_argument("label", nargs="*", help="meter points; default: all that have a relay")
    add_config(parser)
    parser.add_argument("--load-w", type=_load, help="the load at each of them, W; default: ask")
    parser.add_argument(
        "--wait-s", type=float, default=15.0, help="how long a meter may take to show it (15)"
    )
    parser.add_argument("--yes", action="store_true", help="don't ask; needs --load-w")


def run(arguments: argparse.Namespace) -> int:
    """Prove each relay in turn; 1 when one of them is not proven.

    Raises:
        GatewayError: it can't begin; the sentence says what to do.
    """
    if arguments.yes and arguments.load_w is None:
        raise Permanent("--yes leaves nobody to type the load: add --load-w")
    config = load(arguments.config)
    with app.alone(Path(config.gateway.database), ("field",)):
        findings = asyncio.run(_commission(config, arguments))
    failed = sum(not one.proven for one in findings)
    print(f"{len(findings) - failed} of {len(findings)} proven")
    return 1 if failed or not findings else 0


def _load(text: str) -> int:
    if not text.isdecimal() or int(text) < LEAST_LOAD_W:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no load: give whole W, at least {LEAST_LOAD_W}"
        )
    return int(text)


async def _commission(config: Config, arguments: argparse.Namespace) -> list[Finding]:
    async with _site(config, arguments.label, arguments.wait_s) as site:
        if not arguments.yes:
            await asyncio.to_thread(confirm, _warning(site))
        findings = []
        try:
            for relay in site.relays.values():
                await site.prover.switch(relay, connected=False)
            for relay in site.relays.values():
                finding = await _prove(site, relay, arguments)
                print(f"{finding.label}: {finding.sentence}", flush=True)
                await _record(site, finding)
                findings.append(finding)
        finally:
            await _leave_as_found(site)
    return findings


def _warning(site: Site) -> str:
    critical = [label for label in site.relays if site.points[label].facts.critical]
    which = f" Among them, critical: {', '.join(critical)}." if critical else ""
    return f"These supplies go off until this is over: {', '.join(site.relays)}.{which} Begin?"


async def _prove(site: Site, relay: Relay, arguments: argparse.Namespace) -> Finding:
    if arguments.yes:
        return await site.prover.prove(relay, arguments.load_w)
    if arguments.load_w is not None:
        await asyncio.to_thread(
            asked, f"Plug the {arguments.load_w} W in at {relay.label}, then press Enter. "
        )
        return await site.prover.prove(relay, arguments.load_w)
    typed = await asyncio.to_thread(
        asked, f"Plug a load in at {relay.label}, switch it on, and type how many W it draws: "
    )
    try:
        return await site.prover.prove(relay, _load(typed))
    except argparse.ArgumentTypeError as error:
        return Finding(relay.label, proven=False, sentence=f"was left out: {error}")


async def _record(site: Site, finding: Finding) -> None:
    kind = PROVEN if finding.proven else FAILED
    async with site.database.transaction() as connection:
        await append_event(
            connection,
            kind,
            f"{finding.label}: {finding.sentence}",
            int(site.clock.now_s() * 1000),
            meter_point_id=site.points[finding.label].meter_point_id,
        )


async def _leave_as_found(site: Site) -> None:
    """Every relay back to the state that was decided last; off where none ever was."""
    for label, relay in site.relays.items():
        connected = site.points[label].facts.state is SupplyState.CONNECTED
        problem = await site.prover.switch(relay, connected=connected)
        if problem:
            print(f"{label}: its relay did not go back ({problem}); the gateway will try again")


@asynccontextmanager
async def _site(config: Config, labels: Sequence[str], wait_s: float) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        database, clock, points = await stack.enter_async_context(app.opened(config))
        chosen = await _chosen(database, clock, labels)
        places = _places(config, points)
        lines = {place.line for place in places.values()}
        await open_lines(lines)
        for line in lines:
            stack.callback(line.close)
        drivers: dict[str, Driver] = {"gpio": GpioDriver(active_low=config.supply.gpio_active_low)}
        readings = None
        if config.mqtt is not None:
            broker = _broker(config)
            readings = NodeReadings(broker)
            running = asyncio.create_task(broker.run())
            stack.push_async_callback(_end, running)
            await readings.wait_online()
            keys = node_keys(Path(config.mqtt.node_keys_file))
            drivers["node"] = NodeDriver(NodeSettings(), broker.publish, database, clock, keys)
        nodes = {
            point.label: point.address.removeprefix("node/")
            for point in points
            if point.address.startswith("node/")
        }
        relays = {}
        for label, point in chosen.items():
            kind, _, name = point.relay.partition(":")
            relays[label] = Relay(label, drivers[kind], name)
        prover = Prover(Watcher(places, nodes, readings), clock, wait_s)
        yield Site(database, clock, prover, relays, chosen)


async def _chosen(
    database: Database, clock: Clock, labels: Sequence[str]
) -> dict[str, PointSupply]:
    """The meter points to prove.

    Raises:
        Permanent: one is unknown, has no relay or is locked out; or there is none.
    """
    found = {one.label: one for one in await SupplyBook(database).find(int(clock.now_s()))}
    switched = {label: one for label, one in found.items() if one.relay != "none"}
    for label in labels:
        if label not in switched:
            known = ", ".join(switched) or "none"
            raise Permanent(f"{label} is no meter point with a relay; known: {known}")
    chosen = {label: switched[label] for label in labels or switched}
    locked = [label for label, one in chosen.items() if one.facts.locked_out]
    if locked:
        raise Permanent(f"{', '.join(locked)}: locked out on site; have it released there first")
    if not chosen:
        raise Permanent("no meter point has a relay: set relay in its [[meter_point]]")
    return chosen


def _places(config: Config, points: Sequence[MeterPoint]) -> dict[str, BusPlace]:
    """Where each meter on a bus hangs; one line per bus."""
    places = {}
    for bus in config.bus:
        there = [point for point in points if point.address.startswith(f"{bus.name}/")]
        tables = {point.label: find_map(point.model) for point in there}
        stop_bits = max((table.stop_bits for table in tables.values()), default=1)
        line = SerialLine(bus.port, bus.baud, bus.timeout_s, stop_bits)
        for point in there:
            unit = int(point.address.rpartition("/")[2])
            places[point.label] = BusPlace(line, unit, tables[point.label])
    return places


def _broker(config: Config) -> Broker:
    mqtt = config.mqtt
    if mqtt is None:  # only called where there is one
        raise AssertionError
    password = read_secret(Path(mqtt.password_file)).strip()
    return Broker(
        BrokerSettings(
            mqtt.host,
            mqtt.port,
            mqtt.username,
            password,
            client_id=CLIENT_ID,
            session_expiry_s=SESSION_S,
        )
    )


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
