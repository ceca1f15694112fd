"""Which object each image shows, by its name or by a table: images of one object belong in one split."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.text import printable

_ARGUMENT = "group_by"
Names: TypeAlias = Sequence[str] | NDArray[np.object_]


def objects_of(names: Names, group_by: str) -> NDArray[np.object_]:
    """Return the name of each image's object.

    Parameters
    ----------
    names : array of str, shape (count,)
        Paths within the source.
    group_by : str
        A regular expression, searched in each name: its groups, or the whole match where it has none, name the object.
        Or a ``.csv`` file with the columns ``image`` and ``object``, such as a ``split.csv``. An image without a
        match, or without an object in the file, is an object of its own.

    Returns
    -------
    array of str, shape (count,)

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> objects_of(np.array(["a/3-left.png", "b/3-right.png", "a/x.png"], object), "([0-9]+)-").tolist()
    ['3', '3', 'a/x.png']
    """
    known = _known(names, group_by)
    return np.array([known.get(name, name) for name in names], object)


def is_table(group_by: str) -> bool:
    """Return whether it names a file."""
    return group_by.casefold().endswith(".csv")


def check(names: Names, group_by: str) -> None:
    """Refuse a pattern or a table that names the object of no image."""
    if not _known(names, group_by).keys() & set(names):
        example = f", such as {names[0]!r}" if len(names) else ""
        rule = f"it names the object of none of the {len(names)} images{example}"
        remedy = "look at the names in a split.csv and write the pattern to fit them"
        raise InputError(_ARGUMENT, group_by, rule, remedy)


def _known(names: Names, group_by: str) -> dict[str, str]:
    if is_table(group_by):
        table = _table(Path(group_by))
        # A split.csv has names as people can read them.
        return {name: table[key] for name in names for key in (name, printable(name)) if key in table}
    try:
        expression = re.compile(group_by)
    except re.error as error:
        rule = f"is no regular expression ({error})"
        raise InputError(_ARGUMENT, group_by, rule, r"give one, e.g. 'tile-(\d+)'") from error
    found = ((name, expression.search(name)) for name in names)
    return {name: "/".join(part or "" for part in match.groups() or (match[0],)) for name, match in found if match}


def _table(path: Path) -> dict[str, str]:
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = csv.DictReader(file)
            if not {"image", "object"} <= set(rows.fieldnames or ()):
                columns = ", ".join(rows.fieldnames or ()) or "none"
                rule = f"its columns are {columns}; it needs image and object"
                raise InputError(_ARGUMENT, path, rule, "name them in its first line")
            return {row["image"]: row["object"] for row in rows if row["object"]}
    except OSError as error:
        raise InputError(_ARGUMENT, path, f"cannot be read ({error.strerror})", "check the path") from error
    except csv.Error as error:
        raise InputError(_ARGUMENT, path, f"is no table of text ({error})", "save it as CSV") from error
