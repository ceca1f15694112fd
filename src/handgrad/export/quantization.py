"""Filters and dense weights as integers of eight bits, with one scale for each filter and each neuron."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handgrad.parameters import Parameters
from handgrad.typing import Array

_LARGEST = 127


class Quantized(NamedTuple):
    """A quantized tensor: ``integers * scale`` is close to the original.

    Attributes
    ----------
    integers : array of int8, of the tensor's shape
        From −127 to 127.
    scale : array of float32, shape (outputs,)
        One for each filter or neuron, the tensor's last axis.
    """

    integers: NDArray[np.int8]
    scale: NDArray[np.float32]


def quantize(weights: Array) -> Quantized:
    """Quantize the weights of each output in 255 even steps, symmetric around 0, up to the largest of them.

    Parameters
    ----------
    weights : array, shape (..., outputs)

    Returns
    -------
    Quantized

    Examples
    --------
    >>> quantize(np.array([[1.27, 0.5], [-0.64, 0.25]])).integers
    array([[127, 127],
           [-64,  64]], dtype=int8)
    """
    largest = np.abs(weights).max(axis=tuple(range(weights.ndim - 1)))
    # The scale of an output of zeros does not matter, but no scale may be so small that a quotient is infinite.
    scale = np.maximum(largest / _LARGEST, np.finfo(np.float32).tiny).astype(np.float32)
    integers = np.clip(np.rint(weights / scale.astype(np.float64)), -_LARGEST, _LARGEST)
    return Quantized(integers.astype(np.int8), scale)


def rounded(parameters: Parameters) -> Parameters:
    """Return the parameters of a network with int8 weights: filters and dense weights rounded, the rest unchanged.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> parameters = Parameters.draw(Architecture(), np.random.default_rng(0))
    >>> step = np.abs(parameters["F1"]).max(axis=(0, 1)) / 127
    >>> bool((np.abs(rounded(parameters)["F1"] - parameters["F1"]) <= 0.51 * step).all())
    True
    """
    result = parameters.copy()
    for name in parameters.architecture.decayed:
        integers, scale = quantize(parameters[name])
        result[name][...] = integers * scale
    return result
