"""The two forms of a table in a file. Both are written as the rows come, in bounded memory."""

from __future__ import annotations

import csv
import importlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Protocol, Self

from gateway.errors import Permanent
from gateway.store.exporting import Of, Value

Columns = Sequence[tuple[str, Of]]
ROWS_AT_ONCE = 10_000
"""In one row group of a Parquet file: a megabyte or so."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would calculate
(https://owasp.org/www-community/attacks/CSV_Injection)."""


class TableFile(Protocol):
    """A table that is being written."""

    rows: int
    """How many there are so far."""

    def __enter__(self) -> Self:
        """It is open already."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, and make it durable."""

    def add(self, row: Sequence[Value]) -> None:
        """Write one row."""


class CsvFile:
    """RFC 4180, UTF-8, with a line of names; instants are ISO 8601 with their offset.

    Args:
        path: the file.
        columns: names and kinds.
        zone: in which instants are said; None: UTC.
    """

    def __init__(self, path: Path, columns: Columns, zone: tzinfo | None) -> None:
        self.rows = 0
        self._zone = zone or UTC
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow([name for name, _ in columns])

    def __enter__(self) -> Self:
        """It is open already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, and make it durable."""
        with self._file:
            if error is None:
                self._file.flush()
                os.fsync(self._file.fileno())

    def add(self, row: Sequence[Value]) -> None:
        """Write one row."""
        self._writer.writerow([self._cell(value) for value in row])
        self.rows += 1

    def _cell(self, value: Value) -> str | int | None:
        match value:
            case datetime():
                return value.astimezone(self._zone).isoformat(timespec="milliseconds")
            case str() if value.startswith(_FORMULA):
                return f"'{value}"
            case _:
                return value


class ParquetFile:
    """Parquet with its own types; instants are UTC with milliseconds, and know their zone.

    Args:
        path: the file.
        columns: names and kinds.
        zone: as which instants are shown by those who read it; None: UTC.

    Raises:
        Permanent: the library isn't installed.
    """

    def __init__(self, path: Path, columns: Columns, zone: tzinfo | None) -> None:
        self.rows = 0
        self._arrow = _library("pyarrow")
        kinds = {
            Of.TEXT: self._arrow.string(),
            Of.NUMBER: self._arrow.int64(),
            Of.INSTANT: self._arrow.timestamp("ms", tz=str(zone or "UTC")),
        }
        self._schema = self._arrow.schema([(name, kinds[kind]) for name, kind in columns])
        self._path = path
        self._writer = _library("pyarrow.parquet").ParquetWriter(str(path), self._schema)
        self._waiting: list[Sequence[Value]] = []

    def __enter__(self) -> Self:
        """It is open already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, and make it durable."""
        try:
            if error is None:
                self._write()
        finally:
            self._writer.close()
        if error is None:
            with self._path.open("rb") as file:
                os.fsync(file.fileno())

    def add(self, row: Sequence[Value]) -> None:
        """Write one row."""
        self._waiting.append(row)
        self.rows += 1
        if len(self._waiting) >= ROWS_AT_ONCE:
            self._write()

    def _write(self) -> None:
        columns = zip(*self._waiting, strict=True) if self._waiting else [()] * len(self._schema)
        arrays = [
            self._arrow.array(list(values), type=field.type)
            for values, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._waiting.clear()


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Permanent(
            "Parquet needs pyarrow, which is not installed, being large for a Pi: export CSV here, "
            "or run `pip install pyarrow` where you export from a copy of the database"
        ) from None


FORMATS: dict[str, Callable[[Path, Columns, tzinfo | None], TableFile]] = {
    "csv": CsvFile,
    "parquet": ParquetFile,
}
"""By the name that a person gives it."""
