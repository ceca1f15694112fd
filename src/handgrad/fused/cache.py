"""Compiled kernels on disk, one file each: a broken one is compiled again, one that finds no room is not kept."""

from __future__ import annotations

import hashlib
import pickle
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core import caching
from numba.core.serialize import dumps

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
        """Return what was saved under this very key, or None."""
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
            temporary.write_bytes(hashlib.sha256(data).digest() + data)
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)


class _OfUser(caching.UserWideCacheLocator):
    """In the user's folder of caches."""

    def ensure_cache_path(self) -> None:
        """Make the folder; raise an OSError where it cannot be written."""
        # Of a user without a home, it is called ~/.cache and would be made in the working folder.
        if not Path(self.get_cache_path()).is_absolute():  # type: ignore[no-untyped-call]
            raise FileNotFoundError(self.get_cache_path())  # type: ignore[no-untyped-call]
        super().ensure_cache_path()  # type: ignore[no-untyped-call]


class _Kernel(caching.CompileResultCacheImpl):
    _locator_classes = [  # noqa: RUF012 - Numba's
        _OfUser if locator is caching.UserWideCacheLocator else locator
        for locator in caching.CompileResultCacheImpl._locator_classes
    ]


class KernelCache(caching.FunctionCache):
    """Numba's cache of one function, always called with arguments of the same types, kept in a ``SealedFile``.

    It raises a RuntimeError if no folder can be written.
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
