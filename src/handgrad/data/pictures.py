"""Many picture files become images: decoded by all processors, and kept for the next time."""

from __future__ import annotations

import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import PIL
from numpy.typing import NDArray

from handgrad.data.cache import Cache, Found, key_of
from handgrad.data.figures import DIGEST, Figures, measure
from handgrad.data.picture import decode, size_of
from handgrad.data.stored import StoredImages
from handgrad.errors import DataError
from handgrad.typing import Images, Pixels, Progress

_Read = TypeVar("_Read")
_PIECE = 16
_COLUMNS = ("marks", "colored", *Figures._fields)
Places: TypeAlias = NDArray[np.int64]


class Decoded(NamedTuple):
    """Images with their figures, and the places of their files among the paths."""

    images: Images
    figures: Figures
    places: Places


class _New(NamedTuple):
    """A picture that has just been decoded."""

    pixels: Pixels
    figures: Figures


class Reader:
    """Reads picture files, and keeps the reason for what it cannot read.

    Parameters
    ----------
    root : Path
        The folder that they lie in; the cache has a file for it and each size.
    paths : sequence of str
    cache : Cache or None
        What is found there, under the file's path, length and times, is not decoded again. None keeps nothing.
    strict : bool
        Raise at the first picture that cannot be read.
    progress : callable, optional
        Called with the pictures done and their total.
    """

    def __init__(
        self, root: Path, paths: Sequence[str], cache: Cache | None, strict: bool, progress: Progress | None
    ) -> None:
        self.paths, self.cache, self.strict, self.progress = paths, cache, strict, progress
        self._root = os.path.realpath(root)
        self._marks = _marks(paths) if cache else np.zeros((len(paths), DIGEST), np.uint8)
        self._refused: dict[str, str] = {}

    @property
    def skipped(self) -> list[str]:
        """A line for each picture that cannot be read."""
        return [f"{path} was skipped: {rule}" for path, rule in self._refused.items()]

    def sizes(self) -> NDArray[np.int32]:
        """(height, width) of each picture, from its header alone; zeros where there is none."""
        sizes = np.zeros((len(self.paths), 2), np.int32)
        key = key_of("sizes", self._root, PIL.__version__)
        if self.cache:
            with self.cache.opened(key, "marks", "sizes") as found:
                if found:
                    rows = self._rows(found.arrays["marks"])
                    sizes[rows >= 0] = found.arrays["sizes"][rows[rows >= 0]]
        unknown = np.flatnonzero(sizes[:, 0] == 0)
        for place, size in self._attempts(size_of, unknown):
            sizes[place] = size
        readable = sizes[:, 0] > 0
        if self.cache and readable[unknown].any():
            with self.cache.temporary() as file:
                arrays: dict[str, NDArray[Any]] = {"marks": self._marks[readable], "sizes": sizes[readable]}
                about = {"source": self._root, "images": int(readable.sum())}
                self.cache.keep(file, key, about, arrays)
        return sizes

    def decode(self, chosen: Places, size: tuple[int, int]) -> Decoded:
        """The chosen pictures as images of that size; those that cannot be read are left out."""
        key = key_of("pixels", self._root, PIL.__version__, size)
        with ExitStack() as files:
            found = files.enter_context(self.cache.opened(key, *_COLUMNS)) if self.cache else None
            kept = _Kept.read(found, size)
            rows = self._rows(kept.marks)[chosen] if kept else np.full(len(chosen), -1)
            writer = None
            for place, new in self._attempts(partial(_decode, size=size), chosen[rows < 0]):
                if not writer:
                    temporary: Callable[[], AbstractContextManager[Any]] = (
                        self.cache.temporary if self.cache else io.BytesIO
                    )
                    writer = files.enter_context(_Writer(size, temporary))
                    if kept:
                        writer.copy(kept, np.unique(rows[rows >= 0]))
                writer.append(new, self._marks[place], place)
            if writer:
                kept = writer.finish(self.cache, key, self._root)
            if not kept:
                empty = np.zeros((0, *size, 1), np.uint8)
                return Decoded(empty, measure(empty), chosen[:0])
            if self.cache:
                rows = self._rows(kept.marks)[chosen]
                return kept.part(rows[rows >= 0], chosen[rows >= 0])
            assert writer
            return kept.part(np.arange(len(kept.marks)), np.array(writer.places, np.int64))

    def _rows(self, marks: NDArray[np.uint8]) -> Places:
        """Where each path's mark is among these; −1 where it is not."""
        if np.array_equal(marks, self._marks):
            return np.arange(len(marks))
        known = {mark.tobytes(): row for row, mark in enumerate(marks)}
        return np.array([known.get(mark.tobytes(), -1) for mark in self._marks], np.int64)

    def _attempts(self, read: Callable[[str], _Read], places: Places) -> Iterator[tuple[int, _Read]]:
        """What can be read of these places, in their order."""
        pieces = [places[start : start + _PIECE] for start in range(0, len(places), _PIECE)]
        done = 0
        for piece, results in zip(pieces, _in_order(partial(self._attempt, read), pieces), strict=True):
            for place, result in zip(piece.tolist(), results, strict=True):
                done += 1
                if self.progress:
                    self.progress(done, len(places))
                if isinstance(result, DataError):
                    if self.strict:
                        raise result
                    self._refused[self.paths[place]] = result.rule
                else:
                    yield place, result

    def _attempt(self, read: Callable[[str], _Read], piece: Places) -> list[_Read | DataError]:
        results: list[_Read | DataError] = []
        for place in piece.tolist():
            try:
                results.append(read(self.paths[place]))
            except DataError as error:
                results.append(error)
        return results


class _Kept(NamedTuple):
    """Images with all that is kept of them."""

    images: Images
    marks: NDArray[np.uint8]
    colored: NDArray[np.bool_]
    figures: Figures

    @classmethod
    def read(cls, found: Found | None, size: tuple[int, int]) -> _Kept | None:
        """From a file of the cache; None where it is not one of this program's."""
        if not found:
            return None
        file, about, arrays = found
        count, depth = len(arrays["marks"]), about["depth"]
        figures = Figures(arrays["digests"], arrays["sums"], arrays["squares"])
        return cls(StoredImages(file, (count, *size, depth)), arrays["marks"], arrays["colored"], figures)

    def part(self, rows: Places, places: Places) -> Decoded:
        """Some of them, of depth 1 where all of those are grey."""
        depth = 3 if self.colored[rows].any() else 1
        figures = self.figures.part(rows)
        figures = Figures(figures.digests, figures.sums[:, :depth], figures.squares[:, :depth])
        images = self.images
        if isinstance(images, StoredImages):
            return Decoded(images.part(rows).of_depth(depth), figures, places)
        return Decoded(images, figures, places)


class _Writer:
    """Images written one after the other, grey until the first that is not."""

    def __init__(self, size: tuple[int, int], temporary: Callable[[], AbstractContextManager[Any]]) -> None:
        self.size, self.depth, self._temporary = size, 1, temporary
        self._files = ExitStack()
        self.file = self._files.enter_context(temporary())
        self.places: list[int] = []
        # Bytes end to end: an array a picture would take more memory than what is in it.
        self._columns = [bytearray() for _ in _COLUMNS]

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *error: object) -> None:
        # What is in memory stays: the images are that memory.
        if not isinstance(self.file, io.BytesIO):
            self._files.close()

    def copy(self, kept: _Kept, rows: Places) -> None:
        """Take over images that were kept."""
        for start in range(0, len(rows), _PIECE):
            piece = rows[start : start + _PIECE]
            colored = kept.colored[piece]
            images = kept.images[piece]
            self._write(images if colored.any() else images[..., :1])
            self._note(kept.marks[piece], colored, kept.figures.part(piece))

    def append(self, new: _New, mark: NDArray[np.uint8], place: int) -> None:
        """Add an image."""
        self._write(new.pixels[np.newaxis])
        self._note(mark[np.newaxis], np.array([new.pixels.shape[2] > 1]), new.figures)
        self.places.append(place)

    def finish(self, cache: Cache | None, key: str, source: str) -> _Kept:
        """The images, kept in the cache where there is one."""
        kinds: tuple[tuple[str, int], ...] = (("u1", DIGEST), ("?", 1), ("u1", DIGEST), ("u8", 3), ("u8", 3))
        marks, colors, *rest = (
            np.frombuffer(column, kind).reshape(-1, width)
            for column, (kind, width) in zip(self._columns, kinds, strict=True)
        )
        colored, figures = colors.ravel(), Figures(*rest)
        shape = (len(marks), *self.size, self.depth)
        if not cache:
            pixels = np.frombuffer(self.file.getbuffer(), np.uint8).reshape(shape)
            return _Kept(pixels, marks, colored, figures)
        about = {"source": source, "size": self.size, "depth": self.depth, "images": len(marks)}
        cache.keep(self.file, key, about, {"marks": marks, "colored": colored, **figures._asdict()})
        return _Kept(StoredImages(self.file, shape), marks, colored, figures)

    def _write(self, images: Pixels) -> None:
        if images.shape[3] > self.depth:
            self._deepen()
        self.file.write(np.repeat(images, self.depth // images.shape[3], axis=3).data)

    def _note(self, marks: NDArray[np.uint8], colored: NDArray[np.bool_], figures: Figures) -> None:
        wide = (np.broadcast_to(moments, (len(marks), 3)) for moments in (figures.sums, figures.squares))
        for column, rows in zip(self._columns, (marks, colored, figures.digests, *wide), strict=True):
            column += rows.tobytes()

    def _deepen(self) -> None:
        """Write what is there once more, in three channels."""
        grey, self.file, self.depth = self.file, self._files.enter_context(self._temporary()), 3
        grey.seek(0)
        while piece := grey.read(1 << 20):
            self.file.write(np.repeat(np.frombuffer(piece, np.uint8), 3).data)
        # Its room is needed.
        grey.truncate(0)


def _decode(path: str, size: tuple[int, int]) -> _New:
    pixels = decode(path, size)
    return _New(pixels, measure(pixels[np.newaxis]))


def _marks(paths: Sequence[str]) -> NDArray[np.uint8]:
    """What tells a file from any other, and from itself before a change, without reading it.

    Whoever gives a file other content may keep its length and set back the time of its modification, but not that of
    its change, which is the system's.
    """
    marks = []
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116 - to make a Path takes as long as the look itself
            mark = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}"
        except OSError:
            mark = path
        marks.append(hashlib.sha256(mark.encode("utf-8", "surrogateescape")).digest()[:DIGEST])
    return np.frombuffer(b"".join(marks), np.uint8).reshape(-1, DIGEST)


def _in_order(work: Callable[[Places], _Read], pieces: Sequence[Places]) -> Iterator[_Read]:
    """The results of the pieces, worked on by as many threads as there are processors, but few of them ahead."""
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # A wide pool would hold the results of all pieces: those of a large folder fill the memory.
    under_way: deque[Future[_Read]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for piece in pieces:
                under_way.append(pool.submit(work, piece))
                if len(under_way) > 2 * threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
