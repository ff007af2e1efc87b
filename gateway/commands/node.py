"""Nodes that report and that nobody knows: see them, accept one as a meter, forget one."""

from __future__ import annotations

import argparse
import asyncio

from gateway import app
from gateway.commands.configured import add_config
from gateway.commands.instant import say_instant
from gateway.commands.showing import show, table
from gateway.commands.whole import whole
from gateway.config import Config, load
from gateway.errors import Permanent
from gateway.store.candidates import (
    Candidate,
    accept_candidate,
    find_candidates,
    forget_candidate,
)
from gateway.store.points import MeterPoint, PointSetting
from gateway.wire.topics import check_name

MODES = ("prepaid", "streaming", "postpaid")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``list``, ``accept NAME`` and ``forget NAME``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="nodes that report and are no meter point's")
    accept = actions.add_parser("accept", help="make its meter the meter of a new meter point")
    accept.add_argument("name", help="the node's name, as `gateway node list` has it")
    accept.add_argument("--label", required=True, help="what people call the meter point")
    accept.add_argument("--slot", required=True, type=whole, help="its number in the contract")
    accept.add_argument("--mode", choices=MODES, default="prepaid", help="how it pays (prepaid)")
    accept.add_argument("--max-power-w", type=whole, default=6_000, help="the most it draws (6000)")
    accept.add_argument("--relay", choices=("node", "none"), default="none", help="what switches")
    accept.add_argument("--critical", action="store_true", help="never cut for want of credit")
    accept.add_argument("--serial", help="what is printed on the meter (node/NAME)")
    accept.add_argument(
        "--first-register-wh", type=whole, help="its register when it was installed"
    )
    accept.add_argument("--feeder", help="on which it hangs; needed where there are several")
    forget = actions.add_parser("forget", help="drop it from the list until it reports again")
    forget.add_argument("name", help="the node's name")
    add_config(parser, actions.choices.values())


def run(arguments: argparse.Namespace) -> int:
    """Do it, and say what was done and what is left to do.

    Raises:
        GatewayError: the sentence says what to put right.
    """
    config = load(arguments.config)
    match arguments.action:
        case "list":
            show(asyncio.run(_list(config)))
        case "accept":
            point = asyncio.run(_accept(config, arguments))
            show(_accepted(config, arguments.name, point))
        case _:
            show(asyncio.run(_forget(config, arguments.name)))
    return 0


async def _list(config: Config) -> str:
    async with app.opened_store(config) as (database, _):
        candidates = await find_candidates(database)
    if not candidates:
        return "no unknown node has reported"
    heads = ("node", "first heard", "last heard", ">messages", ">kWh", ">V", ">W", ">dBm")
    return table(heads, [_row(config, one) for one in candidates])


def _row(config: Config, one: Candidate) -> tuple[str, ...]:
    return (
        one.name,
        say_instant(one.first_s, config.zone),
        say_instant(one.last_s, config.zone),
        str(one.messages),
        f"{one.energy_wh / 1000:.3f}",
        f"{one.voltage_mv / 1000:.1f}",
        f"{one.power_mw / 1000:.1f}",
        str(one.rssi_dbm),
    )


async def _accept(config: Config, arguments: argparse.Namespace) -> MeterPoint:
    name = check_name(arguments.name, "NAME")
    if config.mqtt is None:
        raise Permanent("nodes need the section [mqtt] in the configuration")
    setting = PointSetting(
        label=check_name(arguments.label, "--label"),
        site=config.gateway.site,
        slot=_at_least(0, "--slot", arguments.slot),
        settlement_mode=arguments.mode,
        max_power_w=_at_least(1, "--max-power-w", arguments.max_power_w),
        critical=arguments.critical,
        relay=f"node:{name}" if arguments.relay == "node" else "none",
        serial=arguments.serial or f"node/{name}",
        model="node",
        address=f"node/{name}",
        first_register_wh=arguments.first_register_wh,
        feeder=_feeder(config, arguments.feeder),
    )
    named = {point.slot: point.label for point in config.meter_point}
    if named.get(setting.slot, setting.label) != setting.label:
        raise Permanent(f"slot {setting.slot} is {named[setting.slot]}'s in the file: take another")
    async with app.opened_store(config) as (database, clock):
        return await accept_candidate(database, name, setting, int(clock.now_s()))


def _feeder(config: Config, name: str | None) -> str | None:
    """The feeder that was named; what hangs on none would look lost."""
    known = [feeder.name for feeder in config.feeder]
    if (name is None and len(known) > 1) or (name is not None and name not in known):
        raise Permanent(f"--feeder: say on which it hangs; known: {', '.join(known) or 'none'}")
    return name


def _at_least(least: int, option: str, value: int) -> int:
    if value < least:
        raise Permanent(f"{option} is {value}: give {least} or more")
    return value


def _accepted(config: Config, name: str, point: MeterPoint) -> str:
    since = say_instant(point.installed_s, config.zone)
    lines = [
        f"{point.label} (slot {point.slot}, {point.settlement_mode}) is measured by node {name} "
        f"since {since}",
        "the field process takes it up within seconds; what the node kept comes by itself",
    ]
    if point.relay != "none" and config.mqtt is not None:
        path = config.mqtt.node_keys_file
        lines.append(
            f"its relay needs a key: add a line '{name} HEX' to {path} with the 32 hex digits "
            "that the node has (`openssl rand -hex 16` makes some), then restart field"
        )
    return "\n".join(lines)


async def _forget(config: Config, name: str) -> str:
    async with app.opened_store(config) as (database, _):
        if not await forget_candidate(database, name):
            raise Permanent(f"no unknown node {name} has been heard: see `gateway node list`")
    return f"{name} is forgotten; it is listed again if it reports again"
