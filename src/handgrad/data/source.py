"""Where images come from: the kinds of sources, in the order in which they are tried."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from pathlib import Path

import numpy as np

from handgrad.data.cache import Cache
from handgrad.data.dataset import Dataset, Samples
from handgrad.data.digits import read_digits
from handgrad.data.duplicates import images_of_two_classes
from handgrad.data.figures import measure
from handgrad.data.folder import read_folder
from handgrad.data.idx import is_idx, read_idx
from handgrad.data.image_file import resize
from handgrad.data.npz import read_npz
from handgrad.data.openml import read_openml
from handgrad.data.remarks import Remarks, counted, some
from handgrad.data.split import Splits, complete
from handgrad.errors import DataError, InputError
from handgrad.pixel_range import Ranges
from handgrad.typing import Progress

_DIGITS, _OPENML = "digits", "openml:"
_LARGEST_SIDE = 4096
_LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Source:
    """One kind of source: what to call it, and what it has to hold.

    `matches` checks whether a source, as a person wrote it, is of this kind. `read` is called with it and the options
    of the function ``read``. A source on disk is a path, which depends on the working folder; `cached` ones are kept as
    decoded images.
    """

    name: str
    help: str
    matches: Callable[[str], bool]
    read: Callable[..., Splits]
    on_disk: bool = True
    cached: bool = False


SOURCES = (
    Source(
        _DIGITS,
        "the 1,797 scanned digits that scikit-learn ships; a folder of that name is `./digits`",
        lambda source: source == _DIGITS,
        lambda source, **_: read_digits(),
        on_disk=False,
    ),
    Source(
        f"{_OPENML}NAME",
        "a data set of openml.org whose rows are square images",
        lambda source: source.startswith(_OPENML),
        lambda source, **options: read_openml(source.removeprefix(_OPENML), options["file_ranges"]),
        on_disk=False,
    ),
    Source(
        "a folder of IDX files",
        "the four files of MNIST or Fashion-MNIST, gzip or not",
        lambda source: is_idx(Path(source)),
        lambda source, **options: read_idx(Path(source), options["file_ranges"]),
    ),
    Source(
        "a folder of class folders",
        "images, one folder per class, with or without `train`, `validation` and `test` folders above them",
        lambda source: Path(source).is_dir(),
        lambda source, **options: read_folder(Path(source), **options),
        cached=True,
    ),
    Source(
        "an .npz file",
        "`images` and `labels`, or `x_train`, `y_train`, `x_test`, `y_test`; and `classes`, where labels number them",
        lambda source: Path(source).suffix.casefold() == ".npz" and Path(source).exists(),
        lambda source, **options: read_npz(Path(source), options["file_ranges"]),
    ),
)
"""Every kind of source; the first that matches reads it."""

KINDS = f"{', '.join(kind.name for kind in SOURCES[:-1])}, or {SOURCES[-1].name}"
"""All of them in one line."""


def load(
    source: str,
    *,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    strict: bool = False,
    progress: Progress | None = None,
    cache: Cache | None = None,
    group_by: str | None = None,
) -> Dataset:
    """Read a source of labeled images and split it into train, validation and test.

    Parameters
    ----------
    source : str
        ``digits``, ``openml:NAME``, or a path; ``handgrad.data.SOURCES`` describes every kind.
    size : tuple of int, optional
        (height, width) to resize every image to; None leaves arrays as they are, and images of one size.
    seed : int
        Chooses the split; the same seed gives the same split.
    strict : bool
        Raise, rather than give a notice, at the first image that cannot be read, and at whatever else is left out or
        may be meant otherwise: a class folder without images, one image in two classes or two splits.
    progress : callable, optional
        Called with the number of images decoded so far and their total.
    cache : Cache, optional
        Keeps decoded images, and returns them the next time; without one all images are in memory.
    group_by : str, optional
        A regular expression for the paths of the images, or a table, which names the object of each image; all images
        of an object go to one split. See ``objects.objects_of``.

    Returns
    -------
    Dataset
        The source's own test and validation splits; else 20 % of it for test, 10 % of the rest for validation.

    Raises
    ------
    DataError
        If the source cannot be read or used.
    InputError
        If the size or the seed is no whole number in range.

    Examples
    --------
    >>> digits = load("digits")
    >>> digits.image_shape, len(digits.train), len(digits.validation), len(digits.test)
    ((8, 8, 1), 1294, 144, 359)
    """
    check_seed(seed)
    splits = read(source, size=size, strict=strict, progress=progress, cache=cache)
    return split_source(splits, source, seed, group_by, strict)


def read(
    source: str,
    *,
    size: tuple[int, int] | None = None,
    strict: bool = False,
    progress: Progress | None = None,
    cache: Cache | None = None,
    file_ranges: Ranges | None = None,
) -> Splits:
    """Read a source without splitting it; arguments and errors as in ``load``.

    `file_ranges` are those of a model: what is black and white in files of 16 bits, floats and the like. For kinds of
    numbers that are not in them, the source itself decides. The result has the source's own splits; where it has none,
    all of it is the training split.

    Examples
    --------
    >>> digits = read("digits")
    >>> len(digits.train), digits.test
    (1797, None)
    """
    check_size(size)
    refuse = partial(DataError, "source", source)
    try:
        kind = kind_of(source)
        if kind is None:
            missing = not source or not Path(source).exists()
            rule = "there is no such file or folder" if missing else "this file is of no kind that can be read"
            raise refuse(rule, f"a source is {KINDS}")
        options = {"size": size, "strict": strict, "progress": progress, "cache": cache, "file_ranges": file_ranges}
        splits = kind.read(source, **options)
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        rule = f"it cannot be read ({error.strerror or error}{where})"
        raise refuse(rule, "check the path and its permissions") from error
    own = splits.own
    own = {split: _complete(samples, size, f"{split}/" if len(own) > 1 else "") for split, samples in own.items()}
    shapes = {samples.images.shape[1:] for samples in own.values()}
    if len(shapes) > 1:
        rule = f"the images of its splits differ in shape: {', '.join(map(str, sorted(shapes)))}"
        raise refuse(rule, "choose one size for all, and give all the same channels")
    remarks = Remarks(refuse, strict)
    if found := images_of_two_classes(own.values()):
        remarks.doubt(f"{counted(len(found), 'image')} in two classes ({some(found)})", "keep each in one")
    notices = (*splits.notices, *remarks.lines)
    return Splits(splits.classes, **own, notices=notices, file_ranges=splits.file_ranges)


def split_source(splits: Splits, source: str, seed: int, group_by: str | None = None, strict: bool = False) -> Dataset:
    """Split what ``read`` returned for this source; arguments and errors as in ``load``."""
    check_seed(seed)
    return complete(short_name(source), splits, seed, partial(DataError, "source", source), group_by, strict)


def short_name(source: str) -> str:
    """Return a short name of a source, fit for a folder's name.

    Examples
    --------
    >>> short_name("openml:mnist_784"), short_name("my photos/tiles.npz")
    ('mnist_784', 'tiles')
    """
    path = Path(absolute(source))
    name = (path.stem if path.suffix.casefold() == ".npz" else path.name).removeprefix(_OPENML)
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "images"


def absolute(name: str, folder: str = "") -> str:
    """Return a source, or the ``group_by`` of one, as processes with another working folder find it.

    It is returned as it is unless it names a file or folder that exists, relative to `folder` or to the working folder.

    Examples
    --------
    >>> absolute("digits"), absolute("openml:mnist_784")
    ('digits', 'openml:mnist_784')
    """
    if any(kind.matches(name) for kind in SOURCES if not kind.on_disk):
        return name
    path = os.path.join(folder, name)  # noqa: PTH118 - a Path refuses names that are too long
    return os.path.realpath(path) if name and os.path.exists(path) else name  # noqa: PTH110


def kind_of(source: str) -> Source | None:
    """Return which kind a source is; None if it is none."""
    return next((kind for kind in SOURCES if source and kind.matches(source)), None)


def _complete(samples: Samples, size: tuple[int, int] | None, where: str) -> Samples:
    """Resize images where they have another size; name those without a name by their index."""
    names = samples.names
    if names is None:
        names = np.array([f"{where}{index}" for index in range(len(samples))], object)
    images = resize(samples.images, size)
    # Measured before anything is split off, so that no image is measured twice.
    return Samples(images, samples.labels, names, samples.figures if images is samples.images else measure(images))


def check_size(size: object) -> None:
    """Refuse what is neither None nor a (height, width) that images can have."""
    right = isinstance(size, tuple) and len(size) == 2 and all(_is_whole(side, 1, _LARGEST_SIDE) for side in size)
    if size is not None and not right:
        rule = f"height and width must be 1 to {_LARGEST_SIDE}"
        raise InputError("size", size, rule, "give two whole numbers, e.g. 28 and 28")


def check_seed(seed: object) -> None:
    """Refuse what cannot seed a split."""
    if not _is_whole(seed, 0, _LARGEST_SEED):
        raise InputError("seed", seed, f"must be from 0 to {_LARGEST_SEED}", "use 0, or another whole number")


def _is_whole(number: object, lowest: int, highest: int) -> bool:
    return isinstance(number, Integral) and lowest <= int(number) <= highest
