"""Who computes a step: one process, or several that share each batch and add up their results."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from handgrad.engine import Engine
from handgrad.parameters import Parameters
from handgrad.training.batches import Batch
from handgrad.typing import Array


class Workers(Protocol):
    """The processes that train one model together, as one of them sees them; all have the same parameters."""

    count: int

    def share(self, images: int) -> slice:
        """Select this worker's share of a number of images."""

    def add(self, numbers: Array) -> None:
        """Replace this worker's numbers by the sum over all workers, bit for bit the same in each of them."""


class Alone:
    """One process that computes everything."""

    count = 1

    def share(self, images: int) -> slice:
        """Select all of them."""
        return slice(images)

    def add(self, numbers: Array) -> None:
        """Do nothing: the sum over one is itself."""


ALONE = Alone()


def share_of(number: int, workers: int, images: int) -> slice:
    """Select what one of several workers computes: consecutive images, as many as the others or one fewer.

    Examples
    --------
    >>> [share_of(number, 3, 8) for number in range(3)]
    [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
    """
    return slice(number * images // workers, (number + 1) * images // workers)


class Found(NamedTuple):
    """Of a whole batch: the gradient of its mean loss, the weighted sum of its losses in nats, its correct images."""

    gradient: Parameters
    loss: float
    correct: int


def both_passes(parameters: Parameters, batch: Batch, weights: Array | None, engine: Engine, workers: Workers) -> Found:
    """Compute this worker's share of a batch, and add up those of all workers.

    Parameters
    ----------
    parameters : Parameters
    batch : Batch
        It has the images of this worker's share.
    weights : array, shape (count,), optional
        Weight of each image of the training split; equal if left out.
    engine : Engine
    workers : Workers
    """
    own = workers.share(len(batch.indices))
    weight = None if weights is None else weights[batch.indices[own]]
    if workers.count == 1:
        return _share(parameters, batch, weight, engine)
    vector = parameters.vector
    total = np.zeros(len(vector) + 2, vector.dtype)
    if len(batch.labels):
        gradient, loss, correct = _share(parameters, batch, weight, engine)
        total[-2:] = loss, correct
        # The gradient of a mean is the weighted mean of the shares' gradients.
        share = total_weight(batch.indices[own], weights) / (total_weight(batch.indices, weights) or 1)
        np.multiply(gradient.vector, vector.dtype.type(share), out=total[:-2])
    workers.add(total)
    return Found(Parameters(parameters.architecture, total[:-2]), float(total[-2]), int(total[-1]))


def total_weight(indices: NDArray[np.int64], weights: Array | None) -> float:
    """Return the total weight of the images with these indices."""
    return len(indices) if weights is None else float(weights[indices].sum())


def _share(parameters: Parameters, batch: Batch, weight: Array | None, engine: Engine) -> Found:
    losses, probabilities, gradient = engine.loss_and_gradients(parameters, batch.images, batch.labels, weight)
    loss = float(np.sum(losses if weight is None else losses * weight, dtype=np.float64))
    return Found(gradient, loss, int((probabilities.argmax(axis=1) == batch.labels).sum()))
