"""The memory of the C program: constants in flash; in RAM no more of an image than the next number needs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from handgrad.architecture import Architecture, Convolution
from handgrad.export.c.literals import utf8
from handgrad.export.quantization import quantize
from handgrad.graph import graph
from handgrad.model import Model
from handgrad.notes.operations import axes_of

OPERATIONS = ("weigh_depth", "convolve_maps", "convolve", "relu", "pool", "flatten", "dense", "softmax")
"""The operations that the C program has."""
_FLOAT = _INT = _POINTER = 4
"""Bytes on a 32-bit machine."""
_CODE = 400
"""Bytes of code of a convolution, and of all else: one convolution was measured at 644, five with maps at 2,680."""


class Table(NamedTuple):
    """Constants of the C program: an array of int8 or float32, and the comment above it."""

    name: str
    array: np.ndarray[Any, Any]
    comment: str

    @property
    def type(self) -> str:
        """The C type of its numbers."""
        return "int8_t" if self.array.dtype == np.int8 else "float"


class Window(NamedTuple):
    """The rows of a convolution's input map that are in memory at one time.

    A convolution reads the sum of its input over the channels (or K weighted sums, N32), so this one map is all that is
    kept of the layer before; and of the map, only the rows from which the next row of results (of H or U) is made.
    Of these `rows`, the next row of results needs the last `kept` again.
    """

    layer: Convolution
    line: str
    name: str
    maps: int | None
    rows: int
    kept: int
    shape: tuple[int, ...]


def windows(architecture: Architecture) -> list[Window]:
    """Return the window of each convolution; its shape is (rows, width), followed by K if there are depth weights.

    >>> [window.shape for window in windows(Architecture(input_shape=(28, 28, 1)))]
    [(3, 28), (4, 26)]
    """
    result = []
    lines = {node.name: node.line for node in graph(architecture)}
    for layer in architecture.convolutions:
        kept = layer.filter_shape[0] - 1
        rows = kept + (architecture.pooling if layer.pooled_shape else 1)
        maps = layer.mixing_shape[1] if layer.mixing_shape else None
        shape = (rows, layer.input_shape[1], *([maps] if maps else []))
        result.append(Window(layer, lines[layer.T], layer.S, maps, rows, kept, shape))
    return result


def tables(model: Model, int8: bool) -> Iterator[Table]:
    """Yield all constants in the order of the forward pass, as float32, or filters and dense weights as int8."""
    pixels = "of the training pixels, one for each channel"
    yield Table("mean", np.array(model.standardization.mean, np.float32), f"Mean {pixels}.")
    yield Table("std", np.array(model.standardization.std, np.float32), f"Standard deviation {pixels}.")
    nodes = graph(model.architecture)
    axes = axes_of(nodes)
    for name, line in ((node.name, node.line) for node in nodes if node.operation == "parameter"):
        rounds = int8 and name in model.architecture.decayed
        numbers, scale = (
            quantize(model.parameters[name]) if rounds else (model.parameters[name].astype("float32"), None)
        )
        letters = axes[name]
        if letters[:2] == "ab":
            # The number of the filter first: the weights of a filter are read together.
            numbers, letters = np.moveaxis(numbers, -1, 0), letters[-1] + letters[:-1]
        yield Table(name, numbers, f"{line}: {name}{''.join(f'[{letter}]' for letter in letters)}.")
        if scale is not None:
            yield Table(f"{name}_scale", scale, f"The scale of {name}'s integers, one for each output.")


class Memory(NamedTuple):
    """Bytes on a 32-bit machine."""

    constants: int
    """The tables and class names, in flash."""
    code: int
    """About what a compiler makes of the rest for ARM's Thumb (-Os), in flash too."""
    ram: int
    """All static memory; the image and the probabilities belong to the caller."""


def measure(model: Model, int8: bool) -> Memory:
    """Return the bytes of all ``windows`` and ``tables``."""
    architecture = model.architecture
    names = sum(len(utf8(name)) + 1 + _POINTER for name in model.classes)
    held = windows(architecture)
    # The results of the first dense layer twice: their sums, and the sums of one row.
    results = [dense.outputs for dense in (architecture.denses[0], *architecture.denses)]
    floats = sum(math.prod(window.shape) for window in held) + sum(results)
    # The number of rows in each window, and how many rows and numbers of x' there were.
    counters = len(held) + 2
    return Memory(
        constants=sum(table.array.nbytes for table in tables(model, int8)) + names,
        code=_CODE * (1 + len(held)),
        ram=floats * _FLOAT + counters * _INT,
    )
