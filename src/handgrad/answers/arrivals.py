"""What arrives in a folder: new and changed files, once they no longer grow.

The folder is looked at again and again, which works everywhere: a system does not report what another host writes to a
network folder. A look costs next to nothing while nothing happens: the names in a folder cannot change unless its time
of modification does.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from handgrad.data.classes import natural_order
from handgrad.data.walking import is_clutter
from handgrad.text import printable

_CALM = 4
"""Looks without a change after which a folder's time is believed; those of some systems have whole seconds."""

_SHARE = 0.001
"""Share of the time that is spent on files that may have changed within a folder that has not."""


_UNFINISHED = (".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp")
"""Ends of names that programs give to what they have not written completely."""


class Mark(NamedTuple):
    """What tells a file from itself before a change: its size in bytes, and its time of modification in ns."""

    size: int
    modified: int


@dataclass
class _Folder:
    """What the last look found in one folder: its files, those that were still changing, those to see to."""

    modified: int = -1
    files: dict[str, Mark] = field(default_factory=dict)
    changing: set[str] = field(default_factory=set)
    open: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    calm: int = 0
    due: float = 0.0


class Arrivals:
    """Finds the files below a folder that have arrived; hidden and unfinished ones, and links to folders, excepted.

    Parameters
    ----------
    root : Path
    known : mapping of str to Mark
        Files, by their printable paths from the root, that have been seen to; whoever sees to others adds them.
    without : collection of Path
        Files or folders below the root that are left out.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     arrivals = Arrivals(Path(name), {})
    ...     _ = Path(name, "a.png").write_bytes(b"1")
    ...     arrivals.look(), arrivals.waiting, list(arrivals.look())
    ({}, 1, ['a.png'])
    """

    def __init__(self, root: Path, known: Mapping[str, Mark], without: Collection[Path] = ()) -> None:
        self.root, self.known = str(root), known
        self.waiting = 0
        self.unreadable: dict[str, str] = {}
        real = os.path.realpath(root)
        self._without = {os.path.relpath(os.path.realpath(path), real) for path in without}
        self._folders: dict[str, _Folder] = {}

    def look(self) -> dict[str, Mark]:
        """Return the files that are not known as they are, and that the last look found just so; count the others.

        Raises
        ------
        OSError
            If the root cannot be read.
        """
        found: dict[str, _Folder] = {}
        left = [""]
        while left:
            at = left.pop()
            try:
                found[at] = folder = self._looked_at(at)
            except OSError as error:
                if not at:
                    raise
                if not isinstance(error, FileNotFoundError):
                    self.unreadable.setdefault(at, error.strerror or str(error))
                continue
            left += reversed(folder.folders)
        self._folders = found
        self.waiting = sum(len(folder.changing) for folder in found.values())
        return {
            name: folder.files[name]
            for folder in found.values()
            for name in folder.open
            if self.known.get(printable(name)) != folder.files[name]
        }

    def _looked_at(self, at: str) -> _Folder:
        path = os.path.join(self.root, at) if at else self.root  # noqa: PTH118 - for each of many folders
        before = self._folders.get(at, _Folder())
        modified = os.stat(path).st_mtime_ns  # noqa: PTH116
        if before.modified == modified and before.calm >= _CALM and time.monotonic() < before.due:
            return before
        started = time.monotonic()
        now = _Folder(modified)
        with os.scandir(path) as entries:
            for entry in entries:
                name = f"{at}{os.sep}{entry.name}" if at else entry.name
                if is_clutter(entry.name) or entry.name.casefold().endswith(_UNFINISHED) or name in self._without:
                    continue
                # What is gone meanwhile is no error.
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        now.folders.append(name)
                    elif entry.is_file():
                        status = entry.stat()
                        now.files[name] = Mark(status.st_size, status.st_mtime_ns)
        for name in sorted(now.files, key=natural_order):
            mark = now.files[name]
            if self.known.get(printable(name)) != mark:
                if before.files.get(name) == mark:
                    now.open.append(name)
                else:
                    now.changing.add(name)
        now.folders.sort(key=natural_order)
        now.calm = before.calm + 1 if (before.modified, before.files) == (modified, now.files) else 0
        ended = time.monotonic()
        now.due = ended + (ended - started) / _SHARE
        return now
