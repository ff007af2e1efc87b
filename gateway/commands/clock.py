"""The village's time: how far it is trusted, and setting it where nothing else can tell it."""

from __future__ import annotations

import argparse
import asyncio
from datetime import datetime

from gateway import app
from gateway.clock import Clock, Standing
from gateway.clock.trust import BACK_MS, FAR_MS
from gateway.commands.configured import add_config
from gateway.commands.instant import say_instant
from gateway.commands.showing import show
from gateway.config import Config, load
from gateway.errors import Permanent
from gateway.store.acts import one_line
from gateway.store.clock import append_setting, find_standing
from gateway.store.database import Database
from gateway.store.status import find_status
from gateway.store.timekeeping import STATUS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``status`` and ``set``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    status = actions.add_parser("status", help="the time, who is trusted for it, what to do")
    setting = actions.add_parser("set", help="say what time it is; it stands in the journal")
    setting.add_argument("time", help='now, village time, like "2026-11-29 14:05"')
    setting.add_argument("--by", required=True, metavar="NAME", help="who answers for it")
    setting.add_argument(
        "--far", action="store_true", help="even if it is half a year and more after the last time"
    )
    add_config(parser, [status, setting])


def run(arguments: argparse.Namespace) -> int:
    """Do it.

    Raises:
        GatewayError: the sentence says what to put right.
    """
    config = load(arguments.config)
    if config.clock is not None:
        raise Permanent("the configuration drives this village's clock: see its section [clock]")
    show(asyncio.run(_do(config, arguments)))
    return 0


async def _do(config: Config, arguments: argparse.Namespace) -> str:
    async with app.opened_store(config) as (database, clock):
        standing = await find_standing(database, clock.machine.boot())
        if standing is None:
            raise Permanent(
                "the gateway has not run since this machine was started: start it, then ask again"
            )
        if arguments.action == "status":
            return await _status(config, database, clock)
        return await _set(config, database, clock, standing, arguments)


async def _status(config: Config, database: Database, clock: Clock) -> str:
    messages = [one.message for one in await find_status(database) if one.name == STATUS]
    trusted, untrusted_s = clock.trust()
    shown = say_instant(int(clock.now_s()), config.zone)
    lines = [f"{'it is' if trusted else 'it is at least'} {shown}", *messages]
    if not trusted:
        lines.append(f"for {untrusted_s // 3600} h {untrusted_s % 3600 // 60} min so far")
    return "\n".join(lines)


async def _set(
    config: Config,
    database: Database,
    clock: Clock,
    standing: Standing,
    arguments: argparse.Namespace,
) -> str:
    at_ms = _instant_ms(config, arguments.time)
    monotonic_ms = clock.monotonic_ms()
    _check(
        config,
        at_ms,
        standing.at_ms(monotonic_ms),
        first=standing.is_new,
        far=arguments.far,
    )
    if clock.machine.is_synchronised():
        raise Permanent(
            "NTP keeps the time of this machine: correct or stop the NTP daemon, then set it again"
        )
    author = one_line("--by", arguments.by)
    await append_setting(database, standing.boot, at_ms, monotonic_ms, author, far=arguments.far)
    return f"it is {say_instant(at_ms // 1000, config.zone)}, says {author}"


def _instant_ms(config: Config, text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Permanent(f'{text!r} is no time: write it like "2026-11-29 14:05"') from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=config.zone)
    return int(instant.timestamp() * 1000)


def _check(config: Config, at_ms: int, shown_ms: int, *, first: bool, far: bool) -> None:
    shown = say_instant(shown_ms // 1000, config.zone)
    if at_ms < shown_ms - BACK_MS:
        raise Permanent(
            f"that is before {shown}, which was certainly reached: readings are stored up to then, "
            "and time never goes back; check the date"
        )
    if at_ms > shown_ms + FAR_MS and not first and not far:
        raise Permanent(
            f"that is more than {FAR_MS // 86_400_000} days after {shown}: check the year; "
            "if it is right, add --far"
        )
