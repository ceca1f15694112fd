"""Many image files become pixels: decoded on all processors, and kept for the next run."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import PIL
from numpy.typing import NDArray

from handgrad import processors
from handgrad.data.cache import Cache, NoCache, key_of
from handgrad.data.figures import DIGEST, Figures, measure
from handgrad.data.image_file import decode, deep_extent, size_of
from handgrad.data.stored import CHECKSUM, StoredImages, checksums_of
from handgrad.errors import DataError
from handgrad.pixel_range import USUAL, Extent, PixelRange, Ranges, decide, notices, too_dark
from handgrad.typing import Images, Pixels, Progress

_Read = TypeVar("_Read")
_PIECE = 16
_ROW = np.dtype(
    [
        *[("mark", "V16"), ("colored", "?"), ("digest", "u1", DIGEST), ("sums", "u8", (3,)), ("squares", "u8", (3,))],
        *[("kind", "u1"), ("low", "f8"), ("high", "f8"), ("whole", "?")],
    ]
)
"""What is known of each decoded image: which file it was, its figures, and the extent of more than 8 bits."""

_DARKEST = 16

_KINDS = ("", *USUAL)
"""Kinds of numbers by their number in a row; 0 is 8 bits."""

Indices: TypeAlias = NDArray[np.int64]


class Decoded(NamedTuple):
    """Images with their figures, and the indices of their files among the paths."""

    images: Images
    figures: Figures
    indices: Indices


class Reader:
    """Reads image files of a folder, and keeps the reason why one cannot be read; if strict, raises it.

    The cache has one file for the folder and each size. An image that is found there, by its file's path, length and
    times, is not decoded again. Without a cache, nothing is kept. What is black and white in images of more than 8 bits
    is in the given ranges; else all of them decide, before they are decoded. It is then in `ranges`, and what a person
    should know of it in `told`.
    """

    def __init__(
        self,
        root: Path,
        paths: Sequence[str],
        cache: Cache | None,
        strict: bool,
        progress: Progress | None,
        file_ranges: Ranges | None = None,
    ) -> None:
        self.ranges: dict[str, PixelRange] = {}
        self.told: list[str] = []
        self._given = file_ranges
        self.paths, self.cache, self.strict, self.progress = paths, cache or NoCache(), strict, progress
        self._root = os.path.realpath(root)
        self._marks = np.array([_mark(path) for path in paths], "V16")
        self._refused: dict[str, str] = {}

    @property
    def skipped(self) -> list[str]:
        """A line for each image that cannot be read."""
        return [f"{path} was skipped: {rule}" for path, rule in self._refused.items()]

    def sizes(self) -> NDArray[np.int32]:
        """Return (height, width) of each image, from its header alone; zeros where it cannot be read."""
        sizes = np.zeros((len(self.paths), 2), np.int32)
        key = key_of("sizes", self._root, PIL.__version__)
        with self.cache.opened(key, "marks", "sizes") as found:
            if found:
                marks, known = found.arrays
                rows = self._rows(marks)
                sizes[rows >= 0] = known[rows[rows >= 0]]
        unknown = np.flatnonzero(sizes[:, 0] == 0)
        for index, size in self._attempts(size_of, unknown):
            sizes[index] = size
        readable = sizes[:, 0] > 0
        if readable[unknown].any():
            with self.cache.temporary() as file:
                about = {"source": self._root, "images": int(readable.sum())}
                self.cache.keep(file, key, about, marks=self._marks[readable], sizes=sizes[readable]).close()
        return sizes

    def decode(self, chosen: Indices, size: tuple[int, int]) -> Decoded:
        """Return the chosen images in that size, without those that cannot be read."""
        key = key_of("pixels with extents", self._root, PIL.__version__, size, _plain(self._given or {}))
        with ExitStack() as files:
            before = files.enter_context(ExitStack())
            found = before.enter_context(self.cache.opened(key, "rows", "checksums"))
            kept, ranges = _Kept(np.zeros((0, *size, 1), np.uint8), np.zeros(0, _ROW)), {}
            if found:
                rows, checksums = found.arrays
                ranges = dict(found.about.get("ranges") or {})
                # As they were decoded then: with those ranges.
                again = partial(_decode, size=size, ranges=_from_plain(ranges))
                originals = _Originals(self.paths, self._marks, again, partial(self.cache.damaged, key))
                shape, restore = (len(rows), *size, found.about["depth"]), partial(originals.again, rows)
                kept = _Kept(self.cache.images(found.file, shape, checksums, restore), rows)
            rows = self._rows(kept.rows["mark"])[chosen]
            extents = {index: deep for index, deep in self._attempts(deep_extent, chosen[rows < 0], quiet=True) if deep}
            by_kind = _by_kind(kept.rows[rows[rows >= 0]], extents.values())
            self.ranges = decide(by_kind, self._given)
            self.told = [*notices(self.ranges, self._given), *too_dark(by_kind, self.ranges)]
            # The appended one stands for the row −1.
            outdated = np.append(_outdated(kept.rows, ranges, _plain(self.ranges)), False)[rows]
            extents |= zip(chosen[outdated].tolist(), map(_deep, kept.rows[rows[outdated]]), strict=True)
            rows[outdated] = -1
            writer = None
            read = partial(_decode, size=size, ranges=self.ranges)
            for index, (pixels, row) in self._attempts(read, chosen[rows < 0]):
                if not writer:
                    writer = _Writer(self.cache, size, files)
                    writer.copy(kept, np.unique(rows[rows >= 0]))
                    # Closed, since Windows replaces no file that is open.
                    del found, kept
                    before.close()
                row["mark"] = self._marks[index]
                if index in extents:
                    kind, extent = extents[index]
                    row["kind"], row["low"], row["high"], row["whole"] = _KINDS.index(kind), *extent
                writer.write(pixels[np.newaxis], row)
            if writer:
                originals = _Originals(self.paths, self._marks, read, partial(self.cache.damaged, key))
                kept = writer.finish(key, self._root, originals, _plain(self.ranges))
                rows = self._rows(kept.rows["mark"])[chosen]
            decoded = kept.subset(rows[rows >= 0], chosen[rows >= 0])
            self.told += _nearly_black(decoded.figures)
            return decoded

    def _rows(self, marks: NDArray[np.void]) -> Indices:
        """Return the index of each path's mark among these; −1 where it is missing."""
        if np.array_equal(marks, self._marks):
            return np.arange(len(marks))
        known = {mark: row for row, mark in enumerate(marks.tolist())}
        return np.array([known.get(mark, -1) for mark in self._marks.tolist()], np.int64)

    def _attempts(
        self, read: Callable[[str], _Read], indices: Indices, *, quiet: bool = False
    ) -> Iterator[tuple[int, _Read]]:
        """Yield what can be read of these paths, in their order."""
        pieces = [indices[start : start + _PIECE].tolist() for start in range(0, len(indices), _PIECE)]
        done = 0
        for piece, results in zip(pieces, _in_order(partial(self._attempt, read), pieces), strict=True):
            for index, result in zip(piece, results, strict=True):
                done += 1
                if self.progress and not quiet:
                    self.progress(done, len(indices))
                if not isinstance(result, DataError):
                    yield index, result
                elif self.strict:
                    raise result
                else:
                    self._refused[self.paths[index]] = result.rule

    def _attempt(self, read: Callable[[str], _Read], piece: list[int]) -> list[_Read | DataError]:
        results: list[_Read | DataError] = []
        for index in piece:
            try:
                results.append(read(self.paths[index]))
            except DataError as error:
                results.append(error)
        return results


class _Kept(NamedTuple):
    """Images with what is known of each."""

    images: Images
    rows: NDArray[np.void]

    def subset(self, chosen: Indices, indices: Indices) -> Decoded:
        """Return some of the images, with one channel where all of these are grey."""
        rows, images = self.rows[chosen], self.images
        channels = 3 if rows["colored"].any() else 1
        figures = Figures(rows["digest"], rows["sums"][:, :channels], rows["squares"][:, :channels])
        # Images in memory are always all that were decoded, in their order.
        if isinstance(images, StoredImages):
            images = images.subset(chosen).with_channels(channels)
        return Decoded(images, figures, indices)


class _Originals:
    """The files that kept images come from: one that is damaged is read again; `tell` is called with what it is."""

    def __init__(
        self,
        paths: Sequence[str],
        marks: NDArray[np.void],
        read: Callable[[str], tuple[Pixels, NDArray[np.void]]],
        tell: Callable[[str], None],
    ) -> None:
        # One text, which takes less memory than a list of them, for as long as the images are used.
        self._paths, self._marks = os.fsencode("\0".join(paths)), marks
        self.read, self._tell, self._told = read, tell, False

    def again(self, rows: NDArray[np.void], row: int) -> Pixels:
        """Decode the image of a row; if it is no longer the same, raise a DataError."""
        if not self._told:
            self._told = True
            self._tell(f"of its {len(rows)} pictures, one or more do not match their checksums")
        index = int(np.flatnonzero(self._marks == rows[row]["mark"])[0])
        path = os.fsdecode(self._paths.split(b"\0")[index])
        pixels, found = self.read(path)
        if not np.array_equal(found[0]["digest"], rows[row]["digest"]):
            raise DataError("picture", path, "it has changed since it was read, and its copy is damaged", "start again")
        return pixels


class _Writer:
    """Writes images one after the other, grey until the first that is not, to files that `files` closes."""

    def __init__(self, cache: Cache | NoCache, size: tuple[int, int], files: ExitStack) -> None:
        self.cache, self.size, self.channels = cache, size, 1
        self._files, self.file = files, files.enter_context(cache.temporary())
        # Bytes end to end: one array per image would take more memory than its content.
        self._rows, self._checksums = bytearray(), bytearray()

    def copy(self, kept: _Kept, chosen: Indices) -> None:
        """Append images that were kept."""
        for start in range(0, len(chosen), _PIECE):
            piece = chosen[start : start + _PIECE]
            images, rows = kept.images[piece], kept.rows[piece]
            self.write(images if rows["colored"].any() else images[..., :1], rows)

    def write(self, images: Pixels, rows: NDArray[np.void]) -> None:
        """Append images and what is known of each."""
        if images.shape[3] > self.channels:
            self._widen()
        self._append(np.repeat(images, self.channels // images.shape[3], axis=3))
        self._rows += rows.tobytes()

    def finish(self, key: str, source: str, originals: _Originals, ranges: dict[str, list[float]]) -> _Kept:
        """Keep the images in the cache and return them."""
        rows, checksums = np.frombuffer(self._rows, _ROW), np.frombuffer(self._checksums, CHECKSUM)
        about = {"source": source, "size": self.size, "depth": self.channels, "images": len(rows), "ranges": ranges}
        file = self.cache.keep(self.file, key, about, rows=rows, checksums=checksums)
        shape, restore = (len(rows), *self.size, self.channels), partial(originals.again, rows)
        images = self.cache.images(file, shape, checksums, restore)
        if file is not self.file:
            file.close()
        return _Kept(images, rows)

    def _append(self, images: Pixels) -> None:
        self.file.write(images.data)
        self._checksums += checksums_of(images).tobytes()

    def _widen(self) -> None:
        """Write the images so far again, in three channels."""
        grey, self.file, self.channels = self.file, self._files.enter_context(self.cache.temporary()), 3
        self._checksums.clear()
        grey.seek(0)
        while piece := grey.read(_PIECE * self.size[0] * self.size[1]):
            self._append(np.repeat(np.frombuffer(piece, np.uint8).reshape(-1, *self.size, 1), 3, axis=3))
        # Its room is needed.
        grey.truncate(0)


def _plain(ranges: Ranges) -> dict[str, list[float]]:
    return {kind: [ranges[kind].black, ranges[kind].white] for kind in sorted(ranges)}


def _from_plain(ends: dict[str, list[float]]) -> dict[str, PixelRange]:
    return {kind: PixelRange(*both) for kind, both in ends.items()}


def _deep(row: NDArray[np.void]) -> tuple[str, Extent]:
    return _KINDS[row["kind"]], Extent(float(row["low"]), float(row["high"]), bool(row["whole"]))


def _by_kind(rows: NDArray[np.void], extents: Iterable[tuple[str, Extent]]) -> dict[str, list[Extent]]:
    """Return the extents of kept images and others, by the kind of their numbers."""
    found: dict[str, list[Extent]] = {}
    for kind, extent in (*map(_deep, rows[rows["kind"] > 0]), *extents):
        found.setdefault(kind, []).append(extent)
    return found


def _nearly_black(figures: Figures) -> list[str]:
    """Say that pictures look as if they held few levels, such as masks of 0 and 1; 8 bits do not say what is white."""
    sums, squares = figures.sums.sum(axis=1), figures.squares.sum(axis=1)
    # The mean square over the mean is at most the greatest number, and near it where only some pixels are not 0.
    if not sums.any() or (squares > _DARKEST * sums).any():
        return []
    return [f"all pictures are nearly black, about {_DARKEST} of 255 at most; if white is another number, scale them"]


def _outdated(rows: NDArray[np.void], before: dict[str, Any], now: dict[str, list[float]]) -> NDArray[np.bool_]:
    """Tell which rows were decoded in another range."""
    changed = [number for number, kind in enumerate(_KINDS) if before.get(kind) != now.get(kind)]
    return np.isin(rows["kind"], changed)


def _decode(path: str, size: tuple[int, int], ranges: Ranges) -> tuple[Pixels, NDArray[Any]]:
    pixels = decode(path, size, ranges)
    row = np.zeros(1, _ROW)
    row["colored"] = pixels.shape[2] > 1
    row["digest"], row["sums"], row["squares"] = measure(pixels[np.newaxis])
    return pixels, row


def _mark(path: str) -> bytes:
    """Return what tells a file from any other, and from itself before a change, without reading it.

    A program that changes a file's content may keep its length and reset its time of modification, but not its time of
    change, which the system sets.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - making a Path takes as long as the call itself
        mark = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}"
    except OSError:
        mark = path
    return hashlib.sha256(mark.encode("utf-8", "surrogateescape")).digest()[:DIGEST]


def _in_order(work: Callable[[list[int]], _Read], pieces: Sequence[list[int]]) -> Iterator[_Read]:
    """Yield the results of the pieces, computed by one thread per processor, only a few of them ahead."""
    threads = processors.available()
    # To submit all pieces at once would hold all results: those of a large folder fill the memory.
    pending: deque[Future[_Read]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for piece in pieces:
                pending.append(pool.submit(work, piece))
                if len(pending) > 2 * threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
