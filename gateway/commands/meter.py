"""Meters at meter points: see which hangs where, and exchange one with both registers read."""

from __future__ import annotations

import argparse
import asyncio

from gateway import app
from gateway.app.settings import time_bands
from gateway.commands.configured import add_config
from gateway.commands.instant import add_at, say_instant, take_instant
from gateway.commands.showing import show, table
from gateway.commands.whole import whole
from gateway.config import Config, FeederSection, PointSection, load
from gateway.errors import Permanent
from gateway.store.closing import Exchange, NewMeter, OldMeter
from gateway.store.exchanges import Exchanged, exchange_meter
from gateway.store.points import MeterPoint, find_points
from gateway.store.slots import FEEDER
from gateway.wire.registers import find_map


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``list`` and ``exchange LABEL``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="which meter hangs where")
    exchange = actions.add_parser("exchange", help="replace a meter at one instant")
    exchange.add_argument("label", help="the meter point's label")
    exchange.add_argument("--serial", required=True, help="what is printed on the new meter")
    exchange.add_argument(
        "--first-register-wh",
        required=True,
        type=whole,
        metavar="WH",
        help="what the new meter shows, Wh",
    )
    old = exchange.add_mutually_exclusive_group(required=True)
    old.add_argument(
        "--last-register-wh", type=whole, metavar="WH", help="what the old meter shows, Wh"
    )
    old.add_argument("--dead", action="store_true", help="nobody can read the old meter any more")
    exchange.add_argument(
        "--estimate-wh",
        type=whole,
        metavar="WH",
        default=0,
        help="with --dead: what it missed, Wh (0)",
    )
    exchange.add_argument("--by", help="with --dead: who answers for that")
    exchange.add_argument("--model", help="the new meter's model (as the old one)")
    exchange.add_argument("--address", help="BUS/UNIT or node/NAME (where the old one was)")
    add_at(exchange)
    add_config(parser, actions.choices.values())


def run(arguments: argparse.Namespace) -> int:
    """Do it, and say what was counted and what to edit.

    Raises:
        GatewayError: the sentence says what to put right.
    """
    config = load(arguments.config)
    if arguments.action == "list":
        show(asyncio.run(_list(config)))
    else:
        show(asyncio.run(_exchange(config, arguments)))
    return 0


async def _list(config: Config) -> str:
    async with app.opened_store(config) as (database, _):
        points = await find_points(database)
    heads = ("meter point", ">slot", "meter", "model", "address", "since")
    return table(heads, [_row(config, point) for point in points])


def _row(config: Config, point: MeterPoint) -> tuple[str, ...]:
    return (
        point.label,
        _slot(point),
        point.serial,
        point.model,
        point.address,
        say_instant(point.installed_s, config.zone),
    )


def _slot(point: MeterPoint) -> str:
    """A feeder has none on chain."""
    return "feeder" if point.kind == FEEDER else str(point.slot)


async def _exchange(config: Config, arguments: argparse.Namespace) -> str:
    if arguments.model is not None and arguments.model != "node":
        find_map(arguments.model)
    _check_address(config, arguments.address)
    old = OldMeter(arguments.last_register_wh, arguments.estimate_wh, arguments.by)
    new = NewMeter(
        arguments.serial, arguments.first_register_wh, arguments.model, arguments.address
    )
    async with app.opened_store(config) as (database, clock):
        at_s = take_instant(arguments.at, config.zone, int(clock.now_s()))
        exchange = Exchange(arguments.label, at_s, old, new)
        exchanged = await exchange_meter(database, exchange, time_bands(config).tier_at)
    return _said(config, exchange, exchanged)


def _check_address(config: Config, address: str | None) -> None:
    if address is None:
        return
    place, _, number = address.partition("/")
    buses = [bus.name for bus in config.bus]
    if not number or (place != "node" and (place not in buses or not number.isdecimal())):
        known = ", ".join(buses) or "none"
        raise Permanent(f"--address {address}: write BUS/UNIT or node/NAME; buses: {known}")


def _said(config: Config, exchange: Exchange, exchanged: Exchanged) -> str:
    label, new = exchange.label, exchange.new
    when = say_instant(exchange.at_s, config.zone)
    lines = [
        f"{label}: {exchanged.old_serial} was replaced by {new.serial} at {when}",
        f"{exchanged.usage_wh} Wh were counted since its last reading"
        + (" (an estimate)" if exchanged.estimated_wh else ""),
        f"{new.serial} counts from {new.register_wh} Wh; the total goes on",
    ]
    if exchanged.flagged_wh:
        lines.append(f"{exchanged.flagged_wh} Wh more can't have flowed and are not billed")
    named: dict[str, PointSection | FeederSection] = {
        **{one.label: one for one in config.meter_point},
        **{one.name: one for one in config.feeder},
    }
    point = named.get(label)
    if point is None:
        return "\n".join(lines)
    edits = [f'serial = "{new.serial}"'] if point.serial is not None else []
    if exchanged.address != point.address:
        edits.append(f"its bus and unit_id, or node ({exchanged.address})")
    if exchange.new.model is not None:
        edits.append(f'model = "{exchanged.model}"')
    if edits:
        table = "feeder" if isinstance(point, FeederSection) else "meter_point"
        lines.append(f"now set in the file, at [[{table}]] {label}: {', '.join(edits)}")
    if len(edits) > 1 and not exchanged.address.startswith("node/"):
        lines.append("then restart field: what hangs elsewhere, or is another model, is read then")
    return "\n".join(lines)
