"""Rows as the bytes of a table: CSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from handgrad.answers.answering import Row
from handgrad.errors import InputError

_DIGEST = 64
"""Characters of a part's checksum, at its end."""


class Table(Protocol):
    """A form of tables. A part is some rows in it, which is used only if it is undamaged."""

    name: str

    def part(self, columns: Sequence[str], rows: Sequence[Row]) -> bytes:
        """Return rows as a part."""

    def rows(self, columns: Sequence[str], part: bytes) -> list[Row] | None:
        """Return the rows of a part; None if it is damaged."""

    def joined(self, columns: Sequence[str], parts: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the table of all parts, piece by piece."""


class _Lines:
    """A table of lines: a part is lines, and a checksum."""

    name = ""

    def part(self, columns: Sequence[str], rows: Sequence[Row]) -> bytes:
        """See ``Table``."""
        lines = self.lines(columns, rows)
        return lines + hashlib.sha256(lines).hexdigest().encode()

    def rows(self, columns: Sequence[str], part: bytes) -> list[Row] | None:
        """See ``Table``."""
        lines = part[:-_DIGEST]
        if hashlib.sha256(lines).hexdigest().encode() != part[-_DIGEST:]:
            return None
        return self.read(columns, self.header(columns) + lines)

    def joined(self, columns: Sequence[str], parts: Iterable[bytes]) -> Iterator[bytes]:
        """See ``Table``."""
        yield self.header(columns)
        for part in parts:
            yield part[:-_DIGEST]

    def header(self, columns: Sequence[str]) -> bytes:
        """Return the line before all rows, or nothing."""
        raise NotImplementedError

    def lines(self, columns: Sequence[str], rows: Sequence[Row]) -> bytes:
        """Return one line for each row."""
        raise NotImplementedError

    def read(self, columns: Sequence[str], content: bytes) -> list[Row] | None:
        """Return the rows of a whole table; None if it has other columns or is damaged."""
        raise NotImplementedError


class Csv(_Lines):
    """A line for the names of the columns, then one for each row; None is empty."""

    name = "csv"

    def header(self, columns: Sequence[str]) -> bytes:
        """See ``_Lines``."""
        return self._written([columns])

    def lines(self, columns: Sequence[str], rows: Sequence[Row]) -> bytes:
        """See ``_Lines``."""
        return self._written([row[name] for name in columns] for row in rows)

    def read(self, columns: Sequence[str], content: bytes) -> list[Row] | None:
        """See ``_Lines``."""
        lines = csv.reader(io.StringIO(content.decode(errors="replace"), newline=""))
        if next(lines, None) != list(columns):
            return None
        rows = [dict(zip(columns, (value or None for value in line), strict=False)) for line in lines]
        return None if any(len(row) != len(columns) for row in rows) else rows

    @staticmethod
    def _written(values: Iterable[Sequence[Any]]) -> bytes:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(values)
        return text.getvalue().encode()


class JsonLines(_Lines):
    """An object for each row; None is null."""

    name = "jsonl"

    def header(self, columns: Sequence[str]) -> bytes:
        """See ``_Lines``."""
        return b""

    def lines(self, columns: Sequence[str], rows: Sequence[Row]) -> bytes:
        """See ``_Lines``."""
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()

    def read(self, columns: Sequence[str], content: bytes) -> list[Row] | None:
        """See ``_Lines``."""
        try:
            rows = [json.loads(line) for line in content.splitlines()]
        except ValueError:
            return None
        return None if any(not isinstance(row, dict) or tuple(row) != tuple(columns) for row in rows) else rows


class Parquet:
    """Columns of text and of float32; needs pyarrow."""

    name = "parquet"

    def part(self, columns: Sequence[str], rows: Sequence[Row]) -> bytes:
        """See ``Table``."""
        import pyarrow.parquet

        content = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, self._schema(columns)), content)
        return content.getvalue()

    def rows(self, columns: Sequence[str], part: bytes) -> list[Row] | None:
        """See ``Table``."""
        import pyarrow.parquet

        try:
            return pyarrow.parquet.read_table(io.BytesIO(part), schema=self._schema(columns)).to_pylist()
        except (OSError, pyarrow.ArrowException):
            return None

    def joined(self, columns: Sequence[str], parts: Iterable[bytes]) -> Iterator[bytes]:
        """See ``Table``."""
        import pyarrow.parquet

        content = io.BytesIO()
        with pyarrow.parquet.ParquetWriter(content, self._schema(columns)) as writer:
            for part in parts:
                writer.write_table(pyarrow.parquet.read_table(io.BytesIO(part)))
        yield content.getvalue()

    @staticmethod
    def _schema(columns: Sequence[str]) -> Any:
        import pyarrow

        number, text = pyarrow.float32(), pyarrow.string()
        return pyarrow.schema([(name, number if name.startswith("probability") else text) for name in columns])


TABLES: dict[str, Table] = {table.name: table for table in (Csv(), JsonLines(), Parquet())}
"""The forms by their names, which are also the ends of files."""


def table_of(out: Path) -> Table | None:
    """Return the form that the end of a file's name asks for; None if it asks for none.

    Raises
    ------
    InputError
        If the package that writes it is missing.
    """
    table = TABLES.get(out.suffix.casefold().removeprefix("."))
    if isinstance(table, Parquet) and not find_spec("pyarrow"):
        rule = "Parquet files need pyarrow, which handgrad itself does not install"
        raise InputError("out", out, rule, "choose a .csv, or run pip install pyarrow")
    return table
