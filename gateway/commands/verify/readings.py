"""What is said of the proof of readings: breaks of the chain, gaps, what was counted wrongly."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from gateway.commands.showing import show
from gateway.domain.proof import Break, Kind
from gateway.domain.readings import at_milliseconds
from gateway.store.recounting import Miscount
from gateway.store.verification import Finding, Silence, Summary

MOST_SHOWN = 20
"""Breaks that are told one by one; the first is the one to look at."""

_ALONE = {Kind.TIMES, Kind.REWRITTEN, Kind.INSERTED, Kind.SWAPPED}
"""Whose readings are all there and as they were: no day head has anything to say of them."""


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
                    show(f"gap: {finding.label}: nothing was read from {span}")
            case Break():
                self.found += 1
                self._breaks = sorted([*self._breaks, finding], key=_place)[:MOST_SHOWN]
            case Miscount():
                self.found += 1
                self._miscounts = [*self._miscounts, finding][:MOST_SHOWN]

    def lines(self, summary: Summary) -> list[str]:
        """Every finding in a sentence, and what was looked at."""
        said = self.sentences()
        more = self.found - len(said)
        if more:
            said.append(f"and {more} more")
        said.append(self._summary(summary))
        if self.found:
            said.append(
                "keep this file as it is, and a copy elsewhere, before anything else is done"
            )
        return said

    def sentences(self) -> list[str]:
        """Every finding, as far as they are told one by one."""
        said = [self._break(one) for one in self._breaks]
        return said + [f"{one.label}: {one.sentence}" for one in self._miscounts]

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
