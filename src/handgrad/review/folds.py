"""Folds: every image is predicted by a network that was not trained on it, nor on a copy of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handgrad.data import Samples
from handgrad.errors import InputError

FOLDS = 5


def folds_of(
    samples: Samples, folds: int = FOLDS, seed: int = 0, objects: NDArray[np.object_] | None = None
) -> NDArray[np.int64]:
    """Return the fold of each image, each class spread as evenly as possible.

    Byte-identical images, and all images of one object, are in one fold.

    Parameters
    ----------
    samples : Samples
    folds : int
        At least 2, at most as many as there are images.
    seed : int
        Draws the folds.
    objects : array of str, shape (count,), optional
        The name of each image's object, as ``data.objects.objects_of`` returns it.

    Returns
    -------
    array of int64, shape (count,)

    Examples
    --------
    >>> images = np.arange(6, dtype=np.uint8).repeat(36).reshape(6, 6, 6, 1)
    >>> samples = Samples(images[[0, 1, 2, 3, 4, 0]], np.array([0, 0, 0, 1, 1, 1]))
    >>> folds = folds_of(samples, 2)
    >>> bool(folds[0] == folds[5]), sorted(np.bincount(folds).tolist())
    (True, [3, 3])
    """
    if type(folds) is not int or not 2 <= folds <= max(len(samples), 2):
        raise InputError("folds", folds, f"must be from 2 to the number of images, {len(samples)}", "try 5")
    units = _units(samples, objects)
    members = np.split(np.argsort(units, kind="stable"), np.cumsum(np.bincount(units))[:-1])
    rng = np.random.default_rng(seed)
    # The largest first, since they are the hardest to balance; otherwise at random.
    order = sorted(rng.permutation(len(members)).tolist(), key=lambda unit: -len(members[unit]))
    taken = np.zeros((folds, int(samples.labels.max()) + 1), np.int64)
    assigned = np.empty(len(samples), np.int64)
    for unit in order:
        labels = samples.labels[members[unit]]
        fold = np.lexsort((taken.sum(axis=1), taken[:, labels].sum(axis=1)))[0]
        np.add.at(taken[fold], labels, 1)
        assigned[members[unit]] = fold
    return assigned


def judged(labels: NDArray[np.int64], assigned: NDArray[np.int64], classes: int) -> NDArray[np.bool_]:
    """Return which classes are in two folds or more: no network that predicts an image of another has learned it."""
    pairs = np.unique(np.stack([labels, assigned]), axis=1)
    return np.bincount(pairs[0], minlength=classes) > 1


def _units(samples: Samples, objects: NDArray[np.object_] | None) -> NDArray[np.int64]:
    """Return a number for each image, the same for all that must stay together."""
    _, copies = np.unique(samples.figures.digests, axis=0, return_inverse=True)
    if objects is None:
        return copies.ravel()
    # Imported here, since SciPy takes a while.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # Each image is joined to its content and to its object.
    _, named = np.unique(objects.astype(str), return_inverse=True)
    count, contents = len(samples), int(copies.max()) + 1
    ends = np.concatenate([count + copies.ravel(), count + contents + named.ravel()])
    size = int(ends.max()) + 1
    edges = coo_array((np.ones(2 * count), (np.tile(np.arange(count), 2), ends)), shape=(size, size))
    _, units = connected_components(edges, directed=False)
    return np.unique(units[:count], return_inverse=True)[1].astype(np.int64)
