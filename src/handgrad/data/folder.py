"""A folder of class folders of pictures, with or without train, validation and test folders above them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

from handgrad.data.arrays import Refusal
from handgrad.data.classes import natural_order
from handgrad.data.dataset import Samples
from handgrad.data.picture import decode, size_of
from handgrad.data.split import Parts
from handgrad.errors import DataError
from handgrad.typing import Pixels

Progress: TypeAlias = Callable[[int, int], None]

_Read = TypeVar("_Read")

LARGEST_SIDE = 256
NOTES_SIZE = (100, 100)

_PARTS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}


class _Picture(NamedTuple):
    path: Path
    part: str
    label: int


def read_folder(root: Path, size: tuple[int, int] | None, strict: bool, progress: Progress | None) -> Parts:
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

    Returns
    -------
    Parts

    Raises
    ------
    DataError
        If there are no class folders, a folder cannot be listed, or the parts' classes differ.
    """
    refuse = partial(DataError, "source", root)
    classes, listed = _list(root, refuse)
    pictures = list(chain(*listed.values()))
    reading = _Reading(strict)
    headers = {picture: own for picture in pictures if (own := reading.attempt(size_of, picture.path))}
    notices: list[str] = []
    if size is None:
        size = _common_size(sizes := set(headers.values()))
        if sizes and {size} != sizes:
            notices.append(
                f"pictures of {_span(sizes)} were resized to {size[0]} × {size[1]}; "
                "--size HEIGHTxWIDTH chooses another size"
            )
    kept, pixels = _decode_all(list(headers), size, reading, progress)
    if skipped := reading.skipped:
        notices += [*skipped, f"{len(skipped)} of {len(pictures)} files in the class folders were skipped"]
    parts = {part: _of_part(part, kept, pixels) for part in listed}
    for part, samples in parts.items():
        if not len(samples):
            raise refuse(
                f"none of the {len(listed[part])} files in its {part} part can be read as a picture",
                "add sound pictures; --strict names the first that is not",
            )
    return Parts(classes, parts["train"], parts.get("validation"), parts.get("test"), tuple(notices))


def _list(root: Path, refuse: Refusal) -> tuple[tuple[str, ...], dict[str, list[_Picture]]]:
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
    pictures: dict[str, list[_Picture]] = {}
    for part, folders in named.items():
        if odd := sorted(set(folders) ^ set(classes), key=natural_order):
            there, lacking = (part, "train") if odd[0] in folders else ("train", part)
            raise refuse(
                f"its class {odd[0]!r} is in {there} but not in {lacking}", "give every part the same class folders"
            )
        pictures[part] = [
            _Picture(path, part, label) for label, name in enumerate(classes) for path in _files(folders[name])
        ]
        if not pictures[part]:
            raise refuse(f"the {len(classes)} class folders of its {part} part are empty", "put pictures into them")
    return classes, pictures


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


def _files(folder: Path) -> Iterable[Path]:
    def give_up(error: OSError) -> None:
        raise error

    # os.walk follows no link to a folder below this one, so that no loop of links can keep it.
    for at, folders, files in os.walk(folder, onerror=give_up):
        folders[:] = sorted((name for name in folders if not _is_clutter(name)), key=natural_order)
        yield from (Path(at, name) for name in sorted(files, key=natural_order) if not _is_clutter(name))


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _CLUTTER


def _common_size(sizes: set[tuple[int, int]]) -> tuple[int, int]:
    return next(iter(sizes)) if len(sizes) == 1 and max(chain(*sizes)) <= LARGEST_SIDE else NOTES_SIZE


def _span(sizes: set[tuple[int, int]]) -> str:
    heights, widths = zip(*sizes, strict=True)
    if len(sizes) == 1:
        return f"{heights[0]} × {widths[0]}"
    return f"{len(sizes)} sizes, {min(heights)} × {min(widths)} to {max(heights)} × {max(widths)}"


class _Reading:
    """Reads what it can, and keeps the reason for what it cannot."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.skipped: list[str] = []

    def attempt(self, read: Callable[[Path], _Read], path: Path) -> _Read | None:
        try:
            return read(path)
        except DataError as error:
            if self.strict:
                raise
            self.skipped.append(f"{path} was skipped: {error.rule}")
            return None


def _decode_all(
    pictures: list[_Picture], size: tuple[int, int], reading: _Reading, progress: Progress | None
) -> tuple[list[_Picture], Pixels]:
    pixels = np.empty((len(pictures), *size, 1), np.uint8)
    kept: list[_Picture] = []
    for done, picture in enumerate(pictures, start=1):
        decoded = reading.attempt(partial(decode, size=size), picture.path)
        if decoded is not None:
            if decoded.shape[2] > pixels.shape[3]:
                pixels = np.repeat(pixels, 3, axis=3)
            pixels[len(kept)] = decoded
            kept.append(picture)
        if progress:
            progress(done, len(pictures))
    return kept, pixels[: len(kept)]


def _of_part(part: str, pictures: list[_Picture], pixels: Pixels) -> Samples:
    members = np.array([picture.part == part for picture in pictures], bool)
    return Samples(pixels[members], np.array([picture.label for picture in pictures], np.int64)[members])
