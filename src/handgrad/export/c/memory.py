"""Memory of the C program: constants in flash, and in RAM no more of an image than the next number needs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from handgrad.architecture import Architecture, Convolution
from handgrad.export.quantization import quantize
from handgrad.graph import Node, graph
from handgrad.model import Model
from handgrad.notes.operations import axes_of

_FLOAT = _INT = _POINTER = 4
"""Bytes on a machine of 32 bits."""
_CODE = 400
"""Bytes of code of a convolution, and of all else: one convolution was measured at 644, five with maps at 2,680."""


class Table(NamedTuple):
    """A constant array of the C program, int8 or float, and its description."""

    name: str
    array: np.ndarray[Any, Any]
    comment: str

    @property
    def type(self) -> str:
        """The C type of its numbers."""
        return "int8_t" if self.array.dtype == np.int8 else "float"

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.array.size * (1 if self.array.dtype == np.int8 else _FLOAT)


OPERATIONS = ("weigh_depth", "convolve_maps", "convolve", "relu", "pool", "flatten", "dense", "softmax")
"""The operations that the C program implements."""


class Window(NamedTuple):
    """The rows of a convolution's input map that are in memory at a time.

    A convolution reads the sum of its input over the channels (or K weighted sums, N32), so this one map is all that is
    kept of the previous layer; and of the map, only the rows that the next row of results needs.

    Attributes
    ----------
    layer : Convolution
    line : str
        The line of the convolution, "N3".
    rows : int
        As many as one row of H or U needs.
    kept : int
        Those that the next row of results needs again.
    shape : tuple of int
        (rows, width), and K if there are mixing weights.
    """

    layer: Convolution
    line: str
    rows: int
    kept: int
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """Name of the map: S, as in N32."""
        return self.layer.S

    @property
    def maps(self) -> int | None:
        """K, if there are mixing weights."""
        return self.layer.mixing_shape[1] if self.layer.mixing_shape else None


def windows(architecture: Architecture) -> list[Window]:
    """Return the window of each convolution.

    Examples
    --------
    >>> [window.shape for window in windows(Architecture(input_shape=(28, 28, 1)))]
    [(3, 28), (4, 26)]
    """
    result = []
    lines = {node.name: node.line for node in graph(architecture)}
    for layer in architecture.convolutions:
        kept = layer.filter_shape[0] - 1
        rows = kept + (architecture.pooling if layer.pooled_shape else 1)
        K = layer.mixing_shape[1:] if layer.mixing_shape else ()
        result.append(Window(layer, lines[layer.T], rows, kept, (rows, layer.input_shape[1], *K)))
    return result


def tables(model: Model, int8: bool) -> Iterator[Table]:
    """Yield all constants in the order of the forward pass: float32, or int8 for filters and dense weights."""
    pixels = "of the training pixels, one for each channel"
    yield Table("mean", np.array(model.standardization.mean), f"Mean {pixels}.")
    yield Table("std", np.array(model.standardization.std), f"Standard deviation {pixels}.")
    nodes = graph(model.architecture)
    axes = axes_of(nodes)
    for node in nodes:
        if node.operation == "parameter":
            yield from _parameter(node, model, axes[node.name], int8)


def _parameter(node: Node, model: Model, axes: str, int8: bool) -> Iterator[Table]:
    name = node.name
    numbers: np.ndarray[Any, Any] = model.parameters[name]
    scale = None
    if int8 and name in model.architecture.decayed:
        numbers, scale = quantize(numbers)
    if axes[:2] == "ab":
        # The filter's axis first: the weights of a filter are read together.
        numbers, axes = np.moveaxis(numbers, -1, 0), axes[-1] + axes[:-1]
    indices = "".join(f"[{letter}]" for letter in axes)
    yield Table(name, numbers, f"{node.line}: {name}{indices}.")
    if scale is not None:
        yield Table(f"{name}_scale", scale, f"The scale of {name}'s integers, one for each output.")


class Memory(NamedTuple):
    """Bytes on a machine of 32 bits.

    Attributes
    ----------
    constants : int
        Of the tables and class names, in flash.
    code : int
        Estimate of the compiled code for ARM's Thumb (-Os), also in flash.
    ram : int
        All static memory; the image and the probabilities belong to the caller.
    """

    constants: int
    code: int
    ram: int


def measure(model: Model, int8: bool) -> Memory:
    """Return the bytes of everything in ``windows`` and ``tables``.

    Examples
    --------
    >>> from handgrad.parameters import Parameters
    >>> from handgrad.standardization import Standardization
    >>> network = Parameters.zeros(Architecture(input_shape=(8, 8, 1), stages=((2,),), hidden=()))
    >>> measure(Model(network, ("a", "b"), Standardization((0.0,), (1.0,))), int8=False)
    Memory(constants=244, code=800, ram=156)
    """
    architecture = model.architecture
    names = sum(len(name.encode("utf-8", "backslashreplace")) + 1 + _POINTER for name in model.classes)
    held = windows(architecture)
    # The first dense layer's results twice: the sums, and the sums of one row.
    results = [dense.outputs for dense in (architecture.denses[0], *architecture.denses)]
    floats = sum(math.prod(window.shape) for window in held) + sum(results)
    # The number of rows in each window, and the rows and cells of x' so far.
    counters = len(held) + 2
    return Memory(
        constants=sum(table.bytes for table in tables(model, int8)) + names,
        code=_CODE * (1 + len(held)),
        ram=floats * _FLOAT + counters * _INT,
    )
