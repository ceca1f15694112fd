"""Images in a mapped file: rows of it are copied to memory when they are asked for, and none stay there."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from handgrad.typing import Pixels

_RESIDENT = 32 << 20
"""Bytes that may be read before the pages of the map are let go, from this process into the system's cache."""


class _Mapping:
    """A file's pixels in the address space."""

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.pixels = np.frombuffer(self.map, np.uint8, int(np.prod(shape))).reshape(shape)
        self.read = 0

    def copy(self, rows: slice | NDArray[np.integer[Any]]) -> Pixels:
        copied: Pixels = np.array(self.pixels[rows], np.uint8)
        self.read += copied.nbytes
        if self.read > _RESIDENT and hasattr(mmap, "MADV_DONTNEED"):
            self.read = 0
            self.map.madvise(mmap.MADV_DONTNEED)
        return copied


class StoredImages:
    """Images of a file, as an array of uint8 of shape (count, height, width, depth) that copies what is asked for.

    Parameters
    ----------
    file : binary file
        Begins with the pixels; may be closed, replaced or removed afterwards, but not cut short.
    shape : tuple of int
        (count, height, width, depth).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     _ = file.write(bytes(range(8)))
    ...     file.flush()
    ...     images = StoredImages(file, (2, 2, 2, 1))
    >>> images[1:, 0, :, 0], images.part(np.array([1, 0]))[0].ravel()
    (array([[4, 5]], dtype=uint8), array([4, 5, 6, 7], dtype=uint8))
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, file: BinaryIO, shape: tuple[int, int, int, int]) -> None:
        self._mapping = _Mapping(file, shape)
        self._rows: NDArray[np.int64] = np.arange(shape[0])
        self._depth = shape[3]

    @property
    def shape(self) -> tuple[int, ...]:
        """(count, height, width, depth)."""
        height, width, _ = self._mapping.pixels.shape[1:]
        return len(self._rows), height, width, self._depth

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, chosen: Any) -> Pixels:
        first, *rest = chosen if isinstance(chosen, tuple) else (chosen,)
        if isinstance(first, int | np.integer):
            return self[np.array([first])][(0, *rest)]
        copied = self._mapping.copy(self._rows[first])
        if self._depth > copied.shape[3]:
            copied = np.repeat(copied, self._depth, axis=3)
        elif self._depth < copied.shape[3]:
            copied = np.ascontiguousarray(copied[..., : self._depth])
        return copied[(slice(None), *rest)] if rest else copied

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)

    def __iter__(self) -> Iterator[Pixels]:
        return (self[place] for place in range(len(self)))

    def part(self, chosen: Any) -> StoredImages:
        """Some of the images, left where they are."""
        return self._like(self._rows[chosen], self._depth)

    def of_depth(self, depth: int) -> StoredImages:
        """Grey images repeated for colors, or the first color of images whose colors are equal; left in the file."""
        return self._like(self._rows, depth)

    def _like(self, rows: NDArray[np.int64], depth: int) -> StoredImages:
        made = object.__new__(StoredImages)
        made._mapping, made._rows, made._depth = self._mapping, rows, depth
        return made
