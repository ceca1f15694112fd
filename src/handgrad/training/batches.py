"""The images of an epoch, batch by batch, prepared while the step before is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handgrad.data import Samples
from handgrad.training.augmentation import Augmentation
from handgrad.typing import Integers, Pixels


class Batch(NamedTuple):
    """The places of a step's images in the training part; of the share that is wanted of them, pixels and classes."""

    places: NDArray[np.int64]
    images: Pixels
    labels: Integers


def batches(
    samples: Samples,
    order: NDArray[np.int64],
    batch_size: int,
    augmentation: Augmentation | None = None,
    share: Callable[[int], slice] = slice,
) -> Iterator[Batch]:
    """The samples in this order, so many at a time; the last batch may have less.

    Another thread copies and augments the next batch meanwhile. What it raises is raised here.

    Parameters
    ----------
    samples : Samples
    order : array of int, shape (count,)
        Places of the samples.
    batch_size : int
    augmentation : Augmentation, optional
    share : callable, optional
        Which of so many images of a batch are wanted; all if left out.

    Examples
    --------
    >>> samples = Samples(np.zeros((3, 6, 6, 1), np.uint8), np.array([7, 8, 9]))
    >>> [batch.labels.tolist() for batch in batches(samples, np.array([2, 0, 1]), 2)]
    [[9, 7], [8]]
    """

    def prepared(first: int) -> Batch:
        places = order[first : first + batch_size]
        own = places[share(len(places))]
        images = samples.images[own]
        return Batch(places, augmentation.apply(images, own) if augmentation else images, samples.labels[own])

    with ThreadPoolExecutor(1, "batches") as ahead:
        following = ahead.submit(prepared, 0)
        for first in range(0, len(order), batch_size):
            batch = following.result()
            if first + batch_size < len(order):
                following = ahead.submit(prepared, first + batch_size)
            yield batch
