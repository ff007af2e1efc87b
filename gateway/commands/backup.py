"""Copy the database while everything runs, and check the copy before it gets its name."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from gateway import app
from gateway.commands.configured import add_config
from gateway.commands.destination import check_destination
from gateway.commands.progress import Progress
from gateway.commands.showing import show
from gateway.commands.stopping import stopping
from gateway.config import Config, load
from gateway.store.copies import Copied, back_up, sweep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``DEST``."""
    add_config(parser)
    parser.add_argument("--replace", action="store_true", help="write over an older copy")
    parser.add_argument(
        "destination", type=Path, metavar="DEST", help="a file, or a folder for a dated one"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what was copied with its SHA-256; 1 when the database's own proofs fail.

    Raises:
        GatewayError: there is no copy, and the sentence says why.
    """
    config = load(arguments.config)
    database = Path(config.gateway.database)
    target = _target(config, arguments.destination)
    check_destination(target, database, is_replaced=arguments.replace)
    with stopping() as stop, Progress("copying", stop, "checking the copy") as progress:
        copied = back_up(database, target, stop, progress.at)
    show(_said(copied))
    return 1 if copied.findings else 0


def _target(config: Config, destination: Path) -> Path:
    """The copy's name; what killed backups have left beside it goes."""
    stem = Path(config.gateway.database).stem
    if destination.is_dir():
        now = datetime.fromtimestamp(app.clock_of(config).now_s(), UTC)
        sweep(destination, f"{stem}-*.db")
        return destination / f"{stem}-{now:%Y%m%dT%H%M%SZ}.db"
    return destination


def _said(copied: Copied) -> str:
    lines = [
        f"{copied.path}: {copied.size_bytes} bytes, checked",
        f"sha256 {copied.sha256}",
        "it holds no keys: the signing key and the key files are kept elsewhere",
    ]
    if copied.findings:
        lines.append(
            "the copy is whole, and so the same is wrong in it as in the database: see "
            f"`gateway verify` ({len(copied.findings)} findings in the newest day)"
        )
    return "\n".join(lines)
