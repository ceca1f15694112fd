"""Compiled kernels on disk, one file each: a broken one is compiled again, one that finds no room is not kept.

Whoever can write such a file runs code in the process that reads it: see ``trust.py``.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core import caching
from numba.core.serialize import dumps

from handgrad.fused import trust

_SEAL = hashlib.sha256().digest_size

unkept: list[str] = []
"""Names of the kernels that this process compiled and could not write."""


class SealedFile:
    """One compiled kernel under its checksum, in place of Numba's pair of index and data.

    A pair that several processes write at once, or that a full disk cuts short, can hold the index of one and the data
    of another. A single file, renamed once it is complete, is one process's work or does not exist.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = SealedFile(Path(folder) / "kernel")
    ...     file.save("float32", [1, 2])
    ...     file.load("float32"), file.load("float64")
    ([1, 2], None)
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, key: Any) -> Any:
        """Return what was saved under this very key, or None; None, too, if another user could have written it."""
        if trust.distrusted(self.path):
            return None
        try:
            content = self.path.read_bytes()
        except OSError:
            return None
        seal, data = content[:_SEAL], content[_SEAL:]
        if hashlib.sha256(data).digest() != seal:
            return None
        saved_key, saved = pickle.loads(data)
        return saved if saved_key == key else None

    def save(self, key: Any, result: Any) -> None:
        """Replace the file atomically."""
        data = dumps((key, result))  # type: ignore[no-untyped-call]
        temporary = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex[:16]}")
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(hashlib.sha256(data).digest() + data)
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)


class _Private:
    """A place for kernels that only its user can write."""

    def ensure_cache_path(self: Any) -> None:
        """Make the folder; raise an OSError where it cannot be written, or others can write it."""
        folder = Path(self.get_cache_path())
        # Of a user without a home, it is called ~/.cache and would be made in the working folder.
        if not folder.is_absolute():
            raise FileNotFoundError(folder)
        for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        if trust.distrusted(folder):
            raise PermissionError(folder)
        super().ensure_cache_path()  # type: ignore[misc]


class _Chosen(_Private, caching.UserProvidedCacheLocator):
    """``NUMBA_CACHE_DIR``."""


class _InTree(_Private, caching.InTreeCacheLocator):
    """Beside the package."""


class _OfUser(_Private, caching.UserWideCacheLocator):
    """In the user's folder of caches."""


class _Kernel(caching.CompileResultCacheImpl):
    _locator_classes = [_Chosen, _InTree, _OfUser]  # noqa: RUF012 - Numba's


class KernelCache(caching.FunctionCache):
    """Numba's cache of one function, always called with arguments of the same types, kept in a ``SealedFile``.

    It raises a RuntimeError if no folder can be written by its user alone.
    """

    _impl_class = _Kernel

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        file = Path(self._cache_path, f"{self._impl.filename_base}.kernel")
        self._cache_file = SealedFile(file)  # type: ignore[assignment]

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled kernel; without room, or with the folder gone, add its name to ``unkept``."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError:
            unkept.append(self._py_func.__name__)


def is_kept(kernel: Any) -> bool:
    """Return whether a compiled kernel is on disk."""
    return isinstance(kernel._cache, KernelCache) and kernel._cache._cache_file.path.exists()  # type: ignore[attr-defined]
