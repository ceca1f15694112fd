"""Files written atomically: all of them appear, or none."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from handgrad import system
from handgrad.errors import OutputError


def write_files(folder: Path, contents: Mapping[str, bytes | Iterable[bytes]]) -> None:
    """Write several files, by name, to a folder; none of them appears unless there is room for all.

    A content may come in pieces. The folder is created, with its parents, if it is missing; files of these names are
    replaced. If the system refuses, what was there before is unchanged, and an OutputError says why.
    """
    made: list[tuple[Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            temporary = folder / f".{name}.{secrets.token_hex(4)}"
            with temporary.open("xb") as file:
                made.append((temporary, folder / name))
                file.writelines([content] if isinstance(content, bytes) else content)
                file.flush()
                os.fsync(file.fileno())
        for _, target in made:
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{target.name} is a folder")
            if target.exists() and not target.is_file():
                # A device or a pipe: to replace it would take it from everyone who uses it.
                raise FileExistsError(errno.EEXIST, f"{target.name} is no ordinary file")
        for path, target in made:
            system.replace(path, target)
        system.sync_folder(folder)
    except OSError as error:
        raise OutputError(folder, error.strerror or str(error)) from error
    finally:
        for path, _ in made:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def remove_leftovers(folder: Path, names: Iterable[str]) -> None:
    """Remove what a process that was killed during ``write_files`` left of these files."""
    for name in names:
        for path in folder.glob(f".{glob.escape(name)}.????????"):
            with contextlib.suppress(OSError):
                path.unlink()
