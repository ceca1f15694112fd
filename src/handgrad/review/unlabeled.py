"""Pictures without labels, and those among them that would teach the model most."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from handgrad.data import Samples
from handgrad.data.arrays import to_channels
from handgrad.data.cache import Cache
from handgrad.data.image_files import Reader
from handgrad.data.walking import files_below
from handgrad.errors import DataError
from handgrad.model import Model
from handgrad.notes import network
from handgrad.typing import Array, Images, Progress

_POOL = 10
"""Uncertain pictures for each one that is suggested: the most diverse of them are."""

_BATCH = 64


@dataclass(frozen=True, eq=False)
class Unlabeled:
    """Pictures of a folder as the model takes them, by their paths from it."""

    root: Path
    names: NDArray[np.object_]
    images: Images
    digests: NDArray[np.uint8]
    notices: tuple[str, ...] = ()


def beside_the_classes(root: Path) -> list[str]:
    """Return the picture files that lie directly in a folder of class folders."""
    endings = Image.registered_extensions()
    names = (entry for entry in sorted(root.iterdir()) if not entry.name.startswith("."))
    return [str(path) for path in names if path.suffix.casefold() in endings and path.is_file()]


def read_unlabeled(
    model: Model,
    root: Path,
    paths: list[str] | None = None,
    cache: Cache | None = None,
    progress: Progress | None = None,
) -> Unlabeled:
    """Read pictures in the model's size: these files, or all below a folder.

    Raises
    ------
    DataError
        If there is no picture, or they are in color and the model takes grey.
    """
    refuse = partial(DataError, "unlabeled", root)
    height, width, channels = model.architecture.input_shape
    try:
        if paths is None:
            if not root.is_dir():
                raise refuse("it is no folder", "check the path")
            paths = list(files_below(root))
        try:
            reader = Reader(root, paths, cache, False, progress, model.file_ranges)
            decoded = reader.decode(np.arange(len(paths)), (height, width))
        except OSError:
            # The pictures raise DataErrors: this is the cache.
            reader = Reader(root, paths, None, False, progress, model.file_ranges)
            decoded = reader.decode(np.arange(len(paths)), (height, width))
    except OSError as error:
        raise refuse(f"it cannot be read ({error.strerror or error})", "check the path and its permissions") from error
    if not len(decoded.indices):
        raise refuse("it holds no picture that can be read", "check the path")
    names = np.array([os.path.relpath(paths[index], root) for index in decoded.indices], object)
    images = to_channels(decoded.images, channels, refuse)
    skipped = len(reader.skipped)
    notices = (f"{skipped} of {len(paths)} files in {root} were skipped: they are no pictures",) if skipped else ()
    return Unlabeled(root, names, images, decoded.figures.digests, notices)


def suggested(model: Model, pictures: Unlabeled, known: Samples, probabilities: Array, count: int) -> NDArray[np.int64]:
    """Choose the pictures to label next: those the model is least certain of, no two of them alike.

    The uncertain ones have the smallest margin between their two most probable classes (Scheffer et al., 2001). Of ten
    times as many as are wanted, each next one is the farthest from those before in the last hidden layer, as in the
    k-center greedy algorithm of Sener and Savarese (ICLR 2018). Copies of labeled pictures, and of each other, are left
    out.

    Parameters
    ----------
    model : Model
    pictures : Unlabeled
    known : Samples
        The labeled pictures.
    probabilities : array, shape (pictures, classes)
        The model's.
    count : int
        How many to choose at most.

    Returns
    -------
    array of int64, shape (chosen,)
        Indices of pictures, the most worthwhile first.
    """
    labeled = {digest.tobytes() for digest in known.figures.digests}
    _, first = np.unique(pictures.digests, axis=0, return_index=True)
    new = np.array([index for index in np.sort(first) if pictures.digests[index].tobytes() not in labeled], np.int64)
    two = np.sort(probabilities[new], axis=1)[:, -2:]
    pool = new[np.argsort(two[:, 1] - two[:, 0], kind="stable")][: _POOL * count]
    if len(pool) <= count:
        return pool
    return pool[farthest_first(features(model, pictures.images, pool), count)]


def farthest_first(points: Array, count: int) -> NDArray[np.int64]:
    """Return the indices of the first point, and of others, each as far as possible from all before.

    Examples
    --------
    >>> farthest_first(np.array([[0.0], [0.1], [5.0], [2.0]]), 3)
    array([0, 2, 3])
    """
    chosen = [0]
    distance = ((points - points[0]) ** 2).sum(axis=1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(distance.argmax()))
        np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(axis=1), out=distance)
    return np.array(chosen, np.int64)


def features(model: Model, images: Images, indices: NDArray[np.int64]) -> Array:
    """Return what enters the last dense layer for some of the images, by the notes engine."""
    last, parameters = model.architecture.denses[-1].input, model.parameters
    found = []
    for start in range(0, len(indices), _BATCH):
        batch = np.asarray(images[indices[start : start + _BATCH]])
        X = model.standardization.apply(batch, parameters.vector.dtype)
        values = network.convolutional_half(parameters, X)
        found.append((values | network.dense_half(parameters, values["x'"]))[last])
    return np.concatenate(found).astype(np.float64)
