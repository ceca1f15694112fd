"""Where everything of a network lies in the engine's buffers."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.architecture import Architecture, Convolution

CONVOLUTION = np.dtype((np.record,
    [
        (name, np.int64)
        for name in (
            "filters", "padded", "depth", "maps", "weighted", "pooled", "last",  # padded: to whole vectors
            "rows", "columns",  # of the result, after its pooling
            "stride", "area",  # of a row phase: of a row, of the whole
            "run", "bytes", "entry_run",  # positions of a phase of the result, and bytes of their bits; of what enters
            "error_area",  # of a phase of the error, zeros around it
            "S", "kept", "U",  # of an image: its maps, bits or winners, pooled maps
            "F", "table", "dF",  # packed filters, in empty patches, their gradient
            "sums",  # what a chunk adds up for it
            "alpha", "alpha_gradient",  # depth weights in the parameters, their gradient
            "dS", "E",  # a thread's scratch
        )
    ]
))  # fmt: skip
"""A convolution as the kernels see it; offsets count elements."""

DENSE = np.dtype((np.record, [(name, np.int64) for name in ("inputs", "outputs", "w", "b", "t", "turned", "row")]))
"""A dense layer as the kernels see it: weights and biases in the parameters, its result in an image's row, wᵀ."""

LINE = 16
"""Float32 numbers of a cache line."""


@dataclass(frozen=True)
class Plan:
    """Sizes and offsets that follow from an architecture.

    Parameters
    ----------
    architecture : Architecture
    lanes : int
        Numbers of a vector.
    """

    architecture: Architecture
    lanes: int

    @cached_property
    def sizes(self) -> dict[str, int]:
        """What kernels are compiled for."""
        p, (k1, k2) = self.architecture.pooling, self.architecture.filter_size
        across = 1 << (p + k2 - 2).bit_length()
        patch = max(16, across)
        weighted = any(layer.mixing_shape for layer in self.architecture.convolutions)
        return {
            "k1": k1, "k2": k2, "p": p, "weighted": int(weighted), "lanes": self.lanes, "across": across,
            "group": 4,            "patch": patch, "parts": -(-(p + k1 - 1) * across // patch),
        }  # fmt: skip

    @cached_property
    def convolutions(self) -> NDArray[Any]:
        """One ``CONVOLUTION`` record a layer."""
        architecture, p, (k1, k2) = self.architecture, self.architecture.pooling, self.architecture.filter_size
        records = np.zeros(len(architecture.convolutions), CONVOLUTION)
        stage_shape = architecture.input_shape
        for record, layer in zip(records, architecture.convolutions, strict=True):
            height, _, depth = layer.input_shape
            if layer.index > 1 and records[layer.index - 2]["pooled"]:
                stage_shape = layer.input_shape
            stride = stage_shape[1]
            reach = (p + k1 - 2) // p * stride + k2 - 1
            record["filters"], record["depth"] = layer.shape[2], depth
            record["padded"] = _whole(layer.shape[2], self.lanes)
            record["maps"] = layer.mixing_shape[1] if layer.mixing_shape else 1
            record["weighted"] = layer.mixing_shape is not None
            record["pooled"] = layer.pooled_shape is not None
            record["last"] = layer.index == len(records)
            record["rows"], record["columns"] = (layer.pooled_shape or layer.shape)[:2]
            record["stride"] = stride
            record["run"] = _whole(-(-layer.shape[0] // p) * stride, self.lanes)
            record["bytes"] = record["run"] // 8
            record["entry_run"] = _whole(-(-height // p) * stride, self.lanes)
            # What lies behind the last row is read with it, and is zero.
            slack = max(self.lanes + reach, self.sizes["across"])
            record["area"] = _whole(-(-stage_shape[0] // p) * stride + slack, LINE)
            record["alpha"] = self.parameter_places[layer.alpha] if record["weighted"] else 0
            before = -((1 - k1) // p) * stride + k2 - 1
            record["E"] = before
            record["error_area"] = _whole(before + record["area"], LINE)
        return self._placed(records)

    def _placed(self, records: NDArray[Any]) -> NDArray[Any]:
        p, taps = self.architecture.pooling, math.prod(self.architecture.filter_size)
        for record in records:
            maps, filters = int(record["maps"]), int(record["filters"])
            phases = maps * p * int(record["area"])
            cells = int(record["rows"] * record["columns"])
            pooled = bool(record["pooled"])
            patches = filters * maps * p * p * self.sizes["parts"] * self.sizes["patch"]
            sizes = {
                "S": phases,
                "dS": phases,
                "kept": cells * int(record["padded"]) if pooled else _whole(filters, 2) * p * int(record["bytes"]),
                "U": cells * filters if pooled and not record["last"] else 0,
                "F": (int(record["padded"]) if pooled else _whole(filters, self.sizes["group"])) * maps * taps,
                "table": patches if pooled else 0,
                "sums": patches if pooled else filters * maps * taps * self.lanes,
                "dF": filters * maps * taps,
                "alpha_gradient": int(record["depth"]) * maps if record["weighted"] else 0,
                "E": 0 if pooled else 2 * p * int(record["error_area"]),
            }
            kinds = {"kept": "winners" if pooled else "bits", "alpha_gradient": "dF"}
            for name, size in sizes.items():
                kind = kinds.get(name, name)
                record[name] += self.totals[kind]
                self.totals[kind] += size
            self.totals["dU"] = max(self.totals["dU"], sizes["U"])
            self.totals["alpha"] = max(self.totals["alpha"], maps * self.lanes)
        return records

    @cached_property
    def totals(self) -> Counter[str]:
        """Elements of each kind of buffer: of an image (S, bits, winners, U, t), of a thread or of the network."""
        return Counter()

    @cached_property
    def denses(self) -> NDArray[Any]:
        """One ``DENSE`` record a layer."""
        records = np.zeros(len(self.architecture.denses), DENSE)
        for record, layer in zip(records, self.architecture.denses, strict=True):
            record["inputs"], record["outputs"], record["t"] = layer.inputs, layer.outputs, self.totals["t"]
            record["w"], record["b"] = self.parameter_places[layer.w], self.parameter_places[layer.b]
            # An odd number of cache lines: rows an even number apart would share few places of the cache.
            record["row"] = (_whole(layer.inputs, LINE) // LINE | 1) * LINE
            record["turned"] = self.totals["turned"]
            self.totals["turned"] += int(record["row"]) * layer.outputs
            self.totals["t"] += layer.outputs
        self.totals["t"] = (_whole(self.totals["t"], LINE) // LINE | 1) * LINE
        return records

    @property
    def multiply_adds(self) -> int:
        """Of one image's forward pass."""
        convolutions = (math.prod((*layer.filter_shape, *layer.shape[:2])) for layer in self.architecture.convolutions)
        return sum(convolutions) + sum(layer.inputs * layer.outputs for layer in self.architecture.denses)

    @cached_property
    def gradient_places(self) -> NDArray[np.intp]:
        """Where in the parameters each number of a chunk's gradient belongs: filter by filter, map by map; then α."""
        pieces = []
        for layer in self.architecture.convolutions:
            pieces.append(self._filter_places(layer).ravel())
            if layer.mixing_shape:
                count = math.prod(layer.mixing_shape)
                pieces.append(self.parameter_places[layer.alpha] + np.arange(count))
        return np.concatenate(pieces)

    @cached_property
    def packing(self) -> dict[str, tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """What kernels read filters from, as (places there, places in the parameters); elsewhere there are zeros.

        ``F``: before a ReLU filter by filter, map by map; before a pooling map by map, tap by tap, the filters side by
        side. ``turned``: like the former, each filter turned by 180°. ``table``: see ``pooling.pool_back``.
        """
        pieces: dict[str, list[tuple[NDArray[np.intp], NDArray[np.intp]]]] = {"F": [], "turned": [], "table": []}
        for record, layer in zip(self.convolutions, self.architecture.convolutions, strict=True):
            places = self._filter_places(layer)
            if record["pooled"]:
                targets = np.arange(places[0].size)[:, np.newaxis] * record["padded"] + np.arange(len(places))
                pieces["F"].append((record["F"] + targets.ravel(), places.reshape(len(places), -1).T.ravel()))
                targets = record["table"] + self._patches(len(places) * places.shape[1])
                pieces["table"].append((targets.ravel(), np.repeat(places.ravel(), self.architecture.pooling**2)))
            else:
                targets = record["F"] + np.arange(places.size)
                pieces["F"].append((targets, places.ravel()))
                pieces["turned"].append((targets, places[:, :, ::-1, ::-1].ravel()))
        nothing = np.empty(0, np.intp)
        return {
            kind: (
                np.concatenate([a for a, _ in parts] or [nothing]),
                np.concatenate([b for _, b in parts] or [nothing]),
            )
            for kind, parts in pieces.items()
        }

    def _filter_places(self, layer: Convolution) -> NDArray[np.intp]:
        """Where in the parameters the filters lie: shape (filters, maps, k1, k2)."""
        k1, k2, *maps, filters = layer.filter_shape
        places = np.arange(math.prod(layer.filter_shape)).reshape(k1, k2, *(maps or [1]), filters)
        return self.parameter_places[layer.F] + places.transpose(3, 2, 0, 1)

    def _patches(self, filters: int) -> NDArray[np.intp]:
        """Where in a table each tap of so many filters lies, once for each winner: (filters, k1, k2, winners)."""
        p, (k1, k2) = self.architecture.pooling, self.architecture.filter_size
        size, across = self.sizes["parts"] * self.sizes["patch"], self.sizes["across"]
        number, a, b, winner = np.ogrid[:filters, :k1, :k2, : p * p]
        return (number * p * p + winner) * size + (winner // p + a) * across + winner % p + b

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
