"""A disk as a power cut leaves it, rebuilt from what the shim wrote down.

What was synced is there. Of what was not, each write may be there or not, or only some of its
sectors: a disk orders nothing between two syncs. Names in the folder change in their order, and
are sure only when the folder, too, was synced.
"""

from __future__ import annotations

import random
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

_RECORD = struct.Struct("<ccHiqII")
SECTOR_BYTES = 512
FILES = ("usage.db", "usage.db-wal", "usage.db-journal")
Policy = Literal["nothing", "everything", "a beginning", "some writes", "torn writes"]
POLICIES: Sequence[Policy] = (
    "nothing",
    "everything",
    "a beginning",
    "some writes",
    "torn writes",
    "torn writes",
)


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that a process did.

    Args:
        op: as ``shim.c`` has it.
        detail: of a death or a fault: at which op.
        name: the file's name; empty for none.
        offset: where; of a truncation the new length.
        data: what was written, sent or acknowledged.
    """

    op: str
    detail: str
    name: str
    offset: int
    data: bytes


def read_log(path: Path) -> Iterator[Record]:
    """Everything that processes did, one life after the other."""
    log = memoryview(path.read_bytes()) if path.exists() else memoryview(b"")
    names: dict[int, str] = {}
    place = 0
    while place + _RECORD.size <= len(log):
        op, detail, _, file, offset, _, length = _RECORD.unpack_from(log, place)
        place += _RECORD.size
        data = bytes(log[place : place + length])
        place += length
        if op == b"N":
            names[file] = data.decode()
        else:
            yield Record(op.decode(), detail.decode(), names.get(file, ""), offset, data)


@dataclass(slots=True, eq=False)
class _File:
    """Its synced bytes, and what was done to it since."""

    synced: bytearray = field(default_factory=bytearray)
    since: list[Record] = field(default_factory=list)

    def sync(self) -> None:
        for record in self.since:
            _apply(self.synced, record)
        self.since.clear()

    def left(self, policy: Policy, chance: random.Random) -> bytes:
        """What a power cut leaves."""
        data = bytearray(self.synced)
        count = len(self.since)
        match policy:
            case "nothing":
                kept: Sequence[Record] = ()
            case "a beginning":
                kept = self.since[: chance.randint(0, count)]
            case "some writes":
                kept = [one for one in self.since if chance.random() < 0.5]
            case _:
                kept = self.since
        for record in kept:
            if policy == "torn writes":
                for part in _sectors(record):
                    if chance.random() < 0.5:
                        _apply(data, part)
            else:
                _apply(data, record)
        return bytes(data)


def _sectors(record: Record) -> Iterator[Record]:
    """A write as the disk sees it: each sector by itself."""
    if record.op != "W":
        yield record
        return
    start, end = record.offset, record.offset + len(record.data)
    while start < end:
        stop = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        part = record.data[start - record.offset : stop - record.offset]
        yield Record("W", "", record.name, start, part)
        start = stop


def _apply(data: bytearray, record: Record) -> None:
    if record.op == "T":
        del data[record.offset :]
        data.extend(bytes(record.offset - len(data)))
        return
    if len(data) < record.offset:
        data.extend(bytes(record.offset - len(data)))
    data[record.offset : record.offset + len(record.data)] = record.data


class Disk:
    """The files of one store, followed from record to record.

    Args:
        folder: where they are when the log begins; all of it is on the disk.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {
            name: _File(bytearray((folder / name).read_bytes()))
            for name in FILES
            if (folder / name).exists()
        }
        self._named = dict(self._files)
        self._renamed: list[tuple[str, _File | None]] = []
        self.acked: set[int] = set()
        self.sent: list[bytes] = []

    def follow(self, record: Record) -> None:
        """Take in one record."""
        match record.op:
            case "W" | "T":
                self._files[record.name].since.append(record)
            case "S":
                self._files[record.name].sync()
            case "C":
                self._files[record.name] = _File()
                self._renamed.append((record.name, self._files[record.name]))
            case "U":
                del self._files[record.name]
                self._renamed.append((record.name, None))
            case "D":
                self._rename(len(self._renamed), self._named)
                self._renamed.clear()
            case "A":
                self.acked |= {int(line) for line in record.data.split()}
            case "X":
                self.sent.append(record.data)

    def _rename(self, count: int, names: dict[str, _File]) -> None:
        for name, file in self._renamed[:count]:
            if file is None:
                names.pop(name, None)
            else:
                names[name] = file

    def cut(self, chance: random.Random, folder: Path) -> Counter[str]:
        """Write what a power cut at this instant leaves into an empty folder.

        Args:
            chance: decides what of all that was not synced is there.
            folder: where.

        Returns:
            What happened to each file, by name.
        """
        names = dict(self._named)
        self._rename(chance.randint(0, len(self._renamed)), names)
        seen: Counter[str] = Counter()
        for name, file in names.items():
            policy = chance.choice(POLICIES)
            (folder / name).write_bytes(file.left(policy, chance))
            if file.since:
                what = {"usage.db": "file", "usage.db-wal": "log"}.get(name, name)
                seen[f"{policy} of the {what}'s unsynced writes kept"] += 1
        return seen
