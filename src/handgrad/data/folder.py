"""A folder of class folders of images, with or without train, validation and test folders above them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handgrad.data.arrays import Refusal
from handgrad.data.cache import Cache
from handgrad.data.classes import natural_order
from handgrad.data.dataset import Samples
from handgrad.data.image_files import Decoded, Reader
from handgrad.data.split import Splits
from handgrad.errors import DataError
from handgrad.pixel_range import Ranges
from handgrad.typing import Progress

LARGEST_SIDE = 256
NOTES_SIZE = (100, 100)

_SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}


class _Listing(NamedTuple):
    """The files of a folder, with the numbers of their classes and splits."""

    classes: tuple[str, ...]
    splits: list[str]
    paths: list[str]
    labels: NDArray[np.int64]
    owners: NDArray[np.int64]


def read_folder(
    root: Path,
    size: tuple[int, int] | None,
    strict: bool,
    progress: Progress | None,
    cache: Cache | None = None,
    file_ranges: Ranges | None = None,
) -> Splits:
    """Read the images below a folder, one class per folder, named by it.

    The class folders are in the root, or in its folder ``train`` and perhaps ``validation`` (``valid``, ``val``) and
    ``test``. An image that cannot be read is left out and named in the notices, unless reading is strict. If all images
    are grey, they have one channel. Without a size (height, width), they keep one that all share and that is at most
    256 on a side; otherwise they become 100 × 100, the notes' size (N9). Without a cache, or if it cannot be written,
    they are in memory.
    """
    refuse = partial(DataError, "source", root)
    listing = _list(root, refuse)
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
    names = np.array([listing.paths[index].removeprefix(f"{root}{os.sep}") for index in decoded.indices], object)
    whole = Samples(decoded.images, listing.labels[decoded.indices], names, decoded.figures)
    splits: dict[str, Samples] = {}
    for number, split in enumerate(listing.splits):
        chosen = np.flatnonzero(listing.owners[decoded.indices] == number)
        if not len(chosen):
            rule = f"no file{_within(split, listing.splits)} can be read as a picture"
            raise refuse(rule, "add valid pictures; strict reading names what is wrong with the first")
        splits[split] = whole.subset(chosen)
    notices += reader.told
    return Splits(listing.classes, **splits, notices=(*notices, *troubles), file_ranges=reader.ranges)


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


def _list(root: Path, refuse: Refusal) -> _Listing:
    above = _split_folders(root, refuse)
    named = {split: {folder.name: folder for folder in _class_folders(path)} for split, path in above.items()}
    classes = tuple(sorted(named["train"], key=natural_order))
    if not classes:
        remedy = "put the pictures of each class into a folder of its own, named for the class"
        raise refuse("it has no class folders", remedy)
    for name in classes:
        # No report could print it.
        if not name.isprintable():
            raise refuse(f"its class folder {name!r} has a name that cannot be printed", "rename the folder")
    paths: list[str] = []
    counts: list[int] = []
    for split, folders in named.items():
        if odd := sorted(set(folders) ^ set(classes), key=natural_order):
            there, lacking = (split, "train") if odd[0] in folders else ("train", split)
            rule = f"its class {odd[0]!r} is in {there} but not in {lacking}"
            raise refuse(rule, "give every split the same class folders")
        files = [list(files_below(folders[name])) for name in classes]
        if not any(files):
            raise refuse(f"the class folders{_within(split, named)} are empty", "put pictures into them")
        paths += chain(*files)
        counts += map(len, files)
    owners, labels = divmod(np.repeat(np.arange(len(counts)), counts), len(classes))
    return _Listing(classes, list(named), paths, labels, owners)


def _within(split: str, splits: Collection[str]) -> str:
    return f" of its {split} split" if len(splits) > 1 else ""


def _split_folders(root: Path, refuse: Refusal) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in _class_folders(root):
        if split := _SPLITS.get(folder.name.casefold()):
            if split in found:
                raise refuse(f"it has both {found[split].name} and {folder.name}", "keep one of them")
            found[split] = folder
    # A class may be called train: its folder has pictures, where a split's has class folders.
    return found if "train" in found and _class_folders(found["train"]) else {"train": root}


def _class_folders(above: Path) -> list[Path]:
    # A link to a folder above itself would make every other class its own.
    here = above.resolve()
    return [
        entry
        for entry in above.iterdir()
        if not _is_clutter(entry.name) and entry.is_dir() and not here.is_relative_to(entry.resolve())
    ]


def files_below(folder: Path) -> Iterable[str]:
    """Yield the paths of all files except clutter, folder by folder, in natural order."""

    def give_up(error: OSError) -> None:
        raise error

    # os.walk follows no link to a folder below this one, so that a loop of links ends.
    for at, folders, files in os.walk(folder, onerror=give_up):
        folders[:] = sorted((name for name in folders if not _is_clutter(name)), key=natural_order)
        yield from (f"{at}{os.sep}{name}" for name in sorted(files, key=natural_order) if not _is_clutter(name))


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _CLUTTER
