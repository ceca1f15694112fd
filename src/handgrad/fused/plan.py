"""Where everything of a network is in the engine's buffers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.architecture import Architecture, Convolution, Dense
from handgrad.fused.compilation import LINE
from handgrad.fused.sizes import rolls

Indices = NDArray[np.intp]

_LINE = LINE // 4
"""Float32 numbers of a cache line."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Sizes and offsets that follow from an architecture, all of them computed at once by ``plan_of``.

    `packing` says what kernels read filters from, as (indices there, indices in the parameters); elsewhere there are
    zeros. ``F``: before a ReLU filter by filter, map by map; before a pooling map by map, tap by tap, the filters side
    by side. ``turned``: like the former, each filter turned by 180°. ``table``: see ``pooling.pool_back``.
    """

    sizes: Mapping[str, int]  # what kernels are compiled for
    convolutions: NDArray[Any]  # records: every layer as the kernels see it; offsets count elements
    denses: NDArray[Any]
    totals: Mapping[str, int]  # elements of a buffer: of an image (S, bits, winners, U, t), a thread or the network
    packing: Mapping[str, tuple[Indices, Indices]]
    gradient_indices: Indices  # a chunk's gradient in the parameters: filter by filter, map by map; then α
    multiply_adds: int  # of one image's forward pass


def plan_of(architecture: Architecture, lanes: int) -> Plan:
    """Plan a network for vectors of `lanes` numbers.

    >>> plan = plan_of(Architecture(input_shape=(8, 8, 1), stages=((4, 4),)), lanes=16)
    >>> plan.convolutions["filters"].tolist(), plan.totals["t"]
    ([4, 4], 16)
    """
    sizes, offsets, totals = _sizes(architecture, lanes), _offsets(architecture), _Totals()
    layers, stage_shape = [], architecture.input_shape
    for layer in architecture.convolutions:
        if layer.input_kind == "pooling":
            stage_shape = layer.input_shape
        last = layer.index == len(architecture.convolutions)
        layers.append(_convolution(layer, last, stage_shape, sizes, offsets, totals))
    denses = [_dense(layer, offsets, totals) for layer in architecture.denses]
    totals["t"] = _odd_lines(totals["t"])
    multiply_adds = sum(math.prod((*layer.filter_shape, *layer.shape[:2])) for layer in architecture.convolutions)
    filters = [_filter_indices(layer, offsets) for layer in architecture.convolutions]
    return Plan(
        sizes=MappingProxyType(sizes),
        convolutions=_records(layers),
        denses=_records(denses),
        totals=MappingProxyType(totals),
        packing=MappingProxyType(_packing(layers, filters, sizes)),
        gradient_indices=_gradient_indices(architecture, filters, offsets),
        multiply_adds=multiply_adds + sum(layer.inputs * layer.outputs for layer in architecture.denses),
    )


class _Totals(Counter[str]):
    """Elements of each kind of buffer, counted while the layers take their shares."""

    def take(self, kind: str, size: int) -> int:
        """Return where the next `size` elements of this kind begin."""
        start = self[kind]
        self[kind] += size
        return start


def _sizes(architecture: Architecture, lanes: int) -> dict[str, int]:
    p, (k1, k2) = architecture.pooling, architecture.filter_size
    weighted = any(layer.mixing_shape for layer in architecture.convolutions)
    sizes = {"k1": k1, "k2": k2, "p": p, "weighted": int(weighted), "lanes": lanes, "group": 4}
    if rolls(p, k1, k2):
        across = _whole(k2, lanes)
        parts = k1 * across // lanes
        return sizes | {
            "across": across, "patch": lanes, "parts": parts, "together": 2 - p % 2, "beside": min(k2, 4),
            "cells": min(p, 8),
        }  # fmt: skip
    across = 1 << (p + k2 - 2).bit_length()
    patch = max(16, across)
    return sizes | {"across": across, "patch": patch, "parts": -(-(p + k1 - 1) * across // patch)}


def _convolution(
    layer: Convolution,
    last: bool,
    stage_shape: tuple[int, int, int],
    sizes: Mapping[str, int],
    offsets: Mapping[str, int],
    totals: _Totals,
) -> dict[str, int]:
    p, k1, k2, lanes = (sizes[name] for name in ("p", "k1", "k2", "lanes"))
    filters, maps = layer.shape[2], layer.mixing_shape[1] if layer.mixing_shape else 1
    rows, columns, _ = layer.pooled_shape or layer.shape
    padded, taps = _whole(filters, lanes), maps * k1 * k2
    stride = stage_shape[1]
    run = _whole(-(-layer.shape[0] // p) * stride, lanes)
    # What is behind the last row is read with it, and is zero.
    slack = max(lanes + (p + k1 - 2) // p * stride + _whole(k2, sizes.get("beside", 1)) - 1, sizes["across"])
    area = _whole(-(-stage_shape[0] // p) * stride + slack, _LINE)
    before = -((1 - k1) // p) * stride + k2 - 1
    error_area = _whole(before + area, _LINE)
    if layer.pooled_shape:
        # Patches for each winner; or one, with the sums of an image and of the chunk.
        patches = filters * maps * (2 if rolls(p, k1, k2) else p * p) * sizes["parts"] * sizes["patch"]
        kept = totals.take("winners", rows * columns * padded)
        needed = {"F": padded * taps, "table": patches, "sums": patches, "U": 0 if last else rows * columns * filters}
    else:
        kept = totals.take("bits", _whole(filters, 2) * p * (run // 8))
        needed = {"F": _whole(filters, sizes["group"]) * taps, "sums": filters * taps * lanes, "E": 2 * p * error_area}
    totals["dU"] = max(totals["dU"], needed.get("U", 0))
    totals["alpha_sums"] = max(totals["alpha_sums"], maps * lanes)
    return {
        "filters": filters,
        "padded": padded,  # filters, to whole vectors
        "depth": layer.input_shape[2],
        "maps": maps,
        "weighted": layer.mixing_shape is not None,
        "pooled": layer.pooled_shape is not None,
        "last": last,
        "rows": rows,  # of the result, after its pooling
        "columns": columns,
        "stride": stride,  # of a row of a row phase
        "area": area,  # of a row phase
        "run": run,  # positions of a phase of the result
        "bytes": run // 8,  # of their bits
        "entry_run": _whole(-(-layer.input_shape[0] // p) * stride, lanes),  # positions of a phase of the input
        "error_area": error_area,  # of a phase of the error, zeros around it
        "S": totals.take("S", maps * p * area),  # an image's maps, and their derivative
        "kept": kept,  # an image's bits or winners
        "U": totals.take("U", needed.get("U", 0)),  # an image's pooled maps
        "F": totals.take("F", needed["F"]),  # packed filters
        "table": totals.take("table", needed.get("table", 0)),  # filters in empty patches
        "dF": totals.take("dF", filters * taps),  # the filters' gradient
        "sums": totals.take("sums", needed["sums"]),  # what a chunk adds up for it
        "alpha": offsets[layer.alpha] if layer.mixing_shape else 0,  # depth weights in the parameters
        "alpha_gradient": totals.take("dF", math.prod(layer.mixing_shape or (0,))),
        "E": before + totals.take("E", needed.get("E", 0)),  # a thread's errors
    }


def _dense(layer: Dense, offsets: Mapping[str, int], totals: _Totals) -> dict[str, int]:
    row = _odd_lines(layer.inputs)
    return {
        "inputs": layer.inputs,
        "outputs": layer.outputs,
        "w": offsets[layer.w],  # in the parameters
        "b": offsets[layer.b],
        "t": totals.take("t", layer.outputs),  # its result in an image's row
        "turned": totals.take("turned", row * layer.outputs),  # wᵀ
        "row": row,  # of wᵀ
    }


@cache
def _kind(names: tuple[str, ...]) -> np.dtype[Any]:
    # One object for all networks: Numba recognizes it faster than another that is equal to it.
    return np.dtype((np.record, [(name, np.int64) for name in names]))


def _records(rows: list[dict[str, int]]) -> NDArray[Any]:
    return np.array([tuple(row.values()) for row in rows], _kind(tuple(rows[0])))


def _offsets(architecture: Architecture) -> dict[str, int]:
    """Return where in the vector each parameter begins."""
    shapes = architecture.parameter_shapes
    return dict(zip(shapes, accumulate(map(math.prod, shapes.values()), initial=0), strict=False))


def _filter_indices(layer: Convolution, offsets: Mapping[str, int]) -> Indices:
    """Return where in the parameters the filters are: shape (filters, maps, k1, k2)."""
    k1, k2, *maps, filters = layer.filter_shape
    indices = np.arange(math.prod(layer.filter_shape)).reshape(k1, k2, *(maps or [1]), filters)
    return offsets[layer.F] + indices.transpose(3, 2, 0, 1)


def _gradient_indices(architecture: Architecture, filters: list[Indices], offsets: Mapping[str, int]) -> Indices:
    pieces = []
    for layer, indices in zip(architecture.convolutions, filters, strict=True):
        pieces.append(indices.ravel())
        if layer.mixing_shape:
            pieces.append(offsets[layer.alpha] + np.arange(math.prod(layer.mixing_shape)))
    return np.concatenate(pieces)


def _packing(
    layers: list[dict[str, int]], filters: list[Indices], sizes: Mapping[str, int]
) -> dict[str, tuple[Indices, Indices]]:
    nothing = np.empty(0, np.intp)
    pieces: dict[str, list[tuple[Indices, Indices]]] = {name: [(nothing, nothing)] for name in ("F", "turned", "table")}
    for layer, indices in zip(layers, filters, strict=True):
        if layer["pooled"]:
            targets = np.arange(indices[0].size)[:, np.newaxis] * layer["padded"] + np.arange(len(indices))
            pieces["F"].append((layer["F"] + targets.ravel(), indices.reshape(len(indices), -1).T.ravel()))
            targets = layer["table"] + _patches(len(indices) * layer["maps"], sizes)
            pieces["table"].append((targets.ravel(), np.repeat(indices.ravel(), targets.shape[-1])))
        else:
            targets = layer["F"] + np.arange(indices.size)
            pieces["F"].append((targets, indices.ravel()))
            pieces["turned"].append((targets, indices[:, :, ::-1, ::-1].ravel()))
    return {
        name: (np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found]))
        for name, found in pieces.items()
    }


def _patches(filters: int, sizes: Mapping[str, int]) -> Indices:
    """Return where in a table each tap of every filter is, once for each winner: (filters, k1, k2, winners).

    Where the kernels are rolled, a table has the filters as if the first cell always won.
    """
    p, k1, k2, across = (sizes[name] for name in ("p", "k1", "k2", "across"))
    winners = 1 if rolls(p, k1, k2) else p * p
    number, a, b, winner = np.ogrid[:filters, :k1, :k2, :winners]
    patch = (number * winners + winner) * sizes["parts"] * sizes["patch"]
    return patch + (winner // p + a) * across + winner % p + b


def _odd_lines(size: int) -> int:
    """Return the size in whole cache lines, an odd number of them: rows an even number apart share few cache sets."""
    return (_whole(size, _LINE) // _LINE | 1) * _LINE


def _whole(size: int, unit: int) -> int:
    return -(-size // unit) * unit
