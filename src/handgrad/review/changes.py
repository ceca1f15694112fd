"""What a person decided: a CSV with one row for each picture, written after each decision."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeAlias

from handgrad import atomic
from handgrad.errors import InputError
from handgrad.text import printable

FILE_NAME = "changes.csv"
COLUMNS = ("file", "from", "to", "when")


class Change(NamedTuple):
    """One decision.

    ``file`` is the name of the picture, made printable. ``label`` is empty for a picture that had none. ``to`` is the
    same as ``label`` where that is right, and empty for a picture of no class. ``when`` is a time in UTC.
    """

    file: str
    label: str
    to: str
    when: str

    @property
    def key(self) -> Key:
        """What it is about: labeled and unlabeled pictures are in different folders, and may have one name."""
        return self.label == "", self.file


Key: TypeAlias = tuple[bool, str]


def decided(file: str, label: str, to: str) -> Change:
    """Return the decision that a person takes now."""
    return Change(printable(file), label, to, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def read_changes(folder: Path) -> dict[Key, Change]:
    """Read what was decided so far, by picture; the last row counts. Without a file nothing was.

    Raises
    ------
    InputError
        If the file is no such table.
    """
    path = folder / FILE_NAME
    changes = (Change(*row) for row in read_rows(path, COLUMNS))
    return {change.key: change for change in changes}


def write_changes(folder: Path, changes: Iterable[Change]) -> None:
    """Write all decisions, atomically."""
    atomic.write_files(folder, {FILE_NAME: table(COLUMNS, changes)})


def read_rows(path: Path, columns: tuple[str, ...]) -> list[list[str]]:
    """Read a table with exactly these columns; one that does not exist has no rows."""
    try:
        # As spreadsheets save it, too: with a mark of the byte order in front.
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = [row for row in csv.reader(file, strict=True) if row]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError("changes", path, f"cannot be read ({error.strerror})", "check its permissions") from error
    except csv.Error as error:
        raise InputError("changes", path, f"is no table of text ({error})", "restore it, or remove it") from error
    first, *rest = rows or [list(columns)]
    wrong = next((number for number, row in enumerate(rest, start=2) if len(row) != len(columns)), None)
    if tuple(first) != columns or wrong:
        rule = f"its columns must be {', '.join(columns)}" + (
            f", unlike row {wrong}" if tuple(first) == columns else ""
        )
        raise InputError("changes", path, rule, "restore it, or remove it")
    return rest


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> bytes:
    """Return a CSV."""
    text, rows = io.StringIO(), list(rows)
    # Python's own rule leaves a carriage return bare, which would end the row.
    bare = any("\r" in cell for row in rows for cell in row)
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if bare else csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")
