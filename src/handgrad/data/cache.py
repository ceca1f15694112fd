"""Decoded images on disk: one file per folder and size, with the pixels in front and an ``.npz`` index behind them."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from handgrad import system
from handgrad.data.stored import StoredImages
from handgrad.typing import Images

VERSION = 2
"""Version of the decoding and of the file format; part of every key, so that no file of another version is read."""

_KEPT_DAYS = 30
_SUFFIX, _UNFINISHED, _LOCK = ".pictures", ".part", ".lock"
_Shape = tuple[int, int, int, int]


class Stored(NamedTuple):
    """A file of the cache, its content in words, its bytes, and when it was last used in seconds since 1970."""

    path: Path
    about: dict[str, Any]
    size: int
    used: float


class Found(NamedTuple):
    """An open file of the cache, its content in words, and arrays of its index."""

    file: BinaryIO
    about: dict[str, Any]
    arrays: list[NDArray[Any]]


class Cache:
    """A folder of decoded images.

    Files are written atomically: under another name, synchronized, then renamed. Several processes may write the same
    file at once; the last one wins. The next process that writes removes what a killed process left unfinished, and
    files that were not used for thirty days. The folder is created when the first file is written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = Cache(Path(folder))
    ...     with cache.temporary() as file:
    ...         _ = file.write(b"pixels")
    ...         cache.keep(file, "photos", {"source": "photos"}, rows=np.arange(3)).close()
    ...     with cache.opened("photos", "rows") as (file, about, (rows,)):
    ...         file.seek(0), file.read(6), about["source"], rows
    (0, b'pixels', 'photos', array([0, 1, 2]))
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def opened(self, key: str, *names: str) -> Iterator[Found | None]:
        """Open the file of a key, with these arrays of its index; None where there is no valid one."""
        with contextlib.ExitStack() as files:
            found = None
            # A damaged file, on which NumPy and zip fail in many ways, is as good as none: it is written again.
            with contextlib.suppress(Exception):
                file = files.enter_context(self._path(key).open("rb"))
                index = NpzFile(file, allow_pickle=False)
                found = Found(file, json.loads(str(index["about"])), [index[name] for name in names])
                os.utime(self._path(key))
            yield found

    @contextlib.contextmanager
    def temporary(self) -> Iterator[Any]:
        """Create a file to write to, which is removed at the end unless it was kept."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        path = self.folder / f"{secrets.token_hex(8)}{_UNFINISHED}"
        lock = path.with_suffix(_LOCK)
        # Held while this process lives: whoever can take it may remove the file.
        with _locked(lock):
            try:
                # For its owner alone, since photos may be private.
                with open(path, "x+b", opener=functools.partial(os.open, mode=0o600)) as file:
                    yield file
            finally:
                # On Windows it stays while its images are used: the next process that writes removes it.
                with contextlib.suppress(PermissionError):
                    path.unlink(missing_ok=True)
                system.remove_held(lock)

    def keep(self, file: Any, key: str, about: dict[str, Any], **arrays: NDArray[Any]) -> BinaryIO:
        """Append the index to a temporary file, close it, and rename it for its key; return it, open to read."""
        file.seek(0, io.SEEK_END)
        # A zip archive is read from its end, whatever is in front of it.
        np.savez(file, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
        path = Path(file.name)
        file.close()
        # Windows replaces no file that another process has open: then this one is only this process's.
        with contextlib.suppress(PermissionError):
            system.replace(path, self._path(key))
            path = self._path(key)
        return path.open("rb")

    def images(self, file: Any, shape: _Shape) -> Images:
        """Return the images that a file begins with."""
        return StoredImages(file, shape)

    def files(self) -> list[Stored]:
        """List all files, the latest used first."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                status, about = path.stat(), {}
                with contextlib.suppress(Exception), path.open("rb") as file:
                    about = json.loads(str(NpzFile(file)["about"]))
                found.append(Stored(path, about, status.st_size, status.st_mtime))
        return sorted(found, key=lambda stored: -stored.used)

    def clear(self) -> int:
        """Remove all files and return their bytes. A process that is reading one can continue to read it."""
        removed = 0
        for stored in self.files():
            stored.path.unlink(missing_ok=True)
            removed += stored.size
        self._sweep()
        return removed

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"

    def _sweep(self) -> None:
        """Remove unfinished files that nobody is writing, and files that nobody has used for long."""
        for lock in self.folder.glob(f"*{_LOCK}"):
            with contextlib.suppress(OSError), _locked(lock, blocking=False):
                lock.with_suffix(_UNFINISHED).unlink(missing_ok=True)
                system.remove_held(lock)
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _KEPT_DAYS * 86400:
                    path.unlink()


class NoCache:
    """Stands for a cache where nothing is kept: images are decoded into memory."""

    def opened(self, key: str, *names: str) -> contextlib.AbstractContextManager[None]:
        """Find nothing."""
        return contextlib.nullcontext()

    def temporary(self) -> contextlib.AbstractContextManager[Any]:
        """Create a file in memory."""
        return contextlib.nullcontext(io.BytesIO())

    def keep(self, file: Any, key: str, about: dict[str, Any], **arrays: NDArray[Any]) -> BinaryIO:
        """Keep nothing, and return the file as it is."""
        return file

    def images(self, file: Any, shape: _Shape) -> Images:
        """Return the images that a file in memory holds: they are its memory."""
        return np.frombuffer(file.getbuffer(), np.uint8).reshape(shape)


def _locked(path: Path, blocking: bool = True) -> contextlib.AbstractContextManager[Any]:
    # Imported here, since every command would wait for it.
    from filelock import FileLock

    return FileLock(path, blocking=blocking)


def key_of(*settings: object) -> str:
    """Name what was decoded with these settings."""
    return hashlib.sha256(repr((VERSION, *settings)).encode("utf-8", "surrogateescape")).hexdigest()[:16]
