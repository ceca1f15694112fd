"""A folder of class folders of images, with or without train, validation and test folders above them."""

from __future__ import annotations

import os
from collections.abc import Iterable
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
from handgrad.data.pictures import Decoded, Reader
from handgrad.data.split import Splits
from handgrad.data.stored import StoredImages
from handgrad.errors import DataError
from handgrad.typing import Progress

LARGEST_SIDE = 256
NOTES_SIZE = (100, 100)

_SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}


class _Listed(NamedTuple):
    """The files of one split, class by class, and how to refer to it in a message."""

    paths: list[str]
    labels: NDArray[np.int64]
    where: str


def read_folder(
    root: Path, size: tuple[int, int] | None, strict: bool, progress: Progress | None, cache: Cache | None = None
) -> Splits:
    """Read the images below a folder, one class per folder, named by it.

    An image that cannot be read is left out and named in the notices. If all images are grey, they have one channel.

    Parameters
    ----------
    root : Path
        Has the class folders, or ``train`` with them, and perhaps ``validation`` (``valid``, ``val``) and ``test``.
    size : tuple of int or None
        (height, width) to resize to. None keeps a size that all images share and that is at most 256 on a side;
        otherwise they become 100 × 100, the notes' size (N9).
    strict : bool
        Raise at the first image that cannot be read.
    progress : callable, optional
        Called with the number of images done and their total.
    cache : Cache, optional
        Keeps the images, which are then read from it. Without one, or if it cannot be written, they are in memory.

    Returns
    -------
    Splits

    Raises
    ------
    DataError
        If there are no class folders, a folder cannot be listed, or the splits' classes differ.
    """
    refuse = partial(DataError, "source", root)
    classes, listed = _list(root, refuse)
    paths = [path for files in listed.values() for path in files.paths]
    troubles: list[str] = []
    try:
        reader = Reader(root, paths, cache, strict, progress)
        decoded, notices = _decoded(reader, size)
    except OSError as error:
        # The images raise DataErrors: this is the cache.
        if not cache:
            raise
        reason = error.strerror or error
        troubles = [f"the images are not kept in {cache.folder} ({reason}); choose another folder for the cache"]
        reader = Reader(root, paths, None, strict, progress)
        decoded, notices = _decoded(reader, size)
    if skipped := reader.skipped:
        notices += [*skipped, f"{len(skipped)} of {len(paths)} files in the class folders were skipped"]
    names = np.array([path.removeprefix(f"{root}{os.sep}") for path in paths], object)
    splits: dict[str, Samples] = {}
    first = 0
    for split, files in listed.items():
        count = len(files.paths)
        chosen = np.flatnonzero((decoded.indices >= first) & (decoded.indices < first + count))
        indices = decoded.indices[chosen]
        if not len(indices):
            none = f"the only file{files.where} cannot" if count == 1 else f"none of the {count} files{files.where} can"
            raise refuse(
                f"{none} be read as a picture", "add valid pictures; in strict mode the first bad one is named"
            )
        images = decoded.images.subset(chosen) if isinstance(decoded.images, StoredImages) else decoded.images[chosen]
        splits[split] = Samples(images, files.labels[indices - first], names[indices], decoded.figures.subset(chosen))
        first += count
    return Splits(classes, **splits, notices=(*notices, *troubles))


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


def _list(root: Path, refuse: Refusal) -> tuple[tuple[str, ...], dict[str, _Listed]]:
    above = _split_folders(root, refuse)
    named = {split: {folder.name: folder for folder in _class_folders(path)} for split, path in above.items()}
    classes = tuple(sorted(named["train"], key=natural_order))
    if not classes:
        raise refuse(
            "it has no class folders", "put the pictures of each class into a folder of its own, named for the class"
        )
    for name in classes:
        # No report could print it.
        if not name.isprintable():
            raise refuse(f"its class folder {name!r} has a name that cannot be printed", "rename the folder")
    listed: dict[str, _Listed] = {}
    for split, folders in named.items():
        if odd := sorted(set(folders) ^ set(classes), key=natural_order):
            there, lacking = (split, "train") if odd[0] in folders else ("train", split)
            raise refuse(
                f"its class {odd[0]!r} is in {there} but not in {lacking}", "give every split the same class folders"
            )
        files = [list(files_below(folders[name])) for name in classes]
        labels = np.repeat(np.arange(len(classes)), [len(paths) for paths in files])
        where, count = f" of its {split} split" if len(named) > 1 else "", len(classes)
        if not len(labels):
            if count == 1:
                raise refuse(f"the only class folder{where} is empty", "put pictures into it")
            raise refuse(f"all {count} class folders{where} are empty", "put pictures into them")
        listed[split] = _Listed(list(chain(*files)), labels, where)
    return classes, listed


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
