"""Filters and dense weights as int8, with a scale for each filter and each neuron."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handgrad.parameters import Parameters
from handgrad.typing import Array

_LARGEST = 127


def quantize(weights: Array) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round weights of shape (..., outputs) to integers from −127 to 127; return these and the scale of each output.

    ``integers * scale`` is close to the weights.

    >>> quantize(np.array([[1.27, 0.5], [-0.64, 0.25]]))[0]
    array([[127, 127],
           [-64,  64]], dtype=int8)
    """
    largest = np.abs(weights).max(axis=tuple(range(weights.ndim - 1)))
    # The scale of an output of zeros does not matter, but division by it must stay finite.
    scale = np.maximum(largest / _LARGEST, np.finfo(np.float32).tiny).astype(np.float32)
    integers = np.clip(np.rint(weights / scale.astype(np.float64)), -_LARGEST, _LARGEST)
    return integers.astype(np.int8), scale


def rounded(parameters: Parameters) -> Parameters:
    """Return the parameters of a network with int8 weights: filters and dense weights rounded, the rest as is."""
    result = parameters.copy()
    for name in parameters.architecture.decayed:
        integers, scale = quantize(parameters[name])
        result[name][...] = integers * scale
    return result
