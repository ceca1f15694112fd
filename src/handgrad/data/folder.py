"""A folder of class folders of pictures, with or without train, validation and test folders above them."""

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
from handgrad.data.pictures import Decoded, Reader
from handgrad.data.split import Splits
from handgrad.data.stored import StoredImages
from handgrad.errors import DataError
from handgrad.typing import Progress

LARGEST_SIDE = 256
NOTES_SIZE = (100, 100)

_PARTS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}


class _Listed(NamedTuple):
    """The files of one part, class by class."""

    paths: list[str]
    labels: NDArray[np.int64]


def read_folder(
    root: Path, size: tuple[int, int] | None, strict: bool, progress: Progress | None, cache: Cache | None = None
) -> Splits:
    """The pictures below a folder, one class a folder, named by it.

    A picture that cannot be read is left out and named in the notices. If all pictures are grey, so are the images.

    Parameters
    ----------
    root : Path
        Holds the class folders, or ``train`` with them, and perhaps ``validation`` (``valid``, ``val``) and ``test``.
    size : tuple of int or None
        (height, width) to resize to. None keeps a size that all pictures share and that is at most 256 on a side;
        all else becomes 100 × 100, the notes' size (N9).
    strict : bool
        Raise at the first picture that cannot be read.
    progress : callable, optional
        Called with the pictures done and their total.
    cache : Cache, optional
        Keeps the images, which are then read from it; in memory without one, or where it has no place or room.

    Returns
    -------
    Splits

    Raises
    ------
    DataError
        If there are no class folders, a folder cannot be listed, or the parts' classes differ.
    """
    refuse = partial(DataError, "source", root)
    classes, listed = _list(root, refuse)
    paths = [path for files in listed.values() for path in files.paths]
    troubles: list[str] = []
    try:
        reader = Reader(root, paths, cache, strict, progress)
        decoded, notices = _decoded(reader, size)
    except OSError as error:
        # Pictures tell of their own: this is the cache.
        if not cache:
            raise
        troubles.append(
            f"the images are not kept in {cache.folder} ({error.strerror or error}); --cache chooses another folder"
        )
        reader = Reader(root, paths, None, strict, progress)
        decoded, notices = _decoded(reader, size)
    if skipped := reader.skipped:
        notices += [*skipped, f"{len(skipped)} of {len(paths)} files in the class folders were skipped"]
    names = np.array([path.removeprefix(f"{root}{os.sep}") for path in paths], object)
    parts: dict[str, Samples] = {}
    first = 0
    for part, files in listed.items():
        end = first + len(files.paths)
        chosen = np.flatnonzero((decoded.places >= first) & (decoded.places < end))
        places = decoded.places[chosen]
        if not len(places):
            where, count = _within(part, listed), len(files.paths)
            none = f"the only file{where} cannot" if count == 1 else f"none of the {count} files{where} can"
            raise refuse(f"{none} be read as a picture", "add sound pictures; --strict names the first that is not")
        images = decoded.images.part(chosen) if isinstance(decoded.images, StoredImages) else decoded.images[chosen]
        parts[part] = Samples(images, files.labels[places - first], names[places], decoded.figures.part(chosen))
        first = end
    return Splits(classes, parts["train"], parts.get("validation"), parts.get("test"), (*notices, *troubles))


def _decoded(reader: Reader, size: tuple[int, int] | None) -> tuple[Decoded, list[str]]:
    """The images, and what is to be told of their size."""
    if size:
        return reader.decode(np.arange(len(reader.paths)), size), []
    sizes = reader.sizes()
    readable = np.flatnonzero(sizes[:, 0])
    own = {(int(height), int(width)) for height, width in np.unique(sizes[readable], axis=0)}
    size = _common_size(own)
    decoded = reader.decode(readable, size)
    if not own or {size} == own:
        return decoded, []
    return decoded, [
        f"pictures of {_span(own)} were resized to {size[0]} × {size[1]}; --size HEIGHTxWIDTH chooses another size"
    ]


def _list(root: Path, refuse: Refusal) -> tuple[tuple[str, ...], dict[str, _Listed]]:
    parts = _part_folders(root, refuse)
    named = {part: {folder.name: folder for folder in _class_folders(above)} for part, above in parts.items()}
    classes = tuple(sorted(named["train"], key=natural_order))
    if not classes:
        raise refuse(
            "it has no class folders",
            "put the pictures of each class into a folder of its own, named for the class",
        )
    for name in classes:
        # A name that is no text could be written to no report.
        if not name.isprintable():
            raise refuse(f"its class folder {name!r} has a name that cannot be printed", "rename the folder")
    listed: dict[str, _Listed] = {}
    for part, folders in named.items():
        if odd := sorted(set(folders) ^ set(classes), key=natural_order):
            there, lacking = (part, "train") if odd[0] in folders else ("train", part)
            raise refuse(
                f"its class {odd[0]!r} is in {there} but not in {lacking}", "give every part the same class folders"
            )
        files = [list(files_below(folders[name])) for name in classes]
        labels = np.repeat(np.arange(len(classes)), [len(paths) for paths in files])
        listed[part] = _Listed(list(chain(*files)), labels)
        if not len(labels):
            where, count = _within(part, parts), len(classes)
            if count == 1:
                raise refuse(f"the only class folder{where} is empty", "put pictures into it")
            raise refuse(f"all {count} class folders{where} are empty", "put pictures into them")
    return classes, listed


def _within(part: str, parts: Collection[str]) -> str:
    return f" of its {part} part" if len(parts) > 1 else ""


def _part_folders(root: Path, refuse: Refusal) -> dict[str, Path]:
    parts: dict[str, Path] = {}
    for folder in _class_folders(root):
        part = _PARTS.get(folder.name.casefold())
        if part and part in parts:
            raise refuse(f"it has both {parts[part].name} and {folder.name}", "keep one of them")
        if part:
            parts[part] = folder
    # A class may be called train: its folder holds pictures, where a part's holds class folders.
    return parts if "train" in parts and _class_folders(parts["train"]) else {"train": root}


def _class_folders(above: Path) -> list[Path]:
    # A link to a folder above itself would make every other class its own.
    here = above.resolve()
    return [
        entry
        for entry in above.iterdir()
        if not _is_clutter(entry.name) and entry.is_dir() and not here.is_relative_to(entry.resolve())
    ]


def files_below(folder: Path) -> Iterable[str]:
    """The paths of all files that are no clutter, folder by folder, in natural order."""

    def give_up(error: OSError) -> None:
        raise error

    # os.walk follows no link to a folder below this one, so that no loop of links can keep it.
    for at, folders, files in os.walk(folder, onerror=give_up):
        folders[:] = sorted((name for name in folders if not _is_clutter(name)), key=natural_order)
        yield from (f"{at}{os.sep}{name}" for name in sorted(files, key=natural_order) if not _is_clutter(name))


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _CLUTTER


def _common_size(sizes: set[tuple[int, int]]) -> tuple[int, int]:
    return next(iter(sizes)) if len(sizes) == 1 and max(chain(*sizes)) <= LARGEST_SIDE else NOTES_SIZE


def _span(sizes: set[tuple[int, int]]) -> str:
    heights, widths = zip(*sizes, strict=True)
    if len(sizes) == 1:
        return f"{heights[0]} × {widths[0]}"
    return f"{len(sizes)} sizes, {min(heights)} × {min(widths)} to {max(heights)} × {max(widths)}"
