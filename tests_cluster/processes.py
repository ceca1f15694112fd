"""Processes of the cluster that a test started, and progress of a command that is running."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch


def below_this(name: str) -> list[int]:
    """Return the ids of Ray's processes of that name that descend from this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = (process / "cmdline").read_bytes()
            if title.startswith(b"ray::") and name.encode() in title and os.getpid() in _ancestors(process):
                found.append(int(process.name))
        except OSError:  # it has ended
            continue
    return sorted(found)


def _ancestors(process: Path) -> Iterator[int]:
    while process.name != "0":
        parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
        yield int(parent)
        process = process.with_name(parent)


@contextmanager
def watched(watch: Callable[[int, int], None]) -> Iterator[None]:
    """Report a command's progress to this function, which may raise, instead of showing it."""
    with patch("handgrad.cli.display.counting") as counting:
        counting.return_value.__enter__.return_value = watch
        counting.return_value.__exit__.return_value = None
        yield
