"""Where a training's results go."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handgrad.errors import InputError, OutputError


@contextmanager
def claimed(folder: Path, overwrite: bool) -> Iterator[None]:
    """Make the folder before the work, so that none is lost for want of a place; unmake it where the work fails.

    Raises
    ------
    InputError
        If the folder holds a model that may not be overwritten.
    OutputError
        If the folder cannot be made or written.
    """
    # Imported here, since it takes half a second and not every command needs it.
    from handgrad.report.files import MODEL

    made: list[Path] = []
    try:
        try:
            if (folder / MODEL).exists() and not overwrite:
                raise InputError("out", folder, "already holds a model", "choose another --out, or give --overwrite")
            made += [place for place in (folder, *folder.parents) if not place.exists()]
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(folder, error.strerror or str(error)) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(folder, "no permission")
        yield
    except BaseException:
        for place in made:
            # Only while it is empty: rmdir refuses others.
            with contextlib.suppress(OSError):
                place.rmdir()
        raise


def next_free(folder: Path) -> Path:
    """The folder, or the first of folder-2, folder-3 … that does not exist yet."""
    tries = (folder if number == 1 else folder.with_name(f"{folder.name}-{number}") for number in range(1, 10**6))
    return next(path for path in tries if not path.exists())
