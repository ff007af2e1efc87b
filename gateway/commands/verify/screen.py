"""A settlement on a terminal of 80 columns: from the readings to the charge, and a verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from gateway.commands.verify.readings import Report
from gateway.domain.charging import MILLI
from gateway.domain.statement import TIERS, Item, Quarter, tier_name
from gateway.domain.tariffs import INTERVAL_S
from gateway.domain.trail import Mismatch
from gateway.store.tracing import Seen, Trace
from gateway.store.verification import NEVER_MS, Summary

WIDTH = 80
MOST_IN_FULL = 4
"""More batches than these are a table, unless everything is asked for."""
MOST_HOURS = 48
COLUMNS = ("off-peak", "standard", "peak", "included", "market")
_DAY_S, _HOUR_S = 86_400, 3_600


class Screen:
    """One meter's settlement in lines.

    Args:
        found: its trace.
        zone: in which instants are said.
        span_ms: the period, unix milliseconds.
        is_full: every quarter-hour and every hash, however many.
    """

    def __init__(
        self, found: Trace, zone: ZoneInfo, span_ms: tuple[int, int], *, is_full: bool
    ) -> None:
        self._found = found
        self._zone = zone
        self._span_ms = span_ms
        self._is_full = is_full

    def lines(self, report: Report, summary: Summary) -> Iterator[str]:
        """Everything, the verdict last."""
        yield self._title()
        yield from self._readings(report, summary)
        yield from self._usage()
        yield from self._batches()
        yield from self._contract()
        yield from self._verdict(report)

    def _title(self) -> str:
        point = self._found.point
        from_ms, to_ms = self._span_ms
        since = self._at(from_ms // 1000) if from_ms > 0 else "the beginning"
        until = self._at(to_ms // 1000) if to_ms < NEVER_MS else "now"
        return (
            f"{point.label}: site {point.site}, slot {point.slot}, {point.mode}\n"
            f"from {since} to {until}, {self._zone.key} time"
        )

    # The way

    def _readings(self, report: Report, summary: Summary) -> Iterator[str]:
        yield from _head("READINGS")
        yield from _wrapped(line for line in report.lines(summary) if "keep this file" not in line)
        for one in self._found.registers:
            yield f"  meter {one.serial}"
            for at_ms, wh in ((one.first_ms, one.first_wh), (one.last_ms, one.last_wh)):
                yield f"    {self._at(at_ms // 1000, '%Y-%m-%d %H:%M:%S')}{wh:>17,} Wh"
            yield f"    {'moved':<19}{one.last_wh - one.first_wh:>17,} Wh"
        if not self._found.registers:
            yield "  no reading of this period is kept any more, or there was none"

    def _usage(self) -> Iterator[str]:
        quarters = self._found.quarters
        total_wh = sum(one.usage_wh for one in quarters)
        yield from _head("USAGE", f"{total_wh:,} Wh in {len(quarters)} quarter-hours")
        for tier, name in enumerate(TIERS):
            wh = sum(one.usage_wh for one in quarters if one.tier == tier)
            if wh:
                yield f"  {name:<9}{wh:>12,} Wh"
        estimated_wh = sum(one.estimated_wh for one in quarters)
        if estimated_wh:
            yield f"  of it {estimated_wh:,} Wh estimated, marked ~"
        yield from self._by_time(quarters)
        for one in quarters:
            for edit in one.edits:
                yield from _wrapped([f"* {self._at(one.start_s)}: {edit}"])

    def _by_time(self, quarters: Sequence[Quarter]) -> Iterator[str]:
        hours = (quarters[-1].start_s - quarters[0].start_s) // _HOUR_S if quarters else 0
        if self._is_full or hours < MOST_HOURS:
            yield f"  {'':<17}{'+0':>10}{'+15':>10}{'+30':>10}{'+45 min, Wh':>18}"
            for hour_s, group in groupby(quarters, lambda one: one.start_s // _HOUR_S * _HOUR_S):
                found = {(one.start_s - hour_s) // INTERVAL_S: one for one in group}
                cells = "".join(f"{_cell(found.get(number)):>10}" for number in range(4))
                tiers = {tier_name(one.tier) for one in found.values()}
                yield f"  {self._at(hour_s):<17}{cells}  {'/'.join(sorted(tiers))}"
            if any(one.usage_wh > one.claimed_wh for one in quarters):
                yield "  ? waits to be settled"
            return
        for day, group in groupby(quarters, lambda one: self._at(one.start_s, "%Y-%m-%d")):
            wh = [0, 0, 0]
            for one in group:
                wh[one.tier] += one.usage_wh
            cells = "  ".join(
                f"{name} {sum_wh:>8,}" for name, sum_wh in zip(TIERS, wh, strict=True)
            )
            yield f"  {day}  {cells}  Wh"

    def _batches(self) -> Iterator[str]:
        seen = self._found.seen
        yield from _head("BATCHES", self._linked())
        if self._is_full or len(seen) <= MOST_IN_FULL:
            for one in seen:
                yield from self._batch(one)
        else:
            yield f"  {'batch':>6}  {'from':<16}  {'to':<16}  {'Wh':>10}  {'stroops':>13}"
            for one in seen:
                item, made = one.line.item, one.line.charge
                cost = f"{made.stroops:,}" if made else "-"
                yield (
                    f"  {item.sequence:>6}  {self._at(item.from_s)}  {self._at(item.to_s)}  "
                    f"{item.usage.total_wh:>10,}  {cost:>13}{_mark(item)}"
                )
            yield "  (--full shows each with its hashes)"
        for refused in self._found.refused:
            yield from _wrapped([f"batch {refused.sequence}, given up: {refused.message}"])

    def _linked(self) -> str:
        if self._found.linked is None:
            return "none carries usage of this period yet" if not self._found.seen else ""
        first, last = self._found.linked
        return f"digests {first} to {last} made again from their bytes"

    def _batch(self, one: Seen) -> Iterator[str]:
        item, link = one.line.item, one.link
        period = f"{self._at(item.from_s)} to {self._at(item.to_s)}"
        yield f"  batch {item.sequence}: {period}, {item.state}"
        cells = zip(COLUMNS, item.usage.columns, strict=True)
        said = ", ".join(f"{name} {wh:,} Wh" for name, wh in cells if wh) or "0 Wh"
        if one.period_wh not in {None, item.usage.total_wh}:
            said += f"; of this period {one.period_wh:,} Wh"
        yield from _wrapped([said], "    ")
        if self._is_full:
            yield f"    before  {link.previous_digest.hex()}"
        yield f"    digest  {link.digest.hex()}"
        if link.batch.root is not None:
            yield f"    root    {link.batch.root.hex()}"
        if one.group is not None:
            kept = "still the same here" if one.group_is_kept else "pruned since"
            yield f"    it commits to the readings up to group {one.group}, {kept}"
        receipt = link.receipt
        if receipt is not None:
            taken = {True: "accepted", False: "REFUSED", None: "not known"}[item.accepted]
            yield f"    receipt: ledger closed {self._at(receipt.closed_s)}; this meter {taken}"
            yield (
                f"      site: {receipt.accepted_wh:,} Wh accepted, {receipt.residue_wh:,} Wh "
                f"refused; {receipt.total_wh:,} Wh ever"
            )
            if self._is_full and link.tx_hash:
                yield f"    sent as {link.tx_hash}"
        elif item.is_open:
            yield "    it waits for the contract's answer"
        yield from self._charge(one)

    def _charge(self, one: Seen) -> Iterator[str]:
        item, made = one.line.item, one.line.charge
        price = self._found.prices.get(item.price_version)
        if made is None or price is None:
            if self._found.point.mode != "prepaid":
                yield "    charge: none here, batches of this meter only count"
            return
        rates = (price.off_peak, price.standard, price.peak)
        wh = item.usage.columns
        yield f"    charge at price version {price.version}, in stroops of the token"
        for tier, name in enumerate(TIERS):
            if wh[tier]:
                sum_wh = f"{wh[tier]:,} Wh x {rates[tier]:,} per kWh"
                yield f"      {name:<10}{sum_wh:<36}{_milli(made.tiers_milli[tier]):>22}"
        if made.carried_milli:
            yield f"      {'carried from the charge before':<46}{_milli(made.carried_milli):>22}"
        left = f"in whole stroops ({made.left_milli} thousandths carried on)"
        yield f"      {left:<46}{made.stroops:>22,}"
        yield from self._movement(one)

    def _movement(self, one: Seen) -> Iterator[str]:
        balance, made, credited = one.line.item.balance, one.line.charge, one.line.credited
        if balance is None or made is None:
            return
        if credited is not None:
            yield f"      {'balance before it':<46}{balance + made.stroops - credited:>22,}"
            if credited:
                yield f"      {'paid or credited in between':<46}{credited:>+22,}"
        yield f"      {'balance after it':<46}{balance:>22,}"

    def _contract(self) -> Iterator[str]:
        found, statement, books = self._found, self._found.statement, self._found.books
        witness = found.witness
        record = witness.record if witness else None
        said = "as this gateway read it last"
        if witness is not None:
            said = f"asked now: ledger {witness.ledger}, {self._at(witness.closed_s)}"
        yield from _head("CONTRACT", said)
        rows = [
            ("accepted in batches, ever", statement.accepted_wh, "Wh"),
            ("adopted in take-overs", statement.adopted_wh, "Wh"),
            ("refused or withheld for good", statement.residue_wh, "Wh"),
            ("contract's total", record.total_wh if record else books.chain_wh, "Wh"),
            ("counted here, ever", books.usage_wh, "Wh"),
            ("not settled yet", books.usage_wh - books.claimed_wh, "Wh"),
            ("balance", record.balance if record else books.balance, "stroops"),
        ]
        for name, value, unit in rows:
            yield f"  {name:<30}" + (f"{value:>20,} {unit}" if value is not None else "not known")

    # The verdict

    def _verdict(self, report: Report) -> Iterator[str]:
        found = self._found
        yield ""
        for note in found.notes:
            yield from _wrapped([f"note: {note}"], "")
        for one in found.mismatches:
            yield from _wrapped([f"WRONG, {one.step}: {self._said(one)}"], "")
        wrong = report.found + len(found.mismatches)
        if wrong:
            agree = "number does" if wrong == 1 else "numbers do"
            yield from _wrapped(
                [
                    f"{found.point.label}: {wrong} {agree} not agree: keep this file as it is, and "
                    "a copy elsewhere, before anything else is done"
                ],
                "",
            )
            return
        yield from _wrapped([self._agreement()], "")

    def _agreement(self) -> str:
        found = self._found
        used_wh = sum(one.usage_wh for one in found.quarters)
        settled_wh = sum(one.claimed_wh for one in found.quarters)
        items = [one.line.item for one in found.seen]
        refused_wh = sum(one.usage.total_wh for one in items if one.accepted is False)
        charged = sum(one.line.charge.stroops for one in found.seen if one.line.charge)
        asked = (
            "the contract says the same" if found.witness else "add --online to ask the contract"
        )
        refused = f", {refused_wh:,} Wh refused by the contract" if refused_wh else ""
        count = f"{len(items)} batch{'es' if len(items) != 1 else ''}"
        return (
            f"{found.point.label}: {used_wh:,} Wh used, {settled_wh:,} Wh settled{refused}; "
            f"{count} charged {charged:,} stroops: every number agrees; {asked}"
        )

    def _said(self, one: Mismatch) -> str:
        if one.start_s is None:
            return one.sentence
        return f"quarter-hour {self._at(one.start_s)}: {one.sentence}"

    def _at(self, at_s: int, form: str = "%Y-%m-%d %H:%M") -> str:
        try:
            return f"{datetime.fromtimestamp(at_s, UTC).astimezone(self._zone):{form}}"
        except (ValueError, OverflowError, OSError):  # no figure in the file is taken for granted
            return f"{at_s} s after 1970"


def _head(name: str, said: str = "") -> Iterator[str]:
    yield ""
    yield f"{name:<10}{said}".rstrip()


def _wrapped(texts: Iterator[str] | Sequence[str], indent: str = "  ") -> Iterator[str]:
    for text in texts:
        yield from textwrap.wrap(
            text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  "
        )


def _cell(quarter: Quarter | None) -> str:
    if quarter is None:
        return "-"
    marks = "~" * bool(quarter.estimated_wh) + "*" * bool(quarter.edits)
    waits = "?" if quarter.usage_wh > quarter.claimed_wh else ""
    return f"{quarter.usage_wh:,}{marks}{waits}"


def _mark(item: Item) -> str:
    if item.is_open:
        return "  open"
    return "  refused" if item.accepted is False else ""


def _milli(thousandths: int) -> str:
    return f"{thousandths // MILLI:,}.{thousandths % MILLI:03}"
