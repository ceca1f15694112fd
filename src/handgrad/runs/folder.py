"""The folder of a run: made before the work, kept from other processes during it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from handgrad import atomic, system
from handgrad.errors import InputError, OutputError
from handgrad.model_file import FILE_NAME
from handgrad.report.files import NAMES
from handgrad.training.checkpoint import Checkpoints

_LOCK = ".lock"


@contextmanager
def claimed(folder: Path, overwrite: bool) -> Iterator[None]:
    """Make the folder before the work, so that no work is lost for want of one; remove it again if the work fails.

    No other process can claim it meanwhile. A folder that holds results that may not be overwritten, or that another
    process writes to, is refused with an InputError; one that cannot be made or written, with an OutputError.
    """
    made: list[Path] = []
    try:
        try:
            _refuse_results(folder, overwrite)
            made += [path for path in (folder, *folder.parents) if not path.exists()]
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(folder, error.strerror or str(error)) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(folder, "no permission")
        with locked(folder, "out"):
            # Checked again, now that no other process can write here.
            _refuse_results(folder, overwrite)
            yield
    except BaseException:
        for path in made:
            # Only while it is empty: rmdir refuses others.
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


@contextmanager
def locked(folder: Path, argument: str) -> Iterator[None]:
    """Keep other processes from a folder; the system releases the lock however the process ends.

    `argument` is what the caller calls the folder, for the InputError if another process writes to it.
    """
    lock = FileLock(folder / _LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(argument, folder, "another process is writing to it", "wait, or choose another") from None
    except OSError as error:
        raise OutputError(folder, error.strerror or str(error)) from error
    try:
        atomic.remove_leftovers(folder, NAMES)
        yield
    finally:
        system.remove_held(folder / _LOCK)
        lock.release()


def is_finished(folder: Path) -> bool:
    """Return whether a folder holds the results of a training."""
    return (folder / FILE_NAME).exists() and not Checkpoints(folder).paths()


def next_free(folder: Path) -> Path:
    """Return the folder, or the first of folder-2, folder-3 … that does not exist yet."""
    tries = (folder if number == 1 else folder.with_name(f"{folder.name}-{number}") for number in range(1, 10**6))
    return next(path for path in tries if not path.exists())


def _refuse_results(folder: Path, overwrite: bool) -> None:
    if overwrite:
        return
    if Checkpoints(folder).paths():
        remedy = "resume it, choose another folder, or set overwrite=True"
        raise InputError("out", folder, "holds a training that is not finished", remedy)
    for name in NAMES:
        if (folder / name).exists():
            raise InputError("out", folder, f"already holds a {name}", "choose another folder, or set overwrite=True")
