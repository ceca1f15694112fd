"""Who computes a step: one process alone, or several that share each batch and add up what they find."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from handgrad.engine import Engine
from handgrad.parameters import Parameters
from handgrad.training.batches import Batch
from handgrad.typing import Array


class Workers(Protocol):
    """The processes that train one model together, seen by one of them; all have the same parameters."""

    count: int

    def share(self, images: int) -> slice:
        """Which of so many images this one computes."""

    def add(self, numbers: Array) -> None:
        """Put the sum over all workers in the place of this one's numbers: in each of them the same bits."""


class Alone:
    """One process, which computes everything."""

    count = 1

    def share(self, images: int) -> slice:
        """All of them."""
        return slice(images)

    def add(self, numbers: Array) -> None:
        """The sum over one is itself."""


ALONE = Alone()


def share_of(number: int, workers: int, images: int) -> slice:
    """What one of several workers computes: images in a row, as many as the others or one less.

    Examples
    --------
    >>> [share_of(number, 3, 8) for number in range(3)]
    [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
    """
    return slice(number * images // workers, (number + 1) * images // workers)


class Found(NamedTuple):
    """Of a whole batch: the gradient of its mean loss, the weighted sum of its losses in nats, images recognized."""

    gradient: Parameters
    loss: float
    correct: int


def both_passes(parameters: Parameters, batch: Batch, weights: Array | None, engine: Engine, workers: Workers) -> Found:
    """What a batch teaches: this worker computes its share of it, then one sum over the workers follows.

    Parameters
    ----------
    parameters : Parameters
    batch : Batch
        With the images of this worker's share.
    weights : array, shape (count,), optional
        How much each image of the training part counts; all alike if left out.
    engine : Engine
    workers : Workers
    """
    own = workers.share(len(batch.places))
    weight = None if weights is None else weights[batch.places[own]]
    if workers.count == 1:
        return _share(parameters, batch, weight, engine)
    vector = parameters.vector
    total = np.zeros(len(vector) + 2, vector.dtype)
    if len(batch.labels):
        gradient, loss, correct = _share(parameters, batch, weight, engine)
        total[-2:] = loss, correct
        # The gradient of a mean is that of its parts' means, each as much as it counts.
        part = counting(batch.places[own], weights) / (counting(batch.places, weights) or 1)
        np.multiply(gradient.vector, vector.dtype.type(part), out=total[:-2])
    workers.add(total)
    return Found(Parameters(parameters.architecture, total[:-2]), float(total[-2]), int(total[-1]))


def counting(places: NDArray[np.int64], weights: Array | None) -> float:
    """How many images those at these places count for."""
    return len(places) if weights is None else float(weights[places].sum())


def _share(parameters: Parameters, batch: Batch, weight: Array | None, engine: Engine) -> Found:
    losses, probabilities, gradient = engine.loss_and_gradients(parameters, batch.images, batch.labels, weight)
    loss = float(np.sum(losses if weight is None else losses * weight, dtype=np.float64))
    return Found(gradient, loss, int((probabilities.argmax(axis=1) == batch.labels).sum()))
