"""Dense kernels: what is too small for BLAS. N14, N15 and N17 an image at a time; N11–N14 for a few images."""

from __future__ import annotations

import math
from typing import Any

from handgrad.fused.rows import add_four_rows, add_row


def softmax(t: Any, z: Any) -> Any:
    """N14: ``z = S(t)``; returns the logarithm of its denominator, and the largest t that was taken off."""
    top = t[0]
    for o in range(1, t.shape[0]):
        if t[o] > top or t[o] != t[o]:
            top = t[o]
    total = t.dtype.type(0)
    for o in range(t.shape[0]):
        z[o] = math.exp(t[o] - top)
        total += z[o]
    for o in range(t.shape[0]):
        z[o] /= total
    return t.dtype.type(math.log(total)), top


def outcomes(t: Any, y: Any, z: Any, E: Any, dt: Any) -> None:
    """N14, N15 and N17: each image's probabilities and loss, and the error of the mean loss."""
    weight = t.dtype.type(1 / t.shape[0])
    for s in range(t.shape[0]):
        denominator, top = softmax(t[s], z[s])
        agreed = t.dtype.type(0)
        for o in range(t.shape[1]):
            agreed += y[s, o] * (t[s, o] - top)
            dt[s, o] = (z[s, o] - y[s, o]) * weight
        E[s] = denominator - agreed


def classify(denses: Any, theta: Any, x: Any, t: Any, z: Any) -> None:
    """N11–N14 of one image, t being room for every layer's result."""
    entry = x
    for number in range(denses.shape[0]):
        layer = denses[number]
        w = theta[layer.w : layer.w + layer.inputs * layer.outputs].reshape((layer.inputs, layer.outputs))
        result = t[layer.t : layer.t + layer.outputs]
        for o in range(layer.outputs):
            result[o] = theta[layer.b + o]
        for i in range(0, layer.inputs - 3, 4):
            add_four_rows(result, w, i, entry[i], entry[i + 1], entry[i + 2], entry[i + 3])
        for i in range(layer.inputs - layer.inputs % 4, layer.inputs):
            add_row(result, w[i], entry[i])
        if number < denses.shape[0] - 1:
            zero = theta.dtype.type(0)
            for o in range(layer.outputs):
                if zero > result[o]:
                    result[o] = zero
        else:
            softmax(result, z)
        entry = result
