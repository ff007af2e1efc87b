"""Put a backup in the database's place; the present file stays beside it."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway import app
from gateway.commands.asking import confirm
from gateway.commands.progress import Progress
from gateway.commands.stopping import stopping
from gateway.commands.verify.readings import Report
from gateway.config import DEFAULT_PATH, Config, load
from gateway.domain.readings import at_milliseconds
from gateway.errors import Permanent
from gateway.store.copies import copy_store, discard
from gateway.store.lock_outs import carry_over
from gateway.store.restored import Extent, find_extent, guess_extent, make_ready, put_in_place
from gateway.store.snapshot import Stop, interrupted, snapshot
from gateway.store.verification import Wanted, meter_labels, verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``BACKUP``."""
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH, help="the TOML file")
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
        print(_restore(config, arguments, backup, database))
    return 0


def _restore(config: Config, arguments: argparse.Namespace, backup: Path, database: Path) -> str:
    copy = database.with_name(f"{database.name}.restoring")
    discard(copy)
    try:
        with stopping() as stop:
            with Progress("copying", stop) as progress:
                copy_store(backup, copy, stop, progress.at, oldest=1)
            old, new = guess_extent(database), find_extent(copy, stop)
            story = _story(backup, old, new, config.zone)
        if not arguments.yes:
            confirm(f"{story}\nRestore it?")
        now = datetime.fromtimestamp(app.clock_of(config).now_s(), UTC)
        asyncio.run(make_ready(copy, story, int(now.timestamp() * 1000)))
        locks = _locks(carry_over(database, copy))
        with stopping() as stop:
            _prove(copy, config.zone, stop, is_forced=arguments.broken_chains)
        kept = database.with_name(f"{database.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
        if kept.exists():
            raise Permanent(f"{kept} is there already: move it away first")
        was_there = database.exists()
        put_in_place(copy, database, kept, is_sound=old is not None)
    finally:
        discard(copy)
    before = [f"the file before it is kept as {kept}"] if was_there else []
    return "\n".join([story, *before, *locks, *_NEXT])


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


def _story(backup: Path, old: Extent | None, new: Extent, zone: ZoneInfo) -> str:
    """What is put in place of what, in one sentence."""
    told = f"{backup.name} has readings until {_until(new, zone)} and batches until {new.settled}"
    if old is None:
        return f"{told}; the database before it can't be read or isn't there"
    return (
        f"{told}; the database before it has readings until {_until(old, zone)} and batches "
        f"until {old.settled}"
    )


def _until(extent: Extent, zone: ZoneInfo) -> str:
    if extent.read_ms is None:
        return "never"
    return f"{at_milliseconds(extent.read_ms).astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def _prove(copy: Path, zone: ZoneInfo, stop: Stop, *, is_forced: bool) -> None:
    with snapshot(copy, stop) as connection, Progress("verifying", stop) as progress:
        report = Report(meter_labels(connection), zone)
        summary = verify(connection, Wanted(), report.tell, progress.at)
    if stop():
        raise interrupted()
    if not report.found:
        return
    print("\n".join(report.lines(summary)))
    if not is_forced:
        raise Permanent(
            "this backup's own proofs fail, so nothing was changed: take another one, or give "
            "--broken-chains if there is none"
        )
