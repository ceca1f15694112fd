"""NumPy's archives of arrays; nothing in them is ever unpickled."""

from __future__ import annotations

import math
import warnings
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from handgrad.data.arrays import Refusal, to_images
from handgrad.data.classes import class_names, labelled
from handgrad.data.expansion import check_expansion
from handgrad.data.split import Splits
from handgrad.errors import DataError

_ONE = ("images", "labels")
_TRAIN, _TEST = ("x_train", "y_train"), ("x_test", "y_test")
_KEYS = "images and labels, or x_train and y_train (and x_test and y_test); and classes, where labels number them"


def read_npz(path: Path) -> Splits:
    """The images and labels of an ``.npz`` archive.

    Parameters
    ----------
    path : Path
        With the arrays ``images`` and ``labels``; or ``x_train`` and ``y_train``, and ``x_test`` and ``y_test`` for an
        own test part. With either, ``classes`` may hold the names that integer labels count from 0. Images as in
        ``arrays.to_images``; labels are integers or strings, one an image.

    Returns
    -------
    Splits

    Raises
    ------
    DataError
        If the archive is damaged, pickled, or its arrays are not these.
    """
    refuse = partial(DataError, "source", path)
    arrays = _read_arrays(path, refuse)
    keys = _layout(arrays, refuse)
    images = to_images([arrays[key] for key, _ in keys], refuse)
    labels = [arrays[key] for _, key in keys]
    if "classes" in arrays:
        names = arrays["classes"]
        classes = _checked_names(names, refuse)
        labels = [_named(numbers, names, refuse) for numbers in labels]
    else:
        classes = class_names(labels[0], refuse)
    parts = [labelled(*part, classes, refuse) for part in zip(images, labels, strict=True)]
    return Splits(classes, parts[0], test=parts[1] if len(parts) > 1 else None)


def _layout(arrays: dict[str, NDArray[Any]], refuse: Refusal) -> list[tuple[str, str]]:
    """The keys of the images and of the labels of each part."""
    one = [key for key in _ONE if key in arrays]
    two = [key for key in (*_TRAIN, *_TEST) if key in arrays]
    if one and two:
        raise refuse(f"it holds {', '.join(one)} beside {', '.join(two)}, two layouts", f"save either {_KEYS}")
    layouts = {_ONE: [_ONE], _TRAIN: [_TRAIN], (*_TRAIN, *_TEST): [_TRAIN, _TEST]}
    keys = layouts.get((*one, *two))
    if keys is None:
        raise refuse(f"it holds {', '.join([*one, *two]) or 'none'} of the arrays needed", f"save {_KEYS}")
    return keys


def _checked_names(names: NDArray[Any], refuse: Refusal) -> tuple[str, ...]:
    classes = tuple(map(str, names.ravel()))
    if names.ndim != 1 or names.dtype.kind != "U" or len(set(classes)) < len(classes):
        raise refuse(f"its classes are {names.dtype} of shape {names.shape}", "save one different name for each class")
    return classes


def _named(labels: NDArray[Any], names: NDArray[Any], refuse: Refusal) -> NDArray[Any]:
    if labels.dtype.kind not in "iu" or not labels.size:
        return labels
    if labels.min() < 0 or labels.max() >= len(names):
        raise refuse(
            f"its labels run from {labels.min()} to {labels.max()}; {len(names)} classes are 0 to {len(names) - 1}",
            "number the classes from 0, in the order of their names",
        )
    return names[labels]


def _read_arrays(path: Path, refuse: Refusal) -> dict[str, NDArray[Any]]:
    wanted = ("images", "labels", "classes", "x_train", "y_train", "x_test", "y_test")
    try:
        # What the parsers of a damaged header warn of is said by the error.
        with warnings.catch_warnings(), zipfile.ZipFile(path) as archive:
            warnings.simplefilter("ignore")
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            return {name: _read_array(archive, members[name], refuse) for name in wanted if name in members}
    except (DataError, MemoryError):
        raise
    except PermissionError as error:
        raise refuse("it cannot be read (permission denied)", "allow reading it") from error
    # The parsers of zip, deflate and NumPy headers fail on a damaged file wherever they happen to stop.
    except Exception as error:
        raise refuse(f"it is no sound .npz file ({str(error) or type(error).__name__})", "save it again") from error


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, refuse: Refusal) -> NDArray[Any]:
    with archive.open(member) as file:
        read_header = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
        header = file.tell()
    if dtype.hasobject:
        raise refuse(
            f"its array {member.filename} holds pickled objects, which are never loaded",
            "save it as numbers or with .astype(str)",
        )
    size = header + math.prod(shape) * dtype.itemsize
    if size != member.file_size:
        raise refuse(
            f"its array {member.filename} claims {size} bytes for the shape {shape}, {member.file_size} are there",
            "save it again",
        )
    stored = min(member.compress_size, Path(archive.filename or "").stat().st_size)
    check_expansion(size, stored, refuse, compressed=member.compress_type != zipfile.ZIP_STORED)
    with archive.open(member) as file:
        return np.asarray(npy.read_array(file, allow_pickle=False))
