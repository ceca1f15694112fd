"""Decoded images on disk: one file per folder and size, every byte of which is under a checksum.

The file begins with the pixels. An ``.npz`` archive follows, the index, which has a checksum for each image; and then
the end, with a digest of the index.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import os
import secrets
import shutil
import struct
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handgrad import system
from handgrad.data.stored import StoredImages
from handgrad.errors import HandgradWarning
from handgrad.typing import Images, Pixels, Progress

VERSION = 3
"""Version of the decoding and of the file format; part of every key, so that no file of another version is read."""

_KEPT_SECONDS = 30 * 86400
_SUFFIX, _UNFINISHED, _LOCK = ".pictures", ".part", ".lock"
_NAME = "[0-9a-f]" * 16
"""Of every file before its suffix; files of other names in the folder are somebody else's."""

_END = struct.Struct("<8sQ32s")
_MAGIC = b"handgrad"
_Shape = tuple[int, int, int, int]


class Stored(NamedTuple):
    """A file of the cache, its content in words, its bytes, and when it was last used in seconds since 1970.

    If it is damaged, its content may be unknown.
    """

    path: Path
    about: dict[str, Any]
    size: int
    used: float
    damaged: bool


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
        """Open the file of a key, with these arrays of its index; None where there is none, or its index is damaged."""
        with contextlib.ExitStack() as files:
            found = None
            try:
                file = files.enter_context(self._path(key).open("rb"))
                about, arrays, _ = _read_index(file, key)
                found = Found(file, about, [arrays[name] for name in names])
                os.utime(self._path(key))
            except (FileNotFoundError, PermissionError):
                # What is another user's is not damaged.
                pass
            # NumPy and the system fail on a damaged file in many ways.
            except Exception as error:
                # A disk that may not be written only keeps no time of use.
                if not found:
                    self.damaged(key, str(error))
            yield found

    def damaged(self, key: str, what: str) -> None:
        """Say that the file of a key is damaged, and remove it: what is missing is decoded again, and kept again."""
        path = self._path(key)
        with contextlib.suppress(OSError):
            path.unlink()
        warnings.warn(f"{path}: is damaged ({what}); what it kept is decoded again", HandgradWarning, stacklevel=2)

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
        """Append the index to a temporary file and rename it for its key; return it, open to read.

        If the file begins with images, one of the arrays is `checksums`, see ``stored.checksums_of``.
        """
        start, index = file.seek(0, io.SEEK_END), io.BytesIO()
        np.savez(index, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
        file.write(index.getvalue())
        file.write(_END.pack(_MAGIC, start, _digest(key, start, index.getvalue())))
        file.flush()
        os.fsync(file.fileno())
        path = Path(file.name)
        if not system.WINDOWS:
            path.replace(self._path(key))
            # Not opened again: another process may have replaced it by its own.
            return file
        file.close()
        # Windows renames no open file, and replaces none that another process has open: then this is only this one's.
        with contextlib.suppress(PermissionError):
            system.replace(path, self._path(key))
            path = self._path(key)
        return path.open("rb")

    def images(
        self, file: Any, shape: _Shape, checksums: NDArray[np.uint32], restore: Callable[[int], Pixels]
    ) -> Images:
        """Return the images that a file begins with; `restore` returns one that turns out to be damaged."""
        return StoredImages(file, shape, checksums, restore)

    def files(self, progress: Progress | None = None) -> list[Stored]:
        """Read all files, to see whether they are damaged, and list them, the latest used first."""
        found, paths = [], self._named(_SUFFIX)
        for done, path in enumerate(paths, 1):
            with contextlib.suppress(OSError):
                status, damaged = path.stat(), True
                about: dict[str, Any] = {}
                with contextlib.suppress(Exception), path.open("rb") as file:
                    about, arrays, start = _read_index(file, path.stem)
                    damaged = not _are_sound(file, arrays, start)
                found.append(Stored(path, about, status.st_size, status.st_mtime, damaged))
            if progress:
                progress(done, len(paths))
        return sorted(found, key=lambda stored: -stored.used)

    def clear(self) -> int:
        """Remove all files, whatever they hold, and return their bytes.

        A process that is reading one can continue to read it, and what a process is writing is left to it. The first
        error is raised once all others are removed.
        """
        before, failure = self._bytes(), None
        for path in self._named(_SUFFIX):
            try:
                _remove(path)
            except OSError as error:
                failure = failure or error
        self._sweep()
        if failure:
            raise failure
        return before - self._bytes()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"

    def _named(self, suffix: str) -> list[Path]:
        return sorted(self.folder.glob(f"{_NAME}{suffix}"))

    def _bytes(self) -> int:
        paths = [*self._named(_SUFFIX), *self._named(_UNFINISHED)]
        return sum(path.lstat().st_size for path in paths if path.is_symlink() or path.is_file())

    def _sweep(self) -> None:
        """Remove unfinished files that nobody is writing, and files that nobody has used for long."""
        for lock in {path.with_suffix(_LOCK) for suffix in (_LOCK, _UNFINISHED) for path in self._named(suffix)}:
            with contextlib.suppress(OSError), _locked(lock, blocking=False):
                _remove(lock.with_suffix(_UNFINISHED))
                system.remove_held(lock)
        now = time.time()
        for path in self._named(_SUFFIX):
            with contextlib.suppress(OSError):
                unused = now - path.stat().st_mtime
                if unused > _KEPT_SECONDS:
                    path.unlink()
                elif unused < 0:
                    # The clock was wrong then, or is wrong now: it would be kept until that day, or for good.
                    os.utime(path)


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

    def damaged(self, key: str, what: str) -> None:
        """Say nothing: nothing is kept."""

    def images(
        self, file: Any, shape: _Shape, checksums: NDArray[np.uint32], restore: Callable[[int], Pixels]
    ) -> Images:
        """Return the images that a file in memory holds: they are its memory."""
        return np.frombuffer(file.getbuffer(), np.uint8).reshape(shape)


def _read_index(file: BinaryIO, key: str) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]], int]:
    """Return what a file is about, the arrays of its index, and where the index starts; a damaged one fails."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END.size))
    end = file.read()
    magic, start, digest = _END.unpack(end) if len(end) == _END.size else (b"", 0, b"")
    if magic != _MAGIC or start > size - _END.size:
        raise ValueError("it does not end as it should")
    file.seek(start)
    # Piece by piece: where the damage is in `start`, the index may seem to be of any length.
    found = hashlib.sha256(f"{key} {start} ".encode())
    while (left := size - _END.size - file.tell()) > 0 and (piece := file.read(min(left, 1 << 20))):
        found.update(piece)
    if found.digest() != digest:
        raise ValueError("its index does not match its checksum")
    file.seek(start)
    arrays = np.load(io.BytesIO(file.read(size - _END.size - start)), allow_pickle=False)
    return dict(json.loads(str(arrays["about"]))), arrays, start


def _digest(key: str, start: int, index: bytes) -> bytes:
    return hashlib.sha256(f"{key} {start} ".encode() + index).digest()


def _are_sound(file: BinaryIO, arrays: Mapping[str, NDArray[Any]], start: int) -> bool:
    """Return whether the images that a file begins with match their checksums."""
    checksums = arrays["checksums"].tolist() if "checksums" in arrays else []
    each = start // max(1, len(checksums))
    file.seek(0)
    return start == each * len(checksums) and all(zlib.crc32(file.read(each)) == checksum for checksum in checksums)


def _remove(path: Path) -> None:
    # No folder has such a name, unless somebody made it.
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _locked(path: Path, blocking: bool = True) -> contextlib.AbstractContextManager[Any]:
    # Imported here, since every command would wait for it.
    from filelock import FileLock

    return FileLock(path, blocking=blocking)


def key_of(*settings: object) -> str:
    """Name what was decoded with these settings."""
    return hashlib.sha256(repr((VERSION, *settings)).encode("utf-8", "surrogateescape")).hexdigest()[:16]
