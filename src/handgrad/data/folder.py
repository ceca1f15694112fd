"""A folder of class folders of images, with or without train, validation and test folders above them."""

from __future__ import annotations

import os
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from handgrad.data.cache import Cache
from handgrad.data.dataset import Samples
from handgrad.data.image_files import Decoded, Reader
from handgrad.data.layout import Listing, list_pictures, within
from handgrad.data.remarks import Remarks, counted, some
from handgrad.data.split import Splits
from handgrad.errors import DataError
from handgrad.pixel_range import Ranges
from handgrad.typing import Progress

LARGEST_SIDE = 256
NOTES_SIZE = (100, 100)

Labels: TypeAlias = NDArray[np.int64]


def read_folder(
    root: Path,
    size: tuple[int, int] | None,
    strict: bool,
    progress: Progress | None,
    cache: Cache | None = None,
    file_ranges: Ranges | None = None,
) -> Splits:
    """Read the images below a folder, one class per folder, named by it.

    ``layout.list_pictures`` finds the class folders and the splits. An image that cannot be read is left out and named
    in the notices, unless reading is strict, which refuses whatever else the notices doubt as well. If all images
    are grey, they have one channel. Without a size (height, width), they keep one that all share and that is at most
    256 on a side; otherwise they become 100 × 100, the notes' size (N9). Without a cache, or if it cannot be written,
    they are in memory.
    """
    refuse = partial(DataError, "source", root)
    remarks = Remarks(refuse, strict)
    listing = list_pictures(root, remarks)
    troubles: list[str] = []
    try:
        reader = Reader(root, listing.paths, cache, strict, progress, file_ranges)
        decoded, notices = _decoded(reader, size)
    except OSError as error:
        # The images raise DataErrors: this is the cache.
        if not cache:
            raise
        reason = error.strerror or error
        troubles = [f"the images are not kept in {cache.folder} ({reason}); choose another folder for the cache"]
        reader = Reader(root, listing.paths, None, strict, progress, file_ranges)
        decoded, notices = _decoded(reader, size)
    if skipped := reader.skipped:
        notices += [*skipped, f"{len(skipped)} of {len(listing.paths)} files in the class folders were skipped"]
    # With the same slashes on every system: names are in tables and reports that go from one to another.
    above = os.path.join(root, "")  # noqa: PTH118 - a Path has no separator at its end
    names = np.array(
        [listing.paths[index].removeprefix(above).replace(os.sep, "/") for index in decoded.indices], object
    )
    owners, labels = listing.owners[decoded.indices], listing.labels[decoded.indices]
    for number, split in enumerate(listing.splits):
        if not (owners == number).any():
            rule = f"no file{within(split, listing.splits)} can be read as a picture"
            raise refuse(rule, "add valid pictures; strict reading names what is wrong with the first")
    classes, labels = _with_pictures(listing, owners, labels, remarks)
    whole = Samples(decoded.images, labels, names, decoded.figures)
    splits = {split: whole.subset(np.flatnonzero(owners == n)) for n, split in enumerate(listing.splits)}
    notices += reader.told
    return Splits(classes, **splits, notices=(*remarks.lines, *notices, *troubles), file_ranges=reader.ranges)


def _with_pictures(
    listing: Listing, owners: Labels, labels: Labels, remarks: Remarks
) -> tuple[tuple[str, ...], Labels]:
    """Return the classes that have pictures in training, and the labels that count them alone."""
    counts = np.zeros((len(listing.splits), len(listing.classes)), np.int64)
    np.add.at(counts, (owners, labels), 1)
    for split, numbers in zip(listing.splits[1:], counts[1:], strict=True):
        if lacking := [listing.classes[index] for index in np.flatnonzero((numbers == 0) & (counts[0] > 0))]:
            rule = f"{counted(len(lacking), 'class', 'classes')} without a picture in {split} ({some(lacking)})"
            remarks.doubt(rule, "add some, or what is measured there leaves them out")
    kept = np.flatnonzero(counts[0])
    if len(kept) == len(listing.classes) or len(kept) < 2:
        # With a single class there is nothing to tell apart: better to say that the others lack pictures.
        return listing.classes, labels
    lacking = [name for name, count in zip(listing.classes, counts[0], strict=True) if not count]
    for name in lacking:
        if counts[:, listing.classes.index(name)].any():
            raise remarks.refuse(f"its class {name!r} has no picture in train", "add some, or remove it everywhere")
    rule = f"{counted(len(lacking), 'class folder')} without a picture and left out ({some(lacking)})"
    remarks.doubt(rule, "put pictures into it, or remove it" if len(lacking) == 1 else "put pictures into them")
    return tuple(listing.classes[index] for index in kept), np.searchsorted(kept, labels)


def _decoded(reader: Reader, size: tuple[int, int] | None) -> tuple[Decoded, list[str]]:
    """Return the images, and a notice if they had to be resized unasked."""
    if size:
        return reader.decode(np.arange(len(reader.paths)), size), []
    sizes = reader.sizes()
    readable = np.flatnonzero(sizes[:, 0])
    own = {(int(height), int(width)) for height, width in np.unique(sizes[readable], axis=0)}
    fits = len(own) == 1 and max(chain(*own)) <= LARGEST_SIDE
    size = next(iter(own)) if fits else NOTES_SIZE
    decoded = reader.decode(readable, size)
    if not own or {size} == own:
        return decoded, []
    heights, widths = zip(*own, strict=True)
    span = f"{heights[0]} × {widths[0]}"
    if len(own) > 1:
        span = f"{len(own)} sizes, {min(heights)} × {min(widths)} to {max(heights)} × {max(widths)},"
    return decoded, [f"pictures of {span} were resized to {size[0]} × {size[1]}; choose another size if need be"]
