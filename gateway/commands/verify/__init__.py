"""Prove that the stored readings are those that were read, were counted rightly, and were charged.

Readings alone, or with ``--settlement`` one meter's whole way to the contract and its charge.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.commands.period import add_period, take_period
from gateway.commands.progress import Progress
from gateway.commands.showing import show
from gateway.commands.stopping import stopping
from gateway.commands.verify.figures import figures
from gateway.commands.verify.readings import Report
from gateway.commands.verify.screen import Screen
from gateway.config import DEFAULT_PATH, Config, load
from gateway.errors import Permanent
from gateway.store.snapshot import Stop, snapshot
from gateway.store.tracing import Trace, Witness, trace
from gateway.store.trail import Point, find_point, group_end_ms, read_prices
from gateway.store.verification import NEVER_MS, Summary, Wanted, meter_labels, verify

NEVER_S = NEVER_MS // 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is proved, and of which file."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_PATH,
        metavar="FILE",
        help=f"the settings ({DEFAULT_PATH})",
    )
    which.add_argument("--database", type=Path, help="a database or a backup, without a TOML file")
    parser.add_argument(
        "--meter", action="append", metavar="LABEL", help="gaps and counts of this one only"
    )
    parser.add_argument("--gaps", action="store_true", help="list each gap")
    add_period(parser)
    parser.add_argument(
        "--settlement",
        action="store_true",
        help="follow the --meter from its readings to batches, receipts and charge",
    )
    parser.add_argument(
        "--online", action="store_true", help="with --settlement: ask the contract, too"
    )
    parser.add_argument(
        "--full", action="store_true", help="with --settlement: every quarter-hour, every hash"
    )
    parser.add_argument(
        "--json", action="store_true", help="with --settlement: one JSON document for machines"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what does not hold; 1 when there is anything.

    Raises:
        GatewayError: the file can't be looked at, and the sentence says why.
    """
    config = None if arguments.database else load(arguments.config)
    _check_options(arguments)
    zone = config.zone if config else ZoneInfo("UTC")
    path = Path(config.gateway.database) if config else arguments.database
    from_ms, to_ms = take_period(arguments.start, arguments.end, zone)
    span_ms = from_ms or 0, NEVER_MS if to_ms is None else to_ms
    with stopping() as stop, snapshot(path, stop) as connection:
        labels = meter_labels(connection)
        chosen = _chosen(arguments.meter, labels)
        if arguments.settlement:
            proof = _Proof(connection, config, zone, span_ms, labels, stop)
            return _settlement(proof, arguments)
        report = Report(labels, zone, gaps=arguments.gaps)
        with Progress("verifying", stop) as progress:
            wanted = Wanted(chosen, *span_ms)
            summary = verify(connection, wanted, report.tell, progress.at)
    show("\n".join(report.lines(summary)))
    return 1 if report.found else 0


def _check_options(arguments: argparse.Namespace) -> None:
    if arguments.settlement and not arguments.meter:
        raise Permanent("--settlement follows one meter: name it with --meter LABEL")
    if not arguments.settlement:
        for option in ("online", "full", "json"):
            if getattr(arguments, option):
                raise Permanent(f"--{option} belongs to --settlement: add that, and --meter LABEL")
    if arguments.online and arguments.database:
        raise Permanent(
            "--online asks the network that the TOML file names: give --config instead of "
            "--database, with USAGE_EVENTS_DB_PATH for another file"
        )


def _chosen(labels: list[str] | None, known: Mapping[int, str]) -> frozenset[str] | None:
    if labels is None:
        return None
    strange = sorted(set(labels) - set(known.values()))
    if strange:
        raise Permanent(f"{', '.join(strange)}: no such meter point; see `gateway meter list`")
    return frozenset(labels)


@dataclass(frozen=True, slots=True)
class _Proof:
    """What a settlement is proved from."""

    connection: sqlite3.Connection
    config: Config | None
    zone: ZoneInfo
    span_ms: tuple[int, int]
    labels: dict[int, str]
    stop: Stop

    def witness(self, point: Point) -> Witness | None:
        """What the chain says, if it is to be asked."""
        if self.config is None:
            return None
        from gateway.commands.verify.online import ask  # noqa: PLC0415 - loads 50 MB

        return ask(self.config, point, len(read_prices(self.connection)))

    def follow(self, point: Point, witness: Witness | None) -> Trace:
        """The way through the batches."""
        span_s = (-(-self.span_ms[0] // 1000), min(-(-self.span_ms[1] // 1000), NEVER_S))
        with Progress("following batches", self.stop) as progress:
            return trace(self.connection, point, span_s, witness, progress.at)

    def readings(self, found: Trace) -> tuple[Report, Summary]:
        """The chain of readings, up to the last one that a batch of the trace was anchored at."""
        groups = [seen.group for seen in found.seen if seen.group is not None]
        upto_ms = group_end_ms(self.connection, max(groups, default=0)) + 1
        wanted = Wanted(
            frozenset([found.point.label]), self.span_ms[0], max(self.span_ms[1], upto_ms)
        )
        report = Report(self.labels, self.zone)
        with Progress("verifying readings", self.stop) as progress:
            summary = verify(self.connection, wanted, report.tell, progress.at)
        return report, summary


def _settlement(proof: _Proof, arguments: argparse.Namespace) -> int:
    documents, wrong = [], 0
    for label in dict.fromkeys(arguments.meter):
        point = find_point(proof.connection, label)
        if point is None:
            raise Permanent(f"{label} measures a feeder: nobody is charged for it")
        found = proof.follow(point, proof.witness(point) if arguments.online else None)
        report, summary = proof.readings(found)
        wrong += report.found + len(found.mismatches)
        if arguments.json:
            documents.append(figures(found, report, summary, proof.span_ms))
        else:
            screen = Screen(found, proof.zone, proof.span_ms, is_full=arguments.full)
            print("\n".join(screen.lines(report, summary)))
    if arguments.json:
        print(json.dumps(documents, indent=2))
    return 1 if wrong else 0
