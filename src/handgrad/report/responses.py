"""What each filter responds to: the images, and the places in them, where its response T is largest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from handgrad.architecture import Architecture
from handgrad.data import Samples
from handgrad.model import Model
from handgrad.notes import network
from handgrad.typing import Array

_IMAGES = 512
_NUMBERS = 20_000_000
"""At most so many responses are computed, which takes a few tenths of a second."""
_FILTERS = 64
_STRONGEST = 6
_BATCH_NUMBERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """A response T, and where in which image the pixels lie that it is made of."""

    image: int
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
    >>> from handgrad.standardisation import Standardisation
    >>> parameters = Parameters.zeros(Architecture(input_shape=(6, 6, 1), stages=((1,),)))
    >>> parameters["F1"][1, 1, 0] = 1
    >>> image = np.zeros((1, 6, 6, 1), np.uint8)
    >>> image[0, 2, 3] = 255
    >>> model = Model(parameters, ("free", "defect"), Standardisation((0.0,), (255.0,)))
    >>> strongest_responses(model, Samples(image, np.array([1])))[0].filters[0].strongest
    (Place(image=0, row=1, column=2, response=1.0),)
    """
    layers = model.architecture.convolutions
    size = sum(int(np.prod(layer.shape)) for layer in layers)
    count = max(1, min(len(samples), _IMAGES, _NUMBERS // size))
    chosen = np.linspace(0, len(samples) - 1, count).round().astype(np.int64)
    largest: dict[str, list[Array]] = {layer.T: [] for layer in layers}
    where: dict[str, list[Array]] = {layer.T: [] for layer in layers}
    active = {layer.T: np.zeros(layer.shape[2]) for layer in layers}
    batch = max(1, _BATCH_NUMBERS // size)
    for start in range(0, count, batch):
        X = model.standardisation.apply(samples.images[chosen[start : start + batch]], model.parameters.vector.dtype)
        values = network.convolutional_half(model.parameters, X)
        for layer in layers:
            T = values[layer.T].reshape(len(X), -1, layer.shape[2])
            best = T.argmax(axis=1)
            where[layer.T].append(best)
            largest[layer.T].append(np.take_along_axis(T, best[:, np.newaxis], axis=1)[:, 0])
            active[layer.T] += (T > 0).sum(axis=(0, 1))
    fields, made = dict(_fields(model.architecture)), []
    for layer in layers:
        strongest, at = np.concatenate(largest[layer.T]), np.concatenate(where[layer.T])
        (height, width), (down, right) = fields[layer.F]
        filters = []
        for n in range(min(layer.shape[2], _FILTERS)):
            order = np.argsort(-strongest[:, n], kind="stable")[:_STRONGEST]
            places = tuple(
                Place(
                    image=int(chosen[k]),
                    row=int(at[k, n]) // layer.shape[1] * down,
                    column=int(at[k, n]) % layer.shape[1] * right,
                    response=float(strongest[k, n]),
                )
                for k in order
            )
            # (height, width, maps, filters) or (height, width, filters)
            weights = np.moveaxis(model.parameters[layer.F][..., n], (0, 1), (-2, -1))
            share = float(active[layer.T][n] / (count * layer.shape[0] * layer.shape[1]))
            filters.append(FilterResponse(n + 1, weights.tolist(), share, places))
        made.append(LayerResponses(layer.F, layer.shape[2], count, (height, width), tuple(filters)))
    return tuple(made)


def _fields(architecture: Architecture) -> Iterator[tuple[str, tuple[tuple[int, int], tuple[int, int]]]]:
    """Of each convolution: the size of the pixels that a response is made of, and how far apart two responses' lie."""
    field, step = [1, 1], [1, 1]
    for layer in architecture.convolutions:
        for axis, side in enumerate(architecture.filter_size):
            field[axis] += (side - 1) * step[axis]
        yield layer.F, ((field[0], field[1]), (step[0], step[1]))
        if layer.pooled_shape:
            for axis in (0, 1):
                field[axis] += (architecture.pooling - 1) * step[axis]
                step[axis] *= architecture.pooling
