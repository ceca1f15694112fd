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

from handgrad.data.arrays import Refusal
from handgrad.data.classes import to_splits
from handgrad.data.expansion import check_expansion
from handgrad.data.split import Splits
from handgrad.errors import DataError
from handgrad.pixel_range import Ranges

_ONE = ("images", "labels")
_TRAIN, _TEST = ("x_train", "y_train"), ("x_test", "y_test")
_LAYOUTS = {_ONE: [_ONE], _TRAIN: [_TRAIN], (*_TRAIN, *_TEST): [_TRAIN, _TEST]}
_KEYS = "images and labels, or x_train and y_train (and x_test and y_test); and classes, where labels number them"


def read_npz(path: Path, file_ranges: Ranges | None = None) -> Splits:
    """Read an ``.npz`` archive of images and labels, as in ``classes.to_splits``.

    Its arrays are ``images`` and ``labels``; or ``x_train`` and ``y_train``, and ``x_test`` and ``y_test`` if it has a
    test split. With either, ``classes`` may have the names that integer labels count from 0.
    """
    refuse = partial(DataError, "source", path)
    arrays = _read_arrays(path, refuse)
    one, two = ([key for key in keys if key in arrays] for keys in (_ONE, (*_TRAIN, *_TEST)))
    if one and two:
        raise refuse(f"it has {', '.join(one)} beside {', '.join(two)}, two layouts", f"save either {_KEYS}")
    layout = _LAYOUTS.get((*one, *two))
    if layout is None:
        raise refuse(f"it has {', '.join([*one, *two]) or 'none'} of the arrays needed", f"save {_KEYS}")
    pairs = [(arrays[images], arrays[labels]) for images, labels in layout]
    return to_splits(pairs, refuse, arrays.get("classes"), file_ranges)


def _read_arrays(path: Path, refuse: Refusal) -> dict[str, NDArray[Any]]:
    wanted = (*_ONE, "classes", *_TRAIN, *_TEST)
    try:
        # The error says what the parsers of a damaged header would warn about.
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
        raise refuse(f"it is no valid .npz file ({str(error) or type(error).__name__})", "save it again") from error


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, refuse: Refusal) -> NDArray[Any]:
    with archive.open(member) as file:
        read_header = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
        header = file.tell()
    if dtype.hasobject:
        rule = f"its array {member.filename} has pickled objects, which are never loaded"
        raise refuse(rule, "save it as numbers or with .astype(str)")
    size = header + math.prod(shape) * dtype.itemsize
    if size != member.file_size:
        claim = f"claims {size} bytes for the shape {shape}, {member.file_size} are there"
        raise refuse(f"its array {member.filename} {claim}", "save it again")
    stored = min(member.compress_size, Path(archive.filename or "").stat().st_size)
    check_expansion(size, stored, refuse, compressed=member.compress_type != zipfile.ZIP_STORED)
    with archive.open(member) as file:
        return np.asarray(npy.read_array(file, allow_pickle=False))
