"""The images of an epoch, batch by batch, each prepared during the step before it."""

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
    """The indices of a step's images in the training split; images and labels of the share that was asked for."""

    indices: NDArray[np.int64]
    images: Pixels
    labels: Integers


def batches(
    samples: Samples,
    order: NDArray[np.int64],
    batch_size: int,
    augmentation: Augmentation | None = None,
    share: Callable[[int], slice] = slice,
) -> Iterator[Batch]:
    """Yield the samples in this order, batch by batch; the last batch may be smaller.

    Another thread copies and augments the next batch in the meantime. Its exceptions are raised here.

    Parameters
    ----------
    samples : Samples
    order : array of int, shape (count,)
        Indices of the samples.
    batch_size : int
    augmentation : Augmentation, optional
    share : callable, optional
        Selects images of a batch by their number; all if left out.

    Examples
    --------
    >>> samples = Samples(np.zeros((3, 6, 6, 1), np.uint8), np.array([7, 8, 9]))
    >>> [batch.labels.tolist() for batch in batches(samples, np.array([2, 0, 1]), 2)]
    [[9, 7], [8]]
    """

    def prepared(first: int) -> Batch:
        indices = order[first : first + batch_size]
        own = indices[share(len(indices))]
        images = samples.images[own]
        return Batch(indices, augmentation.apply(images, own) if augmentation else images, samples.labels[own])

    with ThreadPoolExecutor(1, "batches") as ahead:
        following = ahead.submit(prepared, 0)
        for first in range(0, len(order), batch_size):
            batch = following.result()
            if first + batch_size < len(order):
                following = ahead.submit(prepared, first + batch_size)
            yield batch
