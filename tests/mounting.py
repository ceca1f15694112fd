"""File systems in memory, for what happens on a full or read-only disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRED = "HANDGRAD_REQUIRE_MOUNT"

Mount = Callable[..., Path]


@contextmanager
def mounting(place: Path) -> Iterator[Mount]:
    """Mounts a file system in memory at a folder, which only root may."""

    def mounted(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            _absent("this system has no mount command")
        if done.returncode:
            _absent(f"a file system cannot be mounted here: {done.stderr.strip()}")
        return place

    place.mkdir()
    try:
        yield mounted
    finally:
        if os.path.ismount(place):
            subprocess.run(["umount", str(place)], check=True)


def _absent(reason: str) -> NoReturn:
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason}, and {REQUIRED} is set")
    pytest.skip(f"{reason} (with {REQUIRED}=1 this fails)")
