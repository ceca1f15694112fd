"""Images in a file: the rows asked for are read and compared with their checksums, and no others are in memory."""

from __future__ import annotations

import copy
import os
import threading
import weakref
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from handgrad.typing import Images, Pixels

CHECKSUM = np.dtype(np.uint32)
"""Of each image's bytes: CRC-32, which is several times as fast as a digest, and notices what damages a disk."""


def checksums_of(images: Pixels) -> NDArray[np.uint32]:
    """Return the checksum of each image."""
    return np.array([zlib.crc32(image) for image in np.ascontiguousarray(images)], CHECKSUM)


class _File:
    """The images that a file begins with; one that does not match its checksum is restored."""

    def __init__(
        self,
        file: BinaryIO,
        shape: tuple[int, ...],
        checksums: NDArray[np.uint32],
        restore: Callable[[int], Pixels],
    ) -> None:
        self.shape, self._checksums, self._restore = shape, checksums, restore
        self._length = int(np.prod(shape))
        # Unbuffered: rows are read in random order.
        self._file = os.fdopen(os.dup(file.fileno()), "rb", buffering=0)
        weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()

    def read(self, rows: NDArray[np.int64]) -> Pixels:
        images = np.zeros((len(rows), *self.shape), np.uint8)
        whole, length = images.reshape(-1).data, self._length
        wanted = zip(range(0, images.size, length), rows.tolist(), self._checksums[rows].tolist(), strict=True)
        damaged = []
        with self._lock:
            for place, row, checksum in wanted:
                image = whole[place : place + length]
                try:
                    self._read(row * length, image)
                except OSError:
                    # What the disk cannot read is damaged too.
                    image[:] = bytes(length)
                if zlib.crc32(image) != checksum:
                    damaged.append((place // length, row))
        for index, row in damaged:
            images[index] = self._restore(row)
        return images

    def _read(self, start: int, image: memoryview) -> None:
        if hasattr(os, "preadv"):
            os.preadv(self._file.fileno(), [image], start)
        else:
            # Threads share the position in the file.
            self._file.seek(start)
            self._file.readinto(image)


class StoredImages:
    """Images in a file, as an array of uint8 of shape (count, height, width, channels) that reads what is asked for.

    The file begins with the pixels; it may be closed, replaced or removed afterwards. Whenever an image is read that
    does not match its checksum, the file being damaged, `restore` is called with its row and returns it.

    Examples
    --------
    >>> import tempfile
    >>> pixels = np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1)
    >>> with tempfile.TemporaryFile() as file:
    ...     _ = file.write(pixels.tobytes())
    ...     file.flush()
    ...     images = StoredImages(file, pixels.shape, checksums_of(pixels), restore=pixels.__getitem__)
    >>> images[1:, 0, :, 0], images.subset(np.array([1, 0]))[0].ravel()
    (array([[4, 5]], dtype=uint8), array([4, 5, 6, 7], dtype=uint8))
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(
        self,
        file: BinaryIO,
        shape: tuple[int, int, int, int],
        checksums: NDArray[np.uint32],
        restore: Callable[[int], Pixels],
    ) -> None:
        self._file = _File(file, shape[1:], checksums, restore)
        self._rows: NDArray[np.int64] = np.arange(shape[0])
        self._channels = shape[3]

    @property
    def shape(self) -> tuple[int, ...]:
        """(count, height, width, channels)."""
        return (len(self._rows), *self._file.shape[:2], self._channels)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, chosen: Any) -> Pixels:
        first, *rest = chosen if isinstance(chosen, tuple) else (chosen,)
        if isinstance(first, int | np.integer):
            return self[np.array([first])][(0, *rest)]
        read = self._file.read(self._rows[first])
        if self._channels > read.shape[3]:
            read = np.repeat(read, self._channels, axis=3)
        elif self._channels < read.shape[3]:
            read = np.ascontiguousarray(read[..., : self._channels])
        return read[(slice(None), *rest)] if rest else read

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
    if len(stored) == len(stacks) and all(stack._file is stored[0]._file for stack in stored):
        whole = copy.copy(stored[0])
        whole._rows = np.concatenate([stack._rows for stack in stored])
        return whole
    return np.concatenate([np.asarray(stack) for stack in stacks])
