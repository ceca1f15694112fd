"""Decoded pictures on disk: a file a folder of pictures and size, its pixels in front and an index of them behind."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from numpy.lib import format as npy
from numpy.typing import NDArray

VERSION = 1
"""Of the decoding and of these files: another one reads no file of this one."""

_KEPT_DAYS = 30
_STARTING_SECONDS = 60
_SUFFIX, _UNFINISHED = ".pictures", ".part"


@dataclass(frozen=True)
class Stored:
    """One file of the cache.

    Parameters
    ----------
    path : Path
    about : dict
        What it holds, as plain values.
    size : int
        Bytes.
    used : float
        When it was last used, in seconds since 1970.
    """

    path: Path
    about: dict[str, Any]
    size: int
    used: float


class Found(NamedTuple):
    """An open file of the cache, what it is about, and its arrays."""

    file: BinaryIO
    about: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


class Cache:
    """A folder of such files.

    A file appears whole or not at all: it is written under another name, synchronised and then moved. Processes may
    write the same one at once, and the last one stays. What a killed process left half-written is removed by the next
    that writes, and files that nobody used for thirty days as well.

    Parameters
    ----------
    folder : Path
        Made when something is kept.

    Examples
    --------
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = Cache(Path(folder))
    ...     with cache.temporary() as file:
    ...         _ = file.write(b"pixels")
    ...         cache.keep(file, "photos", {"source": "photos"}, {"rows": np.arange(3)})
    ...     with cache.opened("photos", "rows") as (file, about, arrays):
    ...         file.seek(0), file.read(6), about["source"], arrays["rows"]
    (0, b'pixels', 'photos', array([0, 1, 2]))
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def opened(self, key: str, *names: str) -> Iterator[Found | None]:
        """The file of a key, what it is about and its arrays of these names; None where there is none that is whole."""
        with contextlib.ExitStack() as files:
            found = None
            # A damaged file is as good as none: it is made anew.
            with contextlib.suppress(OSError, zipfile.BadZipFile, KeyError, ValueError, EOFError, RuntimeError):
                file = files.enter_context(self._path(key).open("rb"))
                found = Found(file, *_index(file, names))
                os.utime(self._path(key))
            yield found

    @contextlib.contextmanager
    def temporary(self) -> Iterator[Any]:
        """A file to write into, which is gone at the end unless it was kept."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        with tempfile.NamedTemporaryFile(suffix=_UNFINISHED, dir=self.folder, delete=False) as file:
            try:
                # Held while this process lives: whoever finds it free may remove the file.
                fcntl.flock(file, fcntl.LOCK_EX)
                yield file
            finally:
                Path(file.name).unlink(missing_ok=True)

    def keep(self, file: Any, key: str, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Add the index to a temporary file and move it to its place."""
        index = io.BytesIO()
        with zipfile.ZipFile(index, "w") as archive:
            archive.writestr("about.json", json.dumps({**about, "version": VERSION}))
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    npy.write_array(member, array, allow_pickle=False)
        file.seek(0, io.SEEK_END)
        # A zip archive is read from its end: whatever may stand in front of it.
        file.write(index.getbuffer())
        file.flush()
        os.fsync(file.fileno())
        Path(file.name).replace(self._path(key))

    def files(self) -> list[Stored]:
        """All files, the latest used first."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                status, about = path.stat(), {}
                with contextlib.suppress(zipfile.BadZipFile, KeyError, ValueError), path.open("rb") as file:
                    about = _about(file)
                found.append(Stored(path, about, status.st_size, status.st_mtime))
        return sorted(found, key=lambda stored: -stored.used)

    def clear(self) -> int:
        """Remove all files; how many bytes they had. A process that reads one goes on reading it."""
        removed = 0
        for stored in self.files():
            stored.path.unlink(missing_ok=True)
            removed += stored.size
        self._sweep()
        return removed

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"

    def _sweep(self) -> None:
        """Remove what nobody writes any more, and what nobody has used for long."""
        for path in self.folder.glob(f"*{_UNFINISHED}"):
            # Its writer locks it a moment after it has made it.
            with contextlib.suppress(OSError), path.open("rb") as file:
                if time.time() - path.stat().st_mtime > _STARTING_SECONDS:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _KEPT_DAYS * 86400:
                    path.unlink()


def key_of(*settings: object) -> str:
    """A name for what was decoded with these settings.

    Examples
    --------
    >>> key_of("photos", (28, 28))
    '293fd3b512e9e3c6'
    """
    return hashlib.sha256(repr((VERSION, *settings)).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _about(file: BinaryIO) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        about: dict[str, Any] = json.loads(archive.read("about.json"))
    return about


def _index(file: BinaryIO, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    arrays = {}
    with zipfile.ZipFile(file) as archive:
        for name in names:
            with archive.open(f"{name}.npy") as member:
                arrays[name] = npy.read_array(member, allow_pickle=False)
        about: dict[str, Any] = json.loads(archive.read("about.json"))
    if about["version"] != VERSION:
        raise ValueError("another version")
    return about, arrays
