"""What is reviewed: all images of a source, whichever split they are in, and where their files are."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handgrad.data import SOURCES, Samples, absolute, objects, read
from handgrad.data.arrays import to_channels
from handgrad.data.cache import Cache
from handgrad.data.remarks import Remarks
from handgrad.data.source import short_name
from handgrad.data.stored import joined
from handgrad.errors import DataError, InputError
from handgrad.model import Model
from handgrad.typing import Progress


@dataclass(frozen=True, eq=False)
class Subject:
    """The images of a source as a model takes them.

    Parameters
    ----------
    source : str
    classes : tuple of str
        The source's own.
    samples : Samples
        All splits together, each image with its name.
    root : Path or None
        The folder that the names start from; None where an image has no file of its own.
    notices : tuple of str
        What a person should know.
    """

    source: str
    classes: tuple[str, ...]
    samples: Samples
    root: Path | None
    notices: tuple[str, ...] = ()


def read_subject(
    model: Model, source: str, cache: Cache | None = None, *, strict: bool = False, progress: Progress | None = None
) -> Subject:
    """Read all images of a source in the model's size; options and errors as in ``data.read``."""
    height, width, channels = model.architecture.input_shape
    kept = partial(read, source, size=(height, width), cache=cache, file_ranges=model.file_ranges)
    splits = kept(strict=strict, progress=progress)
    refuse = partial(DataError, "source", source)
    if len(splits.classes) < 2:
        raise refuse("it has fewer than two classes", "add pictures of another class")
    parts = list(splits.own.values())
    images = to_channels(joined([part.images for part in parts]), channels, refuse)
    labels = np.concatenate([part.labels for part in parts])
    names = np.concatenate([part.identifiers for part in parts])
    root = Path(source) if has_files(source) else None
    return Subject(source, splits.classes, Samples(images, labels, names), root, splits.notices)


def has_files(source: str) -> bool:
    """Return whether each image of a source is a file of its own, in the folder of its class."""
    kind = next((kind for kind in SOURCES if source and kind.matches(source)), None)
    return kind is not None and kind.name == "a folder of class folders"


def folder_for(source: str) -> Path:
    """Return the folder where the review of a source is kept, unless a person chooses another: beside the source.

    Examples
    --------
    >>> folder_for("digits")
    PosixPath('digits-review')
    """
    # A source that is no file or folder is returned as it is.
    path = Path(absolute(source))
    return (path.parent if path.is_absolute() else Path()) / f"{short_name(source)}-review"


def objects_in(subject: Subject, model: Model, group_by: str | None) -> tuple[NDArray[np.object_] | None, list[str]]:
    """Return the object of each image, by a person's grouping or else by the model's own, and what to know about it.

    A model's file may come from anywhere: a table that it names is not opened.
    """
    names, remarks = subject.samples.identifiers, Remarks(partial(DataError, "source", subject.source), strict=False)
    if group_by:
        objects.check(names, group_by, remarks)
        return objects.objects_of(names, group_by), remarks.lines
    data = model.provenance.get("data")
    own = data.get("group_by") if isinstance(data, dict) else None
    if not isinstance(own, str) or not own:
        return None, []
    lost = f"the model was trained with group_by={own}, which is not used here; give it, to keep objects together"
    if objects.is_table(own):
        return None, [lost]
    try:
        objects.check(names, own, remarks)
    except InputError:
        return None, [lost]
    return objects.objects_of(names, own), []


class Places:
    """Where the folder of each class is, so that a file can be moved from one to another.

    A name is a path from the source's folder: perhaps a split, then the folder of the class, which may lie in others,
    then the file, perhaps in folders of its own, which it keeps.

    Examples
    --------
    >>> places = Places(["train/cat/1.png", "train/dog/b/2.png", "test/dog/3.png"], ["cat", "dog", "dog"])
    >>> places.moved("train/dog/b/2.png", "dog", "cat"), places.added("x/4.png", "dog")
    ('train/cat/b/2.png', 'train/dog/4.png')
    """

    def __init__(self, names: Sequence[str], labels: Sequence[str]) -> None:
        found = [set(_starts(name, label)) for name, label in zip(names, labels, strict=True)]
        common = set.intersection(*found) if found else set()
        if not common:
            rule = "the folders of its classes cannot be told from the paths of its pictures"
            raise InputError("source", names[0] if names else "", rule, "move the pictures by hand")
        self._start = min(common)
        self._folders: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
        for name, label in zip(names, labels, strict=True):
            parts = Path(name).parts
            end = self._start + len(_parts(label))
            above, folder = parts[: self._start], parts[:end]
            self._folders.setdefault(above, {}).setdefault(label, folder)

    def moved(self, name: str, label: str, other: str) -> str:
        """Return the name of an image with this label in the folder of another class."""
        parts = Path(name).parts
        rest = parts[self._start + len(_parts(label)) :]
        return str(Path(*self._folder(parts[: self._start], other), *rest))

    def added(self, name: str, label: str) -> str:
        """Return the name of a new image in the folder of a class; in the training split, where there are splits."""
        # The first split of a source is the training split.
        above = next(iter(self._folders))
        return str(Path(*self._folder(above, label), Path(name).name))

    def _folder(self, above: tuple[str, ...], label: str) -> tuple[str, ...]:
        return self._folders.get(above, {}).get(label, (*above, *label.split("/")))


def _starts(name: str, label: str) -> list[int]:
    """Return where the folder of a class can begin in the path of an image."""
    parts, wanted = [_plain(part) for part in Path(name).parts], _parts(label)
    return [start for start in range(2) if parts[start : start + len(wanted)] == wanted]


def _parts(label: str) -> list[str]:
    return [_plain(part) for part in label.split("/")]


def _plain(name: str) -> str:
    """Return a name in the one form in which its letters can be compared."""
    return unicodedata.normalize("NFC", name)
