"""Readings, usage or rollups as a file for a spreadsheet or for analysis."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path

from gateway import app
from gateway.commands.configured import add_config
from gateway.commands.destination import check_destination
from gateway.commands.export.files import FORMATS
from gateway.commands.period import add_period, take_period
from gateway.commands.progress import Progress
from gateway.commands.showing import show
from gateway.commands.stopping import stopping
from gateway.config import Config, load
from gateway.errors import Permanent
from gateway.store.copies import being_made, sync_folder
from gateway.store.exporting import TABLES, Chosen
from gateway.store.snapshot import Stop, snapshot
from gateway.store.verification import meter_labels


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which rows, which form and which file."""
    add_config(parser)
    add_period(parser)
    parser.add_argument(
        "--meter", action="append", metavar="LABEL", help="of this meter point only; repeat it"
    )
    parser.add_argument(
        "--what",
        choices=TABLES,
        default="readings",
        metavar="WHAT",
        help=f"one of {', '.join(TABLES)} (readings)",
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="csv", metavar="FORM", help="csv or parquet (csv)"
    )
    parser.add_argument("--utc", action="store_true", help="instants in UTC, not village time")
    parser.add_argument("--replace", action="store_true", help="write over an older file")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the file whole or not at all, and say how many rows it has.

    Raises:
        GatewayError: there is no file, and the sentence says why.
    """
    config = load(arguments.config)
    path = arguments.output
    check_destination(path, Path(config.gateway.database), is_replaced=arguments.replace)
    from_ms, to_ms = take_period(arguments.start, arguments.end, config.zone)
    if to_ms is None:
        to_ms = int(app.clock_of(config).now_s() * 1000)
    labels = None if arguments.meter is None else frozenset(arguments.meter)
    chosen = Chosen(from_ms or 0, to_ms, labels)
    with stopping() as stop:
        rows = _write(config, arguments, chosen, stop)
    show(f"{path}: {rows} rows")
    return 0


def _write(config: Config, arguments: argparse.Namespace, chosen: Chosen, stop: Stop) -> int:
    database, path = Path(config.gateway.database), arguments.output
    table, zone = TABLES[arguments.what], None if arguments.utc else config.zone
    partial = path.with_name(f"{path.name}.partial")
    with snapshot(database, stop) as connection, being_made(partial):
        _check_labels(chosen.labels, meter_labels(connection).values())
        with (
            Progress("exporting", stop) as progress,
            FORMATS[arguments.format](partial, table.columns, zone) as file,
        ):
            for row in table.rows(connection, chosen, progress.at):
                file.add(row)
        partial.replace(path)
        sync_folder(path.parent)
    return file.rows


def _check_labels(labels: Collection[str] | None, known: Collection[str]) -> None:
    strange = sorted(set(labels or ()) - set(known))
    if strange:
        raise Permanent(f"{', '.join(strange)}: no such meter point; see `gateway meter list`")
