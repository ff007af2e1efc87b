"""Follows the chain of stored groups, and says where it breaks, how, and of which meters.

A group that does not fit the one before it is told at once; which meters it concerns is known at
the next day head, where every meter's own chain is compared. Until then a meter is unsure, and what
does not fit because of that is a consequence, not another break.

Pure. It proves what the file says of itself: whoever writes all of it anew, heads included, is
found only by what was anchored elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gateway.domain.groups import NO_HEAD, GroupError, by_meter, expand, extend, seal, span


class Kind(StrEnum):
    """What is wrong, in words."""

    DAMAGED = "its bytes are damaged"
    CHANGED = "its readings are not those that were stored"
    TIMES = "its times are not those of its readings"
    REWRITTEN = "its hash was rewritten; its readings are those that were stored"
    MISSING = "missing"
    INSERTED = "it was inserted: the chain fits without it"
    SWAPPED = "it stands before the one that it follows"
    HEAD = "the day head was rewritten: it is not where the readings lead"
    NO_HEADS = "the day head is missing"


@dataclass(frozen=True, slots=True)
class Group:
    """A row of ``reading_group``.

    Args:
        sequence: its number.
        from_ms: its oldest record (unix milliseconds).
        to_ms: its newest.
        blob: its records, compressed.
        hash: 32 bytes.
    """

    sequence: int
    from_ms: int
    to_ms: int
    blob: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold.

    Args:
        kind: how.
        first: the first group concerned.
        last: the last one; the same but for missing ones.
        from_ms: since when readings are in doubt (unix milliseconds).
        to_ms: until when.
        meters: whose chain no longer leads to its day head; None: no day head says so yet.
    """

    kind: Kind
    first: int
    last: int
    from_ms: int
    to_ms: int
    meters: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """From where a chain is followed.

    Args:
        first: the group that should come first.
        heads: each meter's head before it; None: nobody wrote them down.
        hash: of the group before it; None: it is gone.
    """

    first: int = 1
    heads: Mapping[int, bytes] | None = field(default_factory=dict)
    hash: bytes | None = NO_HEAD


Heads = Callable[[int], Mapping[int, bytes]]
"""The day heads that were written after a group, by meter; empty: none were."""
_Checked = tuple[Group, bytes]
"""A group and its records."""


class Follower:
    """Follows one chain, group by group.

    Args:
        start: from where.
        heads_after: finds day heads.
        seen: told of each group whose bytes are sound, with its records.
    """

    def __init__(
        self, start: Start, heads_after: Heads, seen: Callable[[Group, bytes], None]
    ) -> None:
        self._heads_after = heads_after
        self._seen = seen
        self._next = start.first
        self._hash = start.hash
        self._heads = dict(start.heads or {})
        self._sure: set[int] | None = None if start.heads is not None else set()
        self._open: list[Break] = []
        self._until_ms = 0

    def follow(self, groups: Iterable[Group]) -> Iterator[Break]:
        """Every break, in order of groups; bounded memory.

        Args:
            groups: in order of sequence.
        """
        coming = iter(groups)
        group = next(coming, None)
        while group is not None:
            after = next(coming, None)
            yield from self._take(group, after)
            if after is not None and self._next > after.sequence:
                after = next(coming, None)  # it was looked at together with this one
            group = after
        yield from self._open

    def missing(self, upto: int, to_ms: int) -> Iterator[Break]:
        """Groups that others speak of and that are not there, at the end.

        Args:
            upto: the newest group that anything speaks of.
            to_ms: the newest time that anything speaks of (unix milliseconds).
        """
        if upto >= self._next:
            yield Break(Kind.MISSING, self._next, upto, self._until_ms, to_ms)

    def _take(self, group: Group, after: Group | None) -> Iterator[Break]:
        records = self._records(group)
        yield from self._check_form(group, records)
        if records is None or self._fits(group, records):
            yield from self._accept(group, records)
        else:
            yield from self._explain(group, records, after)

    def _records(self, group: Group) -> bytes | None:
        records = _expanded(group)
        if records is not None:
            self._seen(group, records)
        return records

    def _check_form(self, group: Group, records: bytes | None) -> Iterator[Break]:
        """What can be said of a group without the ones around it."""
        if group.sequence > self._next:
            self._sure = set()
            self._open.append(
                Break(
                    *(Kind.MISSING, self._next, group.sequence - 1),
                    *(self._until_ms or group.from_ms, group.from_ms),
                )
            )
            self._hash = None
        if records is None:
            self._sure = set()
            self._open.append(_at(Kind.DAMAGED, group))
        elif span(records) != (group.from_ms, group.to_ms):
            yield _at(Kind.TIMES, group)

    def _step(
        self, previous: bytes | None, records: bytes
    ) -> tuple[bytes | None, dict[int, bytes]]:
        """The hash of a group with these records, None if unknown, and its meters' new heads."""
        changed = {
            meter_id: extend(self._heads.get(meter_id, NO_HEAD), own)
            for meter_id, own in by_meter(records)
        }
        return None if previous is None else seal(previous, changed.items()), changed

    def _fits(self, group: Group, records: bytes) -> bool:
        """Whether it follows, or may: what is unsure is no reproach to it."""
        found, changed = self._step(self._hash, records)
        if found == group.hash:
            if self._sure is not None:
                self._sure |= changed.keys()
            return True
        return found is None or (self._sure is not None and not changed.keys() <= self._sure)

    def _accept(self, group: Group, records: bytes | None) -> Iterator[Break]:
        """Go on after a group; where a day head was written, settle what was unsure."""
        if records is not None:
            self._heads |= self._step(self._hash, records)[1]
        self._hash = group.hash
        self._next = group.sequence + 1
        self._until_ms = max(self._until_ms, group.to_ms)
        heads = self._heads_after(group.sequence)
        if heads:
            yield from self._compare(group, heads)

    def _compare(self, group: Group, heads: Mapping[int, bytes]) -> Iterator[Break]:
        wrong = {meter for meter, head in heads.items() if self._heads.get(meter) != head}
        absent = tuple(sorted(self._heads.keys() - heads.keys()))
        blamed = wrong if self._sure is not None else set()
        blamed = blamed - (self._sure or set())
        for one in self._open:
            yield replace(one, meters=tuple(sorted(blamed)))
        self._open.clear()
        if wrong - blamed:
            yield _at(Kind.HEAD, group, sorted(wrong - blamed))
        if absent:
            yield _at(Kind.NO_HEADS, group, absent)
        self._heads |= {meter: heads[meter] for meter in blamed}
        self._sure = None

    def _explain(self, group: Group, records: bytes, after: Group | None) -> Iterator[Break]:
        """A group that does not fit: what the next one says about it."""
        later = None
        if after is not None and after.sequence == group.sequence + 1:
            later = _expanded(after)
        found, changed = self._step(self._hash, records)
        if after is not None and later is not None:
            if self._chains(found, changed, later) == after.hash:
                yield _at(Kind.REWRITTEN, group)
                yield from self._accept(replace(group, hash=found or NO_HEAD), records)
                return
            kind = self._out_of_place((group, records), (after, later))
            if kind is not None:
                yield _at(kind, group)
                yield from self._put_right(kind, (group, records), (after, later))
                return
        self._sure = set()  # all are: records of any meter may have been cut out
        only = tuple(changed) if len(changed) == 1 else None
        self._open.append(replace(_at(Kind.CHANGED, group), meters=only))
        yield from self._accept(group, records)

    def _out_of_place(self, one: _Checked, other: _Checked) -> Kind | None:
        """Whether the next group's records fit here, and this one's nowhere or after them."""
        (group, records), (after, later) = one, other
        direct, changed = self._step(self._hash, later)
        if direct not in {group.hash, after.hash}:
            return None
        if self._chains(direct, changed, records) in {group.hash, after.hash} - {direct}:
            return Kind.SWAPPED
        return Kind.INSERTED if direct == after.hash else None

    def _put_right(self, kind: Kind, one: _Checked, other: _Checked) -> Iterator[Break]:
        """Go on as if the two groups stood as they should."""
        (group, records), (after, later) = one, other
        self._seen(after, later)
        if kind is Kind.INSERTED:
            yield from self._accept(after, later)
            return
        first, changed = self._step(self._hash, later)
        self._heads |= changed
        last, changed = self._step(first, records)
        self._heads |= changed
        self._hash = last
        self._next = after.sequence + 1
        self._until_ms = max(self._until_ms, group.to_ms, after.to_ms)

    def _chains(
        self, previous: bytes | None, changed: Mapping[int, bytes], records: bytes
    ) -> bytes | None:
        """The hash of what follows a group that has changed these heads."""
        if previous is None:
            return None
        heads = self._heads | dict(changed)
        return seal(
            previous,
            [(meter, extend(heads.get(meter, NO_HEAD), own)) for meter, own in by_meter(records)],
        )


def _expanded(group: Group) -> bytes | None:
    try:
        return expand(group.blob)
    except GroupError:
        return None


def _at(kind: Kind, group: Group, meters: Iterable[int] | None = None) -> Break:
    named = None if meters is None else tuple(meters)
    return Break(kind, group.sequence, group.sequence, group.from_ms, group.to_ms, named)
