"""The folder of a run: made before the work, kept from other processes during it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from handgrad import atomic, system
from handgrad.errors import FolderLostError, InputError, OutputError
from handgrad.model_file import FILE_NAME
from handgrad.report.files import NAMES
from handgrad.training.checkpoint import Checkpoints

_LOCK = ".lock"


class Claim:
    """A folder that this process holds by its lock: while the lock is open, the system gives its number to no other."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._held = folder, (folder / _LOCK).stat()

    def holds(self) -> bool:
        """Return whether the folder is still the one that was claimed."""
        try:
            return os.path.samestat((self._folder / _LOCK).stat(), self._held)
        except OSError:
            return False

    def lost(self) -> FolderLostError | None:
        """Return the error if it is not: another training may write there now, or a person wants it gone."""
        if self.holds():
            return None
        return FolderLostError(self._folder, "it was removed or replaced during the training", "train again")

    def check(self) -> None:
        """Raise the error if the folder is lost."""
        if error := self.lost():
            raise error


@contextmanager
def claimed(folder: Path, overwrite: bool) -> Iterator[Claim]:
    """Make the folder before the work, so that no work is lost for want of one; remove it again if the work fails.

    No other process can claim it meanwhile. A folder that holds results that may not be overwritten, or that another
    process writes to, is refused with an InputError; one that cannot be made or written, with an OutputError.
    """
    made: list[Path] = []
    try:
        try:
            # Where a training runs, that is the reason, and not what it has written so far.
            if not (folder / _LOCK).exists():
                _refuse_results(folder, overwrite)
            made += [path for path in (folder, *folder.parents) if not path.exists()]
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(folder, error.strerror or str(error)) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(folder, "no permission")
        with locked(folder, "out") as claim:
            # Checked again, now that no other process can write here.
            _refuse_results(folder, overwrite)
            yield claim
    except BaseException:
        for path in made:
            # Only while it is empty: rmdir refuses others.
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


@contextmanager
def locked(folder: Path, argument: str) -> Iterator[Claim]:
    """Keep other processes from a folder; the system releases the lock however the process ends.

    `argument` is what the caller calls the folder, for the InputError if another process writes to it.
    """
    lock = FileLock(folder / _LOCK, blocking=False)
    try:
        lock.acquire()
        claim = Claim(folder)
    except Timeout:
        raise InputError(argument, folder, "another process is writing to it", "wait, or choose another") from None
    except OSError as error:
        raise OutputError(folder, error.strerror or str(error)) from error
    try:
        atomic.remove_leftovers(folder, NAMES)
        yield claim
    finally:
        if claim.holds():
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
