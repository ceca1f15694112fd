"""Where results go."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handgrad import atomic
from handgrad.errors import InputError, OutputError
from handgrad.model_file import FILE_NAME
from handgrad.report.files import NAMES
from handgrad.training.checkpoint import Checkpoints


@contextmanager
def claimed(folder: Path, overwrite: bool) -> Iterator[None]:
    """Make the folder before the work, so that none is lost for want of a place; unmake it where the work fails.

    No other command can claim it meanwhile.

    Raises
    ------
    InputError
        If the folder holds results that may not be overwritten, or another command writes there.
    OutputError
        If the folder cannot be made or written.
    """
    made: list[Path] = []
    try:
        try:
            _refuse_results(folder, overwrite)
            made += [place for place in (folder, *folder.parents) if not place.exists()]
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(folder, error.strerror or str(error)) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(folder, "no permission")
        with locked(folder, "out"):
            # Looked at again, now that no other command can write here.
            _refuse_results(folder, overwrite)
            yield
    except BaseException:
        for place in made:
            # Only while it is empty: rmdir refuses others.
            with contextlib.suppress(OSError):
                place.rmdir()
        raise


def _refuse_results(folder: Path, overwrite: bool) -> None:
    if overwrite:
        return
    if Checkpoints(folder).paths():
        remedy = "go on with it by --resume, choose another --out, or give --overwrite"
        raise InputError("out", folder, "holds a training that is not finished", remedy)
    for name in NAMES:
        if (folder / name).exists():
            raise InputError("out", folder, f"already holds a {name}", "choose another --out, or give --overwrite")


def refuse_file(path: Path, overwrite: bool) -> None:
    """Look at the place of a file before the work.

    Raises
    ------
    InputError
        If it may not be overwritten.
    OutputError
        If it is a folder.
    """
    if path.is_dir():
        raise OutputError(path, "it is a folder")
    if path.exists() and not overwrite:
        raise InputError("out", path, "is there already", "choose another place, or give --overwrite")


def is_finished(folder: Path) -> bool:
    """Whether a folder holds the results of a training."""
    return (folder / FILE_NAME).exists() and not Checkpoints(folder).paths()


@contextmanager
def locked(folder: Path, option: str) -> Iterator[None]:
    """Keep other commands from a folder.

    Raises
    ------
    InputError
        If it is no folder, or another command is writing there.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise InputError(option, folder, f"is no folder of a training ({error.strerror})", "check it") from error
    try:
        # The system lets go of it however the process ends.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise InputError(option, folder, "another command is writing there", "wait, or choose another") from None
    try:
        atomic.remove_leftovers(folder, NAMES)
        yield
    finally:
        os.close(descriptor)


def next_free(folder: Path) -> Path:
    """The folder, or the first of folder-2, folder-3 … that does not exist yet."""
    tries = (folder if number == 1 else folder.with_name(f"{folder.name}-{number}") for number in range(1, 10**6))
    return next(path for path in tries if not path.exists())
