"""Put a backup in the database's place; the present file stays beside it."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway import app
from gateway.commands.asking import confirm
from gateway.commands.configured import add_config
from gateway.commands.progress import Progress
from gateway.commands.showing import show
from gateway.commands.stopping import stopping
from gateway.commands.verify.readings import Report
from gateway.config import Config, load
from gateway.domain.readings import at_milliseconds
from gateway.errors import Permanent
from gateway.store.copies import copy_store, discard
from gateway.store.restored import (
    Extent,
    find_extent,
    guess_extent,
    put_in_place,
    room_for,
    succeed,
)
from gateway.store.snapshot import Stop, interrupted, snapshot
from gateway.store.verification import Wanted, meter_labels, verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``BACKUP``."""
    add_config(parser)
    parser.add_argument("--yes", action="store_true", help="don't ask")
    parser.add_argument(
        "--broken-chains", action="store_true", help="restore it although its readings prove wrong"
    )
    parser.add_argument("backup", type=Path, metavar="BACKUP", help="what `gateway backup` made")


def run(arguments: argparse.Namespace) -> int:
    """Check the backup, ask, and put it in place; say what is left to do.

    Raises:
        GatewayError: nothing was changed, and the sentence says why.
    """
    config = load(arguments.config)
    backup, database = arguments.backup, Path(config.gateway.database)
    if database.exists() and backup.exists() and backup.samefile(database):
        raise Permanent(f"{backup} is the database itself: name the backup")
    if not database.parent.is_dir():
        raise Permanent(f"the folder {database.parent} isn't there: create it first")
    with app.alone(database, app.PARTS):
        show(_restore(config, arguments, backup, database.resolve()))
    return 0


def _restore(config: Config, arguments: argparse.Namespace, backup: Path, database: Path) -> str:
    copy = database.with_name(f"{database.name}.restoring")
    room_for(copy)
    try:
        with stopping() as stop:
            with Progress("copying", stop, "checking the copy") as progress:
                copy_store(backup, copy, stop, progress.at, oldest=1)
            old, new = guess_extent(database), find_extent(copy, stop)
            _check_home(config, backup, new)
            story = _story(backup, old, new, config.zone)
        if not arguments.yes:
            confirm(f"{story}\nRestore it?")
        now = datetime.fromtimestamp(app.clock_of(config).now_s(), UTC)
        detail, now_ms = story.replace("\n", "; "), int(now.timestamp() * 1000)
        locks = _locks(asyncio.run(succeed(database, copy, detail, now_ms)))
        with stopping() as stop:
            _prove(copy, config.zone, stop, is_forced=arguments.broken_chains)
        kept = _kept(database, now)
        was_there = database.exists()
        put_in_place(copy, database, kept, is_sound=old is not None)
    finally:
        discard(copy)
    told = [story] if arguments.yes else []
    if was_there:
        told.append(f"the file before it is kept as {kept}")
    return "\n".join([*told, *locks, *_NEXT])


def _locks(carried: list[str] | None) -> list[str]:
    """What is to be said of supplies that are locked out on site."""
    if carried is None:
        return [_LOCKS_UNKNOWN]
    return [f"still locked out on site: {', '.join(carried)}"] if carried else []


_LOCKS_UNKNOWN = (
    "locks that were hung since the backup are not known: before you start field, look at every "
    "lock on site and hang it again with `gateway supply lock-out`"
)

_NEXT = (
    "start the gateway again; usage since the backup is counted from the registers, and when it "
    "was drawn is an estimate",
    "if anything was settled since the backup, settling stops and says so: then run `gateway "
    "replace-gateway` once, and on no other machine",
)


def _check_home(config: Config, backup: Path, new: Extent) -> None:
    """Another village's meter points would be settled and switched as this one's."""
    ours = config.gateway.site
    strange = sorted(new.sites - {ours})
    if strange:
        raise Permanent(
            f"{backup} is of site {strange[0]}, and this configuration of site {ours}: nothing "
            "was changed; take this site's backup, or the configuration that belongs to this one"
        )
    if new.contracts and config.chain.contract_id not in new.contracts:
        raise Permanent(
            f"{backup} was settled on another contract, {min(new.contracts)}: nothing was "
            "changed; take this village's backup, or correct chain.contract_id"
        )


def _kept(database: Path, now: datetime) -> Path:
    """A name for the file before it that is nobody's yet."""
    name = f"{database.name}.before-restore-{now:%Y%m%dT%H%M%SZ}"
    others = (f"{name}-{number}" for number in count(2))
    return next(
        kept for one in chain([name], others) if not (kept := database.with_name(one)).exists()
    )


def _story(backup: Path, old: Extent | None, new: Extent, zone: ZoneInfo) -> str:
    """What is put in place of what."""
    before = "can't be read, or isn't there" if old is None else _reaches(old, zone)
    return f"the backup {backup.name} {_reaches(new, zone)}\nso far the database {before}"


def _reaches(extent: Extent, zone: ZoneInfo) -> str:
    settled = f"batches until number {extent.settled}" if extent.settled else "no settled batch"
    if extent.read_ms is None:
        return f"has no readings and {settled}"
    until = at_milliseconds(extent.read_ms).astimezone(zone)
    return f"has readings until {until:%Y-%m-%d %H:%M %Z} and {settled}"


def _prove(copy: Path, zone: ZoneInfo, stop: Stop, *, is_forced: bool) -> None:
    with snapshot(copy, stop) as connection, Progress("verifying", stop) as progress:
        report = Report(meter_labels(connection), zone)
        summary = verify(connection, Wanted(), report.tell, progress.at)
    if stop():
        raise interrupted()
    if not report.found:
        return
    show("\n".join(report.lines(summary)))
    if not is_forced:
        raise Permanent(
            "this backup's own proofs fail, so nothing was changed: take another one, or give "
            "--broken-chains if there is none"
        )
