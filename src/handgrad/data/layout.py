"""What a folder of pictures means: which of its folders are splits, which are classes, and the files of each."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handgrad.data.classes import natural_order
from handgrad.data.remarks import Remarks, counted, some
from handgrad.data.split_names import split_named
from handgrad.data.walking import entries, files_below, has_files, leads_up, walk

_PICTURES = (
    *(".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg"),
    *(".jpg", ".jpx", ".pbm", ".pcx", ".pgm", ".png", ".pnm", ".ppm", ".psd", ".qoi", ".sgi", ".tga", ".tif", ".tiff"),
    *(".webp", ".xbm"),
)
"""How the names of pictures end; only pictures outside all class folders are known by their names."""


class Listing(NamedTuple):
    """The files of a folder, with the numbers of their classes and splits."""

    classes: tuple[str, ...]
    splits: list[str]
    paths: list[str]
    labels: NDArray[np.int64]
    owners: NDArray[np.int64]


class _Level(NamedTuple):
    """What is directly in a folder: folders with files below, by their names; empty ones; pictures."""

    filled: dict[str, list[str]]
    empty: list[str]
    loose: list[str]


def list_pictures(root: Path, remarks: Remarks) -> Listing:
    """Find the class folders of a source and the files below each, split by split.

    The class folders are in the root, in the only folder there, or in folders that are named like splits. What is read
    in one of several ways, or not at all, becomes a remark; what cannot be decided is refused.
    """
    finder = _Finder(str(root), remarks)
    above = finder.splits()
    folders = {split: finder.class_folders(level, split, len(above) > 1) for split, level in above.items()}
    classes = tuple(sorted(folders["train"], key=natural_order))
    for name in classes:
        # No report could print it.
        if not name.isprintable():
            raise remarks.refuse(f"its class folder {name!r} has a name that cannot be printed", "rename the folder")
    paths: list[str] = []
    counts: list[int] = []
    for split, named in folders.items():
        finder.check_classes(split, named, above[split].empty, classes)
        files = [list(chain.from_iterable(map(finder.files, named.get(name, ())))) for name in classes]
        paths += chain(*files)
        counts += map(len, files)
    finder.report()
    owners, labels = divmod(np.repeat(np.arange(len(counts)), counts), len(classes))
    return Listing(classes, list(folders), paths, labels, owners)


def within(split: str, splits: Collection[str]) -> str:
    """Return the words that name a split where there are several."""
    return f" of its {split} split" if len(splits) > 1 else ""


class _Finder:
    """Looks through one source, and remembers what a person should know of it."""

    def __init__(self, root: str, remarks: Remarks) -> None:
        self.root, self.remarks, self.refuse = root, remarks, remarks.refuse
        self._loose: list[str] = []
        self._loops: list[str] = []
        self._broken: list[str] = []
        self._nested: list[str] = []

    def splits(self) -> dict[str, _Level]:
        """Return the level of the class folders of each split."""
        at, level = self._descended(self.root, into_splits=False)
        named = {name: split for name in (*level.filled, *level.empty) if (split := split_named(name))}
        filled = {name: split for name, split in named.items() if name in level.filled}
        inner = {name: split for name, split in filled.items() if self._class_level(level.filled[name][0]).filled}
        others = [name for name in level.filled if name not in named]
        if not filled or not self._are_splits(filled, inner, others):
            return {"train": level}
        self._loose += level.loose
        if others:
            rule = f"{counted(len(others), 'folder')} beside the splits not used ({some(others)})"
            self.remarks.doubt(rule, "move each into the split that it belongs to, or elsewhere")
        for name in filled.keys() - inner.keys():
            number = sum(1 for _ in files_below(level.filled[name][0]))
            rule = f"{counted(number, 'file')} without a class not used, in {name}, which has no class folders"
            self.remarks.doubt(rule, "sort them into class folders")
        found_splits: dict[str, str] = {}
        for name in sorted(named.keys() - (filled.keys() - inner.keys()), key=natural_order):
            split = self._resolved(named[name], name, named)
            if split in found_splits:
                raise self.refuse(f"it has both {found_splits[split]} and {name}", "keep one of them")
            found_splits[split] = name
            if name not in inner:
                raise self.refuse(f"the class folders of its {split} split are empty", "put pictures into them")
        if "train" not in found_splits:
            rule = f"it has {' and '.join(found_splits.values())}, but no folder of training pictures"
            one = Path(at, next(iter(found_splits.values())))
            raise self.refuse(rule, f"add one that is named train, or give {one} alone")
        ordered = [split for split in ("train", "validation", "test") if split in found_splits]
        levels: dict[str, _Level] = {}
        for split in ordered:
            folder = level.filled[found_splits[split]][0]
            levels[split] = self._class_level(folder)
            # A single folder with folders may be a class that training has too.
            if split == "train" or levels[split].filled.keys() - levels["train"].filled.keys():
                levels[split] = self._descended(folder)[1]
        return levels

    def class_folders(self, level: _Level, split: str, several: bool) -> dict[str, list[str]]:
        """Return the folders of each class by its name, and remember what is beside them."""
        self._loose += level.loose
        splits = ("", "") if several else ()
        if not level.filled:
            if level.empty:
                raise self.refuse(f"the class folders{within(split, splits)} are empty", "put pictures into them")
            remedy = "put the pictures of each class into a folder of its own, named for the class"
            raise self.refuse("it has no class folders", remedy)
        if len(level.filled) == 1 and level.empty and split == "train":
            # Without these there is nothing to tell apart: better to say that they lack pictures.
            return {**level.filled, **{name: [] for name in level.empty}}
        if level.empty and split == "train":
            one = len(level.empty) == 1
            found = f"{len(level.empty)} of {counted(len(level.filled) + len(level.empty), 'class folder')}"
            found += f" {'is' if one else 'are'} empty and no class{'' if one else 'es'} ({some(level.empty)})"
            self.remarks.doubt(found, "put pictures into it, or remove it" if one else "put pictures into them")
        doubled = [name for name, folders in level.filled.items() if len(folders) > 1]
        if doubled:
            found = f"{counted(len(doubled), 'class', 'classes')} with several folders, whose names look the same"
            self.remarks.doubt(f"{found} ({some(doubled)}), read as one", "put the pictures into one folder")
        if alike := _alike(level.filled):
            found = f"{counted(len(alike), 'pair')} of class names with no difference but case or spaces"
            self.remarks.doubt(f"{found} ({some(alike)})", "put the pictures into one folder if they are one class")
        return level.filled

    def check_classes(
        self, split: str, named: dict[str, list[str]], empty: list[str], classes: Collection[str]
    ) -> None:
        """Refuse classes that one split has and training has not, or the other way round; folders may be empty."""
        if odd := sorted(({*named} ^ {*classes}) - ({*empty} - {*named}), key=natural_order):
            there, lacking = (split, "train") if odd[0] in named else ("train", split)
            rule = f"its class {odd[0]!r} is in {there} but not in {lacking}"
            raise self.refuse(rule, "give every split the same class folders")

    def files(self, folder: str) -> Iterator[str]:
        """Yield the paths of a class folder's files."""
        here = True
        for at, files in walk(folder, self._loops):
            if here and not any(map(_is_picture, files)):
                self._check_inner(folder)
            here = False
            yield from (f"{at}{os.sep}{name}" for name in files)

    def report(self) -> None:
        """Remark on what was found beside the classes and within them."""
        for found, thing, rule, remedy in (
            (self._loose, "picture", "outside the class folders {} not used", "put each into the folder of its class"),
            (self._loops, "link", "to a folder above {} not followed", "remove it"),
            (self._broken, "link", "{} leading nowhere", "remove it"),
            (
                self._nested,
                "folder",
                "within class folders {} read as part of the class above",
                "move the folders up if they are classes of their own",
            ),
        ):
            if found:
                names = some([self._short(path) for path in found])
                said = rule.format("is" if len(found) == 1 else "are")
                self.remarks.doubt(f"{counted(len(found), thing)} {said} ({names})", remedy)

    def _are_splits(self, filled: dict[str, str], inner: dict[str, str], others: list[str]) -> bool:
        """Return whether folders that are named like splits are some; refuse what may be both."""
        names = " and ".join(sorted(filled, key=natural_order))
        if inner and not others:
            return True
        if "train" in inner.values() and len(set(inner.values())) > 1:
            return True
        if inner:
            rule = f"its folder {next(iter(inner))} may be a split or a class, beside {some(others)}"
            raise self.refuse(rule, "move the others into it or elsewhere if it is a split; else rename it")
        if not others:
            remedy = "put the pictures of each class into a folder of its own, named for the class, in each of them"
            one = len(filled) == 1
            rule = f"its folder{'' if one else 's'} {names} {'has' if one else 'have'} no class folders"
            raise self.refuse(rule, remedy)
        rule = f"its folder {names} is read as a class, since it has pictures and no class folders"
        if len(filled) > 1:
            rule = f"its folders {names} are read as classes, since they have pictures and no class folders"
        self.remarks.doubt(rule, "move it elsewhere if it is a split" if len(filled) == 1 else "move splits elsewhere")
        return False

    def _resolved(self, split: str, name: str, named: dict[str, str]) -> str:
        """Return the split that a folder is, where its name leaves two."""
        if split != "evaluation":
            return split
        split = "validation" if "test" in named.values() else "test"
        self.remarks.tell(f"its folder {name} is read as the {split} split")
        return split

    def _descended(self, at: str, into_splits: bool = True) -> tuple[str, _Level]:
        """Follow folders that have nothing but one folder with folders; return where that ends, and what is there."""
        level = self._class_level(at)
        while len(level.filled) == 1 and not level.loose:
            ((name, (inner, *_)),) = level.filled.items()
            below = self._class_level(inner)
            several = len(below.filled) > 1 or not below.loose
            if not below.filled or not several or (split_named(name) and not into_splits):
                break
            if level.empty:
                self.remarks.doubt(f"{counted(len(level.empty), 'folder')} beside {name} without files", "remove it")
            at, level = inner, below
            self.remarks.tell(f"its class folders are looked for in {self._short(at)}")
        return at, level

    def _class_level(self, at: str) -> _Level:
        level = _Level({}, [], [])
        real = os.path.realpath(at)
        folders, files = entries(at)
        for name in folders:
            path = str(Path(at, name))
            if leads_up(path, (real,)):
                if path not in self._loops:
                    self._loops.append(path)
            elif has_files(path):
                level.filled.setdefault(unicodedata.normalize("NFC", name), []).append(path)
            else:
                level.empty.append(unicodedata.normalize("NFC", name))
        for name in sorted(files, key=natural_order):
            file = Path(at, name)
            if _is_picture(name):
                level.loose.append(str(file))
            elif file.is_symlink() and not file.exists() and str(file) not in self._broken:
                self._broken.append(str(file))
        return level

    def _check_inner(self, folder: str) -> None:
        """Remember the folders in a class folder without files of its own; refuse splits there."""
        inner = [name for name in entries(folder)[0] if has_files(str(Path(folder, name)))]
        if inner and all(map(split_named, inner)):
            rule = f"its folder {self._short(folder)} has {' and '.join(inner)} within"
            raise self.refuse(rule, "put the class folders into the splits, not the splits into the classes")
        self._nested += [str(Path(folder, name)) for name in inner]

    def _short(self, path: str) -> str:
        return os.path.relpath(path, self.root)


def _alike(names: Collection[str]) -> list[str]:
    """Return the names that a person would read as another one before them."""
    first: dict[str, str] = {}
    pairs = []
    for name in sorted(names, key=natural_order):
        other = first.setdefault(" ".join(unicodedata.normalize("NFKC", name).casefold().split()), name)
        if other != name:
            pairs.append(f"{name!r} and {other!r}")
    return pairs


def _is_picture(name: str) -> bool:
    return name.casefold().endswith(_PICTURES)
