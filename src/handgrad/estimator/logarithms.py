"""Logarithms of probabilities, from the scores before the softmax: no probability is rounded to 0 or 1 first."""

from __future__ import annotations

import numpy as np

from handgrad.model import Model
from handgrad.notes import network
from handgrad.typing import Array, Stored

_BATCH = 64


def log_probabilities(model: Model, images: Stored) -> Array:
    """Return log z of each image and class, by the notes engine.

    With ``z = S(t)``, ``log z_k = t_k − log Σ_m exp(t_m)`` (N14, N15), which is finite wherever the scores t are.

    Parameters
    ----------
    model : Model
    images : array, shape (count, height, width, channels)

    Returns
    -------
    array, shape (count, classes)
        Of the model's precision.

    Examples
    --------
    >>> from handgrad import Architecture, Parameters
    >>> from handgrad.standardization import Standardization
    >>> parameters = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
    >>> parameters["b2"][:] = 0, 1000
    >>> model = Model(parameters, ("free", "defect"), Standardization((0.0,), (1.0,)))
    >>> log_probabilities(model, np.zeros((1, 6, 6, 1), np.uint8))
    array([[-1000.,     0.]], dtype=float32)
    """
    model.check_range(np.asarray(images))
    parameters, last = model.parameters, model.architecture.denses[-1].t
    found = np.empty((len(images), len(model.classes)), parameters.vector.dtype)
    for start in range(0, len(images), _BATCH):
        X = model.standardization.apply(images[start : start + _BATCH], parameters.vector.dtype)
        values = network.convolutional_half(parameters, X)
        found[start : start + len(X)] = log_softmax(network.dense_half(parameters, values["x'"])[last])
    return found


def log_softmax(t: Array) -> Array:
    """Return the logarithm of the softmax of each row, in float64.

    Examples
    --------
    >>> log_softmax(np.array([[0.0, -50.0], [0.0, -1e4]]))
    array([[-1.92874985e-22, -5.00000000e+01],
           [ 0.00000000e+00, -1.00000000e+04]])
    """
    wide = t.astype(np.float64)
    shifted = wide - wide.max(axis=1, keepdims=True)
    others = np.exp(shifted)
    # The largest is exp(0) = 1: beside it, the others would be rounded away.
    others[np.arange(len(others)), shifted.argmax(axis=1)] = 0
    return shifted - np.log1p(others.sum(axis=1, keepdims=True))
