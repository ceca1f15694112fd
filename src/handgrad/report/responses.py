"""What each filter responds to: the images, and the places in them, where its response T is largest."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.architecture import Architecture
from handgrad.data import Samples
from handgrad.model import Model
from handgrad.notes import network
from handgrad.report.identity import path_of
from handgrad.typing import Array

_IMAGES = 512
_NUMBERS = 20_000_000
"""At most so many responses are computed, which takes a few tenths of a second."""
_FILTERS = 64
_STRONGEST = 6
_BATCH_NUMBERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """A response T, and where in which image the pixels lie that it is made of; the image's path."""

    image: int
    path: str | None
    row: int
    column: int
    response: float


@dataclass(frozen=True, slots=True)
class FilterResponse:
    """One filter.

    Parameters
    ----------
    filter : int
        Its number, from 1.
    weights : list
        Its numbers, shape (height, width), or (maps, height, width) where there are maps.
    active : float
        Share of the places in all images looked at where the response is above 0.
    strongest : tuple of Place
        Of different images, the strongest first.
    """

    filter: int
    weights: list[Any]
    active: float
    strongest: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class LayerResponses:
    """The filters of one convolution.

    Parameters
    ----------
    layer : str
        Name of the filters in the notes: F1.
    count : int
        Number of filters; at most 64 of them are in ``filters``.
    images : int
        Number of images looked at.
    field : tuple of int
        (height, width) of the pixels that one response is made of.
    filters : tuple of FilterResponse
    """

    layer: str
    count: int
    images: int
    field: tuple[int, int]
    filters: tuple[FilterResponse, ...]

    def to_dict(self) -> dict[str, Any]:
        """The responses as plain values, for JSON."""
        return asdict(self)


def strongest_responses(model: Model, samples: Samples) -> tuple[LayerResponses, ...]:
    """Where the filters of each convolution respond most, in some of the samples.

    Parameters
    ----------
    model : Model
    samples : Samples
        At most 512 of them are looked at, evenly spread; fewer where they are large.

    Returns
    -------
    tuple of LayerResponses

    Examples
    --------
    >>> from handgrad.parameters import Parameters
    >>> from handgrad.standardization import Standardization
    >>> parameters = Parameters.zeros(Architecture(input_shape=(6, 6, 1), stages=((1,),)))
    >>> parameters["F1"][1, 1, 0] = 1
    >>> image = np.zeros((1, 6, 6, 1), np.uint8)
    >>> image[0, 2, 3] = 255
    >>> model = Model(parameters, ("free", "defect"), Standardization((0.0,), (255.0,)))
    >>> strongest_responses(model, Samples(image, np.array([1])))[0].filters[0].strongest
    (Place(image=0, path=None, row=1, column=2, response=1.0),)
    """
    layers = model.architecture.convolutions
    size = sum(math.prod(layer.shape) for layer in layers)
    count = max(1, min(len(samples), _IMAGES, _NUMBERS // size))
    chosen = np.linspace(0, len(samples) - 1, count).round().astype(np.int64)
    largest, places, active = _searched(model, samples, chosen, max(1, _BATCH_NUMBERS // size))
    made = []
    for layer, (field, steps) in zip(layers, _fields(model.architecture), strict=True):
        filters = []
        for n in range(min(layer.shape[2], _FILTERS)):
            T = largest[layer.T][:, n]
            strongest = []
            for k in np.argsort(-T, kind="stable")[:_STRONGEST]:
                row, column = divmod(int(places[layer.T][k, n]), layer.shape[1])
                strongest.append(
                    Place(
                        int(chosen[k]), path_of(samples, int(chosen[k])), row * steps[0], column * steps[1], float(T[k])
                    )
                )
            # (height, width, maps, filters) or (height, width, filters)
            weights = np.moveaxis(model.parameters[layer.F][..., n], (0, 1), (-2, -1))
            filters.append(FilterResponse(n + 1, weights.tolist(), float(active[layer.T][n]), tuple(strongest)))
        made.append(LayerResponses(layer.F, layer.shape[2], count, field, tuple(filters)))
    return tuple(made)


def _searched(
    model: Model, samples: Samples, chosen: NDArray[np.int64], batch: int
) -> tuple[dict[str, Array], dict[str, NDArray[np.int64]], dict[str, Array]]:
    """Of each T: the largest of every image and filter, its place, and the share above 0 of every filter."""
    largest: dict[str, list[Array]] = defaultdict(list)
    places: dict[str, list[NDArray[np.int64]]] = defaultdict(list)
    above: dict[str, list[NDArray[np.int64]]] = defaultdict(list)
    layers = model.architecture.convolutions
    for start in range(0, len(chosen), batch):
        X = model.standardization.apply(samples.images[chosen[start : start + batch]], model.parameters.vector.dtype)
        values = network.convolutional_half(model.parameters, X)
        for layer in layers:
            T = values[layer.T].reshape(len(X), -1, layer.shape[2])
            best = T.argmax(axis=1)
            places[layer.T].append(best)
            largest[layer.T].append(np.take_along_axis(T, best[:, np.newaxis], axis=1)[:, 0])
            above[layer.T].append(np.count_nonzero(T > 0, axis=1))
    return (
        {name: np.concatenate(pieces) for name, pieces in largest.items()},
        {name: np.concatenate(pieces) for name, pieces in places.items()},
        {layer.T: np.concatenate(above[layer.T]).mean(axis=0) / math.prod(layer.shape[:2]) for layer in layers},
    )


def _fields(architecture: Architecture) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Of each convolution: the size of the pixels that a response is made of, and how far apart two responses' lie."""
    field, step = [1, 1], [1, 1]
    for layer in architecture.convolutions:
        for axis, side in enumerate(architecture.filter_size):
            field[axis] += (side - 1) * step[axis]
        yield (field[0], field[1]), (step[0], step[1])
        if layer.pooled_shape:
            for axis in (0, 1):
                field[axis] += (architecture.pooling - 1) * step[axis]
                step[axis] *= architecture.pooling
