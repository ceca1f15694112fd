"""Which object each image shows, by its name or by a table: images of one object belong in one split."""

from __future__ import annotations

import csv
import os
import re
import unicodedata
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from handgrad.data.remarks import Remarks, counted, some
from handgrad.errors import InputError
from handgrad.text import printable

_ARGUMENT = "group_by"
_COLUMNS = ("image", "object")
_DELIMITERS = (",", ";", "\t", "|")
_TABLES = (".csv", ".tsv")
Names: TypeAlias = Sequence[str] | NDArray[np.object_]


def objects_of(names: Names, group_by: str) -> NDArray[np.object_]:
    """Return the name of each image's object.

    Parameters
    ----------
    names : array of str, shape (count,)
        Paths within the source.
    group_by : str
        A regular expression, searched in each name: its groups, or the whole match where it has none, name the object.
        Or a table with the columns ``image`` and ``object``, such as a ``split.csv``: a file whose name ends with
        ``.csv`` or ``.tsv``, with commas, semicolons, tabs or bars between its columns. An image without a match, or
        without an object in the file, is an object of its own.

    Returns
    -------
    array of str, shape (count,)

    Raises
    ------
    InputError
        If it is neither, or the table has two rows for one image.

    Examples
    --------
    >>> objects_of(np.array(["a/3-left.png", "b/3-right.png", "a/x.png"], object), "([0-9]+)-").tolist()
    ['3', '3', 'a/x.png']
    """
    known = _known(names, group_by)
    return np.array([known.get(_plain(name), name) for name in names], object)


def is_table(group_by: str) -> bool:
    """Return whether it names a file."""
    return group_by.casefold().endswith(_TABLES)


def check(names: Names, group_by: str, remarks: Remarks) -> None:
    """Refuse a pattern or a table that names the object of no image; remark on images and rows without the other."""
    known, plain = _known(names, group_by), {_plain(name) for name in names}
    grouped = sum(_plain(name) in known for name in names)
    if not grouped:
        example = f", such as {names[0]!r}" if len(names) else ""
        rule = f"it names the object of none of the {len(names)} images{example}"
        remedy = "look at the names in a split.csv and write the pattern to fit them"
        raise InputError(_ARGUMENT, group_by, rule, remedy)
    if grouped < len(names):
        rule = (
            f"{grouped:,} of {counted(len(names), 'image')} {'has' if grouped == 1 else 'have'} a group in {group_by}"
        )
        remarks.doubt(rule, "each of the others is an object of its own")
    if missing := [name for name in known if name not in plain]:
        rule = f"{len(missing):,} of the {counted(len(known), 'row')} of {group_by} for images that are not there"
        remarks.doubt(f"{rule} ({some(missing)})", "write each image's path within the source")


def _known(names: Names, group_by: str) -> dict[str, str]:
    """Return the object of each image that has one, by its plain name."""
    if is_table(group_by):
        # A split.csv has names as people can read them.
        escaped = {_plain(printable(name)): _plain(name) for name in names if not name.isprintable()}
        return {escaped.get(name, name): shown for name, shown in _table(Path(group_by)).items()}
    try:
        expression = re.compile(group_by)
    except re.error as error:
        rule = f"is no regular expression ({error})"
        raise InputError(_ARGUMENT, group_by, rule, r"give one, e.g. 'tile-(\d+)'") from error
    found = ((_plain(name), expression.search(name)) for name in names)
    return {name: "/".join(part or "" for part in match.groups() or (match[0],)) for name, match in found if match}


def _table(path: Path) -> dict[str, str]:
    try:
        text = _text(path.read_bytes())
        rows = csv.DictReader(
            StringIO(text, newline=""), delimiter=_delimiter(text), skipinitialspace=True, strict=True
        )
        columns = _headed(rows)
        if any(columns.count(name) != 1 for name in _COLUMNS):
            rule = f"its columns are {', '.join(columns) or 'none'}; it needs image and object"
            raise InputError(_ARGUMENT, path, rule, "name them in its first line")
        return _objects(rows, path)
    except OSError as error:
        raise InputError(_ARGUMENT, path, f"cannot be read ({error.strerror})", "check the path") from error
    except (csv.Error, UnicodeError) as error:
        raise InputError(_ARGUMENT, path, f"is no table of text ({error})", "save it as CSV") from error


def _text(content: bytes) -> str:
    """Return the text of a file: UTF-8, as file names are, or what spreadsheets write in UTF-16 and mark so."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    return content.decode("utf-8-sig", "surrogateescape")


def _delimiter(text: str) -> str:
    """Return what separates both columns in the first line; csv.Sniffer guesses by all lines, and wrongly."""

    def fitting(delimiter: str) -> int:
        first = next(csv.reader(StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True), [])
        return sum(name.strip().casefold() in _COLUMNS for name in first)

    return max(_DELIMITERS, key=fitting)


def _headed(reader: csv.DictReader[str]) -> list[str]:
    """Return the names of a table's columns, and use them from now on."""
    reader.fieldnames = [name.strip().casefold() for name in reader.fieldnames or ()]
    return list(reader.fieldnames)


def _objects(rows: csv.DictReader[str], path: Path) -> dict[str, str]:
    objects: dict[str, str] = {}
    lines: dict[str, int] = {}
    for row in rows:
        if None in row:
            rule = f"its line {rows.line_num} has more columns than its first"
            raise InputError(_ARGUMENT, path, rule, "put quotes around a name with a separator in it")
        image, shown = _plain(row["image"] or ""), (row["object"] or "").strip()
        if image in lines:
            rule = f"its lines {lines[image]} and {rows.line_num} are both for {image}"
            raise InputError(_ARGUMENT, path, rule, "keep one of them")
        lines[image] = rows.line_num
        if shown:
            objects[image] = unicodedata.normalize("NFC", shown)
    return objects


def _plain(name: str) -> str:
    """Return a path as it is compared: whatever the system or program that wrote it."""
    return os.path.normpath(unicodedata.normalize("NFC", name.strip().replace("\\", "/"))).replace("\\", "/")
