"""What each filter responds to: the images, and the positions in them, where its response T is largest."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.architecture import Architecture
from handgrad.data import Samples
from handgrad.model import Model
from handgrad.notes import network

_IMAGES = 512
_NUMBERS = 20_000_000
"""At most this many responses are computed, which takes a few tenths of a second."""
_FILTERS = 64
_STRONGEST = 6
_BATCH_NUMBERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Response:
    """A response T: its image, by index and path, and the first row and column of the pixels that it is made of."""

    image: int
    path: str | None
    row: int
    column: int
    response: float


@dataclass(frozen=True, slots=True)
class FilterResponses:
    """One filter, by its number from 1.

    ``weights`` has the shape (height, width), or (maps, height, width) if there are maps. ``active`` is the share of
    all responses that are above 0. The ``strongest`` are from different images, in descending order.
    """

    filter: int
    weights: list[Any]
    active: float
    strongest: tuple[Response, ...]


@dataclass(frozen=True, slots=True)
class LayerResponses:
    """The filters of one convolution, under the notes' name: F1.

    ``filters`` has at most 64 of the ``count`` filters. ``images`` is the number of images searched, ``field`` the
    receptive field (height, width) in pixels.
    """

    layer: str
    count: int
    images: int
    field: tuple[int, int]
    filters: tuple[FilterResponses, ...]


def strongest_responses(model: Model, samples: Samples) -> tuple[LayerResponses, ...]:
    """Find where the filters of each convolution respond most, in at most 512 evenly spread samples."""
    layers = model.architecture.convolutions
    size = sum(math.prod(layer.shape) for layer in layers)
    count = max(1, min(len(samples), _IMAGES, _NUMBERS // size))
    chosen = np.linspace(0, len(samples) - 1, count).round().astype(np.int64)
    found = _searched(model, samples, chosen, max(1, _BATCH_NUMBERS // size))
    made = []
    for layer, (field, stride) in zip(layers, _fields(model.architecture), strict=True):
        largest, positions, above = found[layer.T]
        # (height, width, maps, filters) or (height, width, filters)
        weights = np.moveaxis(model.parameters[layer.F], (-1, 0, 1), (0, -2, -1))
        filters = []
        for n in range(min(layer.shape[2], _FILTERS)):
            strongest = []
            for k in np.argsort(-largest[:, n], kind="stable")[:_STRONGEST]:
                row, column = divmod(int(positions[k, n]), layer.shape[1])
                image, response = int(chosen[k]), float(largest[k, n])
                path = None if samples.names is None else str(samples.names[image])
                strongest.append(Response(image, path, row * stride, column * stride, response))
            active = float(above[:, n].mean() / math.prod(layer.shape[:2]))
            filters.append(FilterResponses(n + 1, weights[n].tolist(), active, tuple(strongest)))
        made.append(LayerResponses(layer.F, layer.shape[2], count, field, tuple(filters)))
    return tuple(made)


def _searched(
    model: Model, samples: Samples, chosen: NDArray[np.int64], batch: int
) -> dict[str, tuple[NDArray[Any], ...]]:
    """Return for every T, of each image and filter, the largest response, its position and how many are above 0."""
    pieces = defaultdict(list)
    for start in range(0, len(chosen), batch):
        X = model.standardization.apply(samples.images[chosen[start : start + batch]], model.parameters.vector.dtype)
        values = network.convolutional_half(model.parameters, X)
        for layer in model.architecture.convolutions:
            T = values[layer.T].reshape(len(X), -1, layer.shape[2])
            pieces[layer.T].append((T.max(axis=1), T.argmax(axis=1), np.count_nonzero(T > 0, axis=1)))
    return {name: tuple(map(np.concatenate, zip(*found, strict=True))) for name, found in pieces.items()}


def _fields(architecture: Architecture) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield for each convolution the receptive field of a response, and the stride between two, in pixels."""
    field, stride = np.ones(2, int), 1
    for layer in architecture.convolutions:
        field += (np.array(architecture.filter_size) - 1) * stride
        yield (int(field[0]), int(field[1])), stride
        if layer.pooled_shape:
            field += (architecture.pooling - 1) * stride
            stride *= architecture.pooling
