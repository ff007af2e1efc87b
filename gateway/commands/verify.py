"""Prove that the stored readings are those that were read, and that they were counted rightly."""

from __future__ import annotations

import argparse
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.commands.period import add_period, take_period
from gateway.commands.progress import Progress
from gateway.commands.showing import show
from gateway.commands.stopping import stopping
from gateway.config import DEFAULT_PATH, load
from gateway.domain.proof import Break, Kind
from gateway.domain.readings import at_milliseconds
from gateway.errors import Permanent
from gateway.store.recounting import Miscount
from gateway.store.snapshot import snapshot
from gateway.store.verification import (
    NEVER_MS,
    Finding,
    Silence,
    Summary,
    Wanted,
    meter_labels,
    verify,
)

MOST_SHOWN = 20
"""Breaks that are told one by one; the first is the one to look at."""

_ALONE = {Kind.TIMES, Kind.REWRITTEN, Kind.INSERTED, Kind.SWAPPED}
"""Whose readings are all there and as they were: no day head has anything to say of them."""


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


def run(arguments: argparse.Namespace) -> int:
    """Print what does not hold; 1 when there is anything.

    Raises:
        GatewayError: the file can't be looked at, and the sentence says why.
    """
    path, zone = arguments.database, ZoneInfo("UTC")
    if path is None:
        config = load(arguments.config)
        path, zone = Path(config.gateway.database), config.zone
    from_ms, to_ms = take_period(arguments.start, arguments.end, zone)
    with stopping() as stop, snapshot(path, stop) as connection:
        labels = meter_labels(connection)
        wanted = Wanted(
            _chosen(arguments.meter, labels), from_ms or 0, NEVER_MS if to_ms is None else to_ms
        )
        report = Report(labels, zone, gaps=arguments.gaps)
        with Progress("verifying", stop) as progress:
            summary = verify(connection, wanted, report.tell, progress.at)
    show("\n".join(report.lines(summary)))
    return 1 if report.found else 0


def _chosen(labels: list[str] | None, known: dict[int, str]) -> frozenset[str] | None:
    if labels is None:
        return None
    strange = sorted(set(labels) - set(known.values()))
    if strange:
        raise Permanent(f"{', '.join(strange)}: no such meter point; see `gateway meter list`")
    return frozenset(labels)


class Report:
    """What was found, in sentences.

    Args:
        labels: of each meter.
        zone: in which instants are said.
        gaps: whether each gap is told.
    """

    def __init__(self, labels: dict[int, str], zone: ZoneInfo, *, gaps: bool = False) -> None:
        self._labels = labels
        self._zone = zone
        self._gaps = gaps
        self._breaks: list[Break] = []
        self._miscounts: list[Miscount] = []
        self.found = 0

    def tell(self, finding: Finding) -> None:
        """Take a finding; gaps are said at once, because there may be very many."""
        match finding:
            case Silence():
                if self._gaps:
                    span = self._span(finding.from_ms, finding.to_ms)
                    print(f"gap: {finding.label}: nothing was read from {span}")
            case Break():
                self.found += 1
                self._breaks = sorted([*self._breaks, finding], key=_place)[:MOST_SHOWN]
            case Miscount():
                self.found += 1
                self._miscounts = [*self._miscounts, finding][:MOST_SHOWN]

    def lines(self, summary: Summary) -> list[str]:
        """Every finding in a sentence, and what was looked at."""
        said = [self._break(one) for one in self._breaks]
        said += [f"{one.label}: {one.sentence}" for one in self._miscounts]
        more = self.found - len(said)
        if more:
            said.append(f"and {more} more")
        said.append(self._summary(summary))
        if self.found:
            said.append(
                "keep this file as it is, and a copy elsewhere, before anything else is done"
            )
        return said

    def _break(self, one: Break) -> str:
        group = f"group {one.first}" if one.first == one.last else f"groups {one.first}-{one.last}"
        return f"{group} ({self._span(one.from_ms, one.to_ms)}): {one.kind}{self._whose(one)}"

    def _whose(self, one: Break) -> str:
        if one.meters is None:
            return "" if one.kind in _ALONE else "; whose they are, the next day head will say"
        if not one.meters:
            return "; no meter's day head misses anything"
        names = sorted({self._labels.get(meter, f"meter {meter}") for meter in one.meters})
        return f"; of {', '.join(names)}"

    def _summary(self, summary: Summary) -> str:
        if summary.from_ms is None or summary.to_ms is None:
            return "no readings are kept"
        verdict = f"{self.found} to look into" if self.found else "every hash fits"
        return (
            f"{summary.groups} groups with {summary.readings} readings and {summary.gaps} gaps of "
            f"{len(summary.meters)} meters, {self._span(summary.from_ms, summary.to_ms)}; "
            f"{summary.recounted} counted again: {verdict}"
        )

    def _span(self, from_ms: int, to_ms: int) -> str:
        first, last = (at_milliseconds(at_ms).astimezone(self._zone) for at_ms in (from_ms, to_ms))
        return f"{first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S %Z}"


def _place(one: Break) -> tuple[int, int]:
    return one.first, one.last
