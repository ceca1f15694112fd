"""Images in a mapped file: the rows asked for are copied to memory, and no others stay there."""

from __future__ import annotations

import copy
import mmap
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from handgrad.typing import Images, Pixels

_RESIDENT = 32 << 20
"""Bytes to read before the pages of the map are released, from this process to the system's cache."""


class _Mapping:
    """A file's pixels in the address space."""

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.pixels = np.frombuffer(self.map, np.uint8, int(np.prod(shape))).reshape(shape)
        self.read = 0

    def copy(self, rows: NDArray[np.int64]) -> Pixels:
        copied: Pixels = self.pixels[rows]
        self.read += copied.nbytes
        if self.read > _RESIDENT and hasattr(mmap, "MADV_DONTNEED"):
            self.read = 0
            self.map.madvise(mmap.MADV_DONTNEED)
        return copied


class StoredImages:
    """Images in a file, as an array of uint8 of shape (count, height, width, channels) that copies what is asked for.

    The file begins with the pixels; it may be closed, replaced or removed afterwards, but not truncated.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     _ = file.write(bytes(range(8)))
    ...     file.flush()
    ...     images = StoredImages(file, (2, 2, 2, 1))
    >>> images[1:, 0, :, 0], images.subset(np.array([1, 0]))[0].ravel()
    (array([[4, 5]], dtype=uint8), array([4, 5, 6, 7], dtype=uint8))
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, file: BinaryIO, shape: tuple[int, int, int, int]) -> None:
        self._mapping = _Mapping(file, shape)
        self._rows: NDArray[np.int64] = np.arange(shape[0])
        self._channels = shape[3]

    @property
    def shape(self) -> tuple[int, ...]:
        """(count, height, width, channels)."""
        return (len(self._rows), *self._mapping.pixels.shape[1:3], self._channels)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, chosen: Any) -> Pixels:
        first, *rest = chosen if isinstance(chosen, tuple) else (chosen,)
        if isinstance(first, int | np.integer):
            return self[np.array([first])][(0, *rest)]
        copied = self._mapping.copy(self._rows[first])
        if self._channels > copied.shape[3]:
            copied = np.repeat(copied, self._channels, axis=3)
        elif self._channels < copied.shape[3]:
            copied = np.ascontiguousarray(copied[..., : self._channels])
        return copied[(slice(None), *rest)] if rest else copied

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)

    def __iter__(self) -> Iterator[Pixels]:
        return (self[index] for index in range(len(self)))

    def subset(self, chosen: Any) -> StoredImages:
        """Return some of the images, which stay in the file."""
        some = copy.copy(self)
        some._rows = self._rows[chosen]
        return some

    def with_channels(self, channels: int) -> StoredImages:
        """Repeat grey images for RGB, or take the first channel of RGB images that are grey; they stay in the file."""
        same = copy.copy(self)
        same._channels = channels
        return same


def joined(stacks: Sequence[Images]) -> Images:
    """Return the images of several stacks as one; those of one file stay there.

    Examples
    --------
    >>> joined([np.zeros((2, 6, 6, 1), np.uint8), np.ones((3, 6, 6, 1), np.uint8)]).shape
    (5, 6, 6, 1)
    """
    first = stacks[0]
    if len(stacks) == 1:
        return first
    stored = [stack for stack in stacks if isinstance(stack, StoredImages)]
    if len(stored) == len(stacks) and all(stack._mapping is stored[0]._mapping for stack in stored):
        whole = copy.copy(stored[0])
        whole._rows = np.concatenate([stack._rows for stack in stored])
        return whole
    return np.concatenate([np.asarray(stack) for stack in stacks])
