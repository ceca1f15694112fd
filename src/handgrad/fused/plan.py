"""Where everything of a network lies in the engine's buffers."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.architecture import Architecture

LANES = 16
"""Runs and buffers are whole multiples of the widest vector's float32 lanes, or half of it."""

CONVOLUTION = np.dtype((np.record,
    [
        (name, np.int64)
        for name in (
            "filters", "depth", "maps", "weighted", "pooled", "last",
            "rows", "columns",  # cells of the result
            "stride", "area", "run",  # of a phase: of a row, of the whole, of the result's cells
            "entry_run",  # of the cells of what enters
            "margin", "error_area",  # of a phase of the error
            "bit_rows",  # of a convolution with a ReLU: those of its filters, to an even number
            "S", "kept", "U",  # an image's maps, bits or winners, pooled maps
            "F", "alpha", "alpha_gradient",  # packed filters; depth weights in the parameters; their gradient
            "dS", "dM", "E",  # a thread's scratch
        )
    ]
))  # fmt: skip
"""A convolution as the kernels see it; offsets count elements."""

DENSE = np.dtype((np.record, [(name, np.int64) for name in ("inputs", "outputs", "w", "b", "t")]))
"""A dense layer as the kernels see it: weights and biases in the parameters, its result in an image's scratch."""


@dataclass(frozen=True)
class Plan:
    """Sizes and offsets that follow from an architecture.

    Parameters
    ----------
    architecture : Architecture
    """

    architecture: Architecture

    @cached_property
    def convolutions(self) -> NDArray[Any]:
        """One ``CONVOLUTION`` record a layer."""
        architecture = self.architecture
        p, (k1, k2) = architecture.pooling, architecture.filter_size
        records = np.zeros(len(architecture.convolutions), CONVOLUTION)
        places = self.parameter_places
        stage_shape = architecture.input_shape
        for record, layer in zip(records, architecture.convolutions, strict=True):
            height, _, depth = layer.input_shape
            if layer.index > 1 and records[layer.index - 2]["pooled"]:
                stage_shape = layer.input_shape
            stride = -(-stage_shape[1] // p)
            reach = (p + k1 - 2) // p * stride + (p + k2 - 2) // p
            rows, columns = (-(-size // p) for size in layer.shape[:2])
            if layer.pooled_shape:
                rows, columns = layer.pooled_shape[:2]
            record["filters"], record["depth"] = layer.shape[2], depth
            record["maps"] = layer.depth_weight_shape[1] if layer.depth_weight_shape else 1
            record["weighted"] = layer.depth_weight_shape is not None
            record["pooled"] = layer.pooled_shape is not None
            record["last"] = layer.index == len(records)
            record["rows"], record["columns"], record["stride"] = rows, columns, stride
            record["run"] = _whole((rows - 1) * stride + columns, LANES // 2)
            record["entry_run"] = _whole(-(-height // p) * stride, LANES // 2)
            record["area"] = _whole(-(-stage_shape[0] // p) * stride + LANES // 2 + reach, LANES)
            record["margin"] = _whole(-((1 - k1) // p) * stride - (1 - k2) // p, LANES)
            record["error_area"] = record["margin"] + record["area"]
            record["alpha"] = places[layer.alpha] if record["weighted"] else 0
        return self._placed(records)

    def _placed(self, records: NDArray[Any]) -> NDArray[Any]:
        cells = self.architecture.pooling**2
        bytes_ = -(-cells // 8)
        for number, record in enumerate(records):
            following = records[number + 1]["maps"] if number + 1 < len(records) else 0
            record["bit_rows"] = _whole(record["filters"], 2) * bytes_
            maps, filters, run = int(record["maps"]), int(record["filters"]), int(record["run"])
            sizes = {
                "S": maps * cells * int(record["area"]) if number else 0,
                "kept": run * (filters if record["pooled"] else int(record["bit_rows"])),
                "U": filters * run if record["pooled"] else 0,
                "F": filters * maps * math.prod(self.architecture.filter_size),
                "alpha_gradient": int(record["depth"]) * maps if record["weighted"] else 0,
                "dS": maps * cells * int(record["area"]),
                "dM": int(following) * run if record["pooled"] and not record["last"] else 0,
                "E": cells * int(record["error_area"]),
            }
            kinds = {
                "kept": "winners" if record["pooled"] else "bits",
                "alpha_gradient": "F",
                "U": "last" if record["last"] else "U",
            }
            for name, size in sizes.items():
                kind = kinds.get(name, name)
                record[name] = self.totals[kind]
                self.totals[kind] += size
        return records

    @cached_property
    def totals(self) -> Counter[str]:
        """Elements of each kind of buffer: S, bits, winners, U, last (U of the last convolution), F, dS, dM, E, t."""
        return Counter()

    @cached_property
    def denses(self) -> NDArray[Any]:
        """One ``DENSE`` record a layer."""
        records = np.zeros(len(self.architecture.denses), DENSE)
        for record, layer in zip(records, self.architecture.denses, strict=True):
            record["inputs"], record["outputs"], record["t"] = layer.inputs, layer.outputs, self.totals["t"]
            record["w"], record["b"] = self.parameter_places[layer.w], self.parameter_places[layer.b]
            self.totals["t"] += layer.outputs
        return records

    @property
    def multiply_adds(self) -> int:
        """Of one image's forward pass."""
        convolutions = (math.prod((*layer.filter_shape, *layer.shape[:2])) for layer in self.architecture.convolutions)
        return sum(convolutions) + sum(layer.inputs * layer.outputs for layer in self.architecture.denses)

    @cached_property
    def packed_places(self) -> NDArray[np.intp]:
        """Where in the parameters each number of the packed filters lies: filter by filter, map by map.

        Behind them, where the depth weights' gradient comes to lie, the depth weights.
        """
        return self._places(turned=False)

    @cached_property
    def turned_places(self) -> NDArray[np.intp]:
        """As ``packed_places``, each filter turned by 180°."""
        return self._places(turned=True)

    def _places(self, turned: bool) -> NDArray[np.intp]:
        pieces = []
        for layer in self.architecture.convolutions:
            k1, k2, *maps, filters = layer.filter_shape
            places = np.arange(math.prod(layer.filter_shape)).reshape(k1, k2, *(maps or [1]), filters)
            places = places[::-1, ::-1] if turned else places
            pieces.append(self.parameter_places[layer.F] + places.transpose(3, 2, 0, 1).ravel())
            if layer.depth_weight_shape:
                count = math.prod(layer.depth_weight_shape)
                pieces.append(self.parameter_places[layer.alpha] + np.arange(count))
        return np.concatenate(pieces)

    @cached_property
    def parameter_places(self) -> dict[str, int]:
        """Offset of each parameter in the vector."""
        places, start = {}, 0
        for name, shape in self.architecture.parameter_shapes.items():
            places[name] = start
            start += math.prod(shape)
        return places


def _whole(size: int, unit: int) -> int:
    return -(-int(size) // unit) * unit
