"""Where images come from: what a SOURCE is decides which reader takes it."""

from __future__ import annotations

import re
from functools import partial
from numbers import Integral
from pathlib import Path

import numpy as np

from handgrad.data.arrays import Refusal
from handgrad.data.cache import Cache
from handgrad.data.dataset import Dataset, Samples
from handgrad.data.digits import read_digits
from handgrad.data.figures import measure
from handgrad.data.folder import read_folder
from handgrad.data.idx import is_idx, read_idx
from handgrad.data.npz import read_npz
from handgrad.data.openml import read_openml
from handgrad.data.picture import resize
from handgrad.data.split import SPLITS, Splits, complete
from handgrad.errors import DataError, InputError
from handgrad.typing import Progress

_OPENML = "openml:"
_LARGEST_SIDE = 4096
_LARGEST_SEED = 2**32 - 1
_KINDS = (
    "a source is digits, a folder of the four IDX files, a folder of class folders of pictures, an .npz file, "
    "or openml:NAME"
)


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
    """Read a source of labelled images and split it into training, validation and test.

    Parameters
    ----------
    source : str
        One of:

        - ``digits``: the scanned digits that scikit-learn ships; a folder of that name is ``./digits``;
        - a folder of the four IDX files (MNIST, Fashion-MNIST), gzip or not;
        - a folder of class folders of pictures, with or without ``train``, ``validation`` and ``test`` above them;
        - an ``.npz`` file with ``images`` and ``labels``, or ``x_train`` and ``y_train``;
        - ``openml:NAME``: a data set of openml.org.
    size : tuple of int, optional
        (height, width) to resize every image to; None leaves arrays as they are, and pictures of one size.
    seed : int
        Chooses the split; the same seed gives the same split.
    strict : bool
        Raise at the first picture that cannot be read, rather than leave it out with a notice.
    progress : callable, optional
        Called with the pictures decoded so far and their total.
    cache : Cache, optional
        Keeps what pictures were decoded to, and gives it from there; all images are in memory without one.
    group_by : str, optional
        A regular expression for the paths of the images, or a table: what tells the object of each, of which all
        images come into one part; see ``objects.objects_of``.

    Returns
    -------
    Dataset
        The source's own test and validation parts; else 20 % of it for test, 10 % of the rest for validation.

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
    _check_seed(seed)
    parts = read(source, size=size, strict=strict, progress=progress, cache=cache)
    return split_source(parts, source, seed, group_by)


def read(
    source: str,
    *,
    size: tuple[int, int] | None = None,
    strict: bool = False,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Splits:
    """Read a source without splitting it; arguments and errors as in ``load``.

    Returns
    -------
    Splits
        The source's own parts; all of it as the training part where it has none.

    Examples
    --------
    >>> digits = read("digits")
    >>> len(digits.train), digits.test
    (1797, None)
    """
    _check_size(size)
    refuse = partial(DataError, "source", source)
    try:
        parts = _read(source, size, strict, progress, cache, refuse)
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        raise refuse(
            f"it cannot be read ({error.strerror or error}{where})", "check the path and its permissions"
        ) from error
    return _of_one_size(parts, size, refuse)


def split_source(parts: Splits, source: str, seed: int, group_by: str | None = None) -> Dataset:
    """The dataset of what ``read`` returned for this source; arguments and errors as in ``load``."""
    _check_seed(seed)
    return complete(_name(source), parts, seed, partial(DataError, "source", source), group_by)


def _read(
    source: str,
    size: tuple[int, int] | None,
    strict: bool,
    progress: Progress | None,
    cache: Cache | None,
    refuse: Refusal,
) -> Splits:
    if source == "digits":
        return read_digits()
    if source.startswith(_OPENML):
        return read_openml(source.removeprefix(_OPENML))
    path = Path(source)
    if not source or not path.exists():
        raise refuse("there is no such file or folder", _KINDS)
    if path.is_dir():
        return read_idx(path) if is_idx(path) else read_folder(path, size, strict, progress, cache)
    if path.suffix.casefold() == ".npz":
        return read_npz(path)
    raise refuse("this file is no source", _KINDS)


def _of_one_size(parts: Splits, size: tuple[int, int] | None, refuse: Refusal) -> Splits:
    own = {name: part for name in SPLITS if (part := getattr(parts, name)) is not None}
    sized = {name: _complete(part, size, f"{name}/" if len(own) > 1 else "") for name, part in own.items()}
    shapes = {samples.images.shape[1:] for samples in sized.values()}
    if len(shapes) > 1:
        raise refuse(
            f"the images of its parts differ in shape: {', '.join(map(str, sorted(shapes)))}",
            "choose one --size for all, and give all the same depth",
        )
    return Splits(parts.classes, sized["train"], sized.get("validation"), sized.get("test"), parts.notices)


def _complete(samples: Samples, size: tuple[int, int] | None, where: str) -> Samples:
    """Of one size, with the places of images that have no name, and their figures."""
    fits = size is None or samples.images.shape[1:3] == size
    images = samples.images if fits else resize(np.asarray(samples.images), size)
    names = samples.names
    if names is None:
        names = np.array([f"{where}{place}" for place in range(len(samples))], object)
    return Samples(images, samples.labels, names, samples.measured() if fits else measure(images))


def _name(source: str) -> str:
    if source.startswith(_OPENML):
        name = source.removeprefix(_OPENML)
    else:
        path = Path(source).resolve()
        name = path.stem if path.suffix.casefold() == ".npz" else path.name
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "images"


def _check_size(size: object) -> None:
    right = isinstance(size, tuple) and len(size) == 2 and all(_is_whole(side, 1, _LARGEST_SIDE) for side in size)
    if size is not None and not right:
        raise InputError(
            "size", size, f"height and width must be 1 to {_LARGEST_SIDE}", "give two whole numbers, 28 and 28 say"
        )


def _check_seed(seed: object) -> None:
    if not _is_whole(seed, 0, _LARGEST_SEED):
        raise InputError("seed", seed, f"must be from 0 to {_LARGEST_SEED}", "use 0, or another whole number")


def _is_whole(number: object, lowest: int, highest: int) -> bool:
    return isinstance(number, Integral) and lowest <= int(number) <= highest
