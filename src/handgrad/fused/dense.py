"""Dense kernels: N11–N23 of a few images, and the weights' gradients of a whole batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from handgrad.fused.sizes import lanes
from handgrad.fused.unrolling import packed, registers
from handgrad.fused.vectors import (
    add,
    crossed,
    load,
    load_part,
    load_rows,
    multiply_add,
    splat,
    spread,
    store,
    store_part,
    store_rows,
)

_CHAIN = 256
"""Steps whose products are added in one chain: its rounding error grows with its length."""


def multiply(A: Any, B: Any, C: Any, rows: int, steps: int, columns: int) -> None:
    """``C = A · B``; a matrix is (array, offset of its first number, distance between rows), A with that between steps.

    Eight rows of a vector's width go together: eight chains of multiply-adds keep the processor busy, and each vector
    of B serves eight times.
    """
    for column in range(0, columns, lanes):
        count = min(lanes, columns - column)
        for row in range(0, rows - 7, 8):
            eight_rows(A, B, C, row, column, steps, count)
        for row in range(rows - rows % 8, rows):
            one_row(A, B, C, row, column, steps, count)


def eight_rows(A: Any, B: Any, C: Any, row: int, column: int, steps: int, count: int) -> None:
    """Make eight rows of C, `count` numbers wide."""
    left, a, a_row, a_step = A
    right, b, b_row = B
    result, c, c_row = C
    total = registers(8)
    # Written out twice: whole vectors need no mask, which costs 5 % on AVX2.
    for whole in range(2):
        if (count == lanes) == whole:
            for first in range(0, steps, _CHAIN):
                for r in range(8):
                    total[r] = splat(result.dtype.type(0), lanes)
                for step in range(first, min(first + _CHAIN, steps)):
                    at = b + column + step * b_row
                    vector = load(right, at, lanes) if whole else load_part(right, at, count, lanes)
                    for r in range(8):
                        factor = spread(left, a + (row + r) * a_row + step * a_step, lanes)
                        total[r] = multiply_add(factor, vector, total[r])
                for r in range(8):
                    at = c + column + (row + r) * c_row
                    if first:
                        earlier = load(result, at, lanes) if whole else load_part(result, at, count, lanes)
                        total[r] = add(total[r], earlier)
                    if whole:
                        store(result, at, total[r])
                    else:
                        store_part(result, at, total[r], count)


def one_row(A: Any, B: Any, C: Any, row: int, column: int, steps: int, count: int) -> None:
    """Make a row of C, `count` numbers wide, by four chains of multiply-adds."""
    left, a, a_row, a_step = A
    right, b, b_row = B
    result, c, c_row = C
    total = registers(4)
    for r in range(4):
        total[r] = splat(result.dtype.type(0), lanes)
    first, second = a + row * a_row, b + column
    for step in range(0, steps - 3, 4):
        for r in range(4):
            vector = load_part(right, second + (step + r) * b_row, count, lanes)
            total[r] = multiply_add(spread(left, first + (step + r) * a_step, lanes), vector, total[r])
    for step in range(steps - steps % 4, steps):
        vector = load_part(right, second + step * b_row, count, lanes)
        total[0] = multiply_add(spread(left, first + step * a_step, lanes), vector, total[0])
    total[0] = add(add(total[0], total[1]), add(total[2], total[3]))
    store_part(result, c + column + row * c_row, total[0], count)


def turn(theta: Any, w: int, rows: int, columns: int, turned: Any, first: int, row: int) -> None:
    """``wᵀ``, for N20 and N23: squares of four, then the remainder."""
    source = registers(4)
    target = registers(4)
    for i in range(0, rows - 3, 4):
        for o in range(0, columns - 3, 4):
            for x in range(4):
                source[x] = w + (i + x) * columns + o
                target[x] = first + (o + x) * row + i
            square = load_rows(theta, packed(source), 0, 4, 16)
            store_rows(turned, packed(target), 0, 4, crossed(square))
        for o in range(columns - columns % 4, columns):
            for x in range(4):
                turned[np.uintp(first + o * row + i + x)] = theta[np.uintp(w + (i + x) * columns + o)]
    for i in range(rows - rows % 4, rows):
        for o in range(columns):
            turned[first + o * row + i] = theta[w + i * columns + o]


def forward(denses: Any, theta: Any, x: Any, first: int, images: int, t: Any, stride: int, start: int) -> None:
    """N11–N13 of images from row `start` of t on, which holds the results of hidden layers after their ReLU (N12)."""
    zero = t.dtype.type(0)
    for number in range(denses.shape[0]):
        layer = denses[number]
        last = number == denses.shape[0] - 1
        weights, target = (theta, layer.w, layer.outputs), start * stride + layer.t
        entry = (x, first, layer.row, 1) if number == 0 else (t, start * stride + denses[number - 1].t, stride, 1)
        multiply(entry, weights, (t, target, stride), images, layer.inputs, layer.outputs)
        for i in range(images):
            row = t[target + i * stride : target + i * stride + layer.outputs]
            for o in range(layer.outputs):
                value = row[o] + theta[layer.b + o]
                row[o] = value if last or not zero > value else zero


def backward(denses: Any, turned: Any, t: Any, dt: Any, stride: int, start: int, images: int, dx: Any) -> None:
    """N20, N21 and N23 of images from row `start` on: from the last layer's error to every other's, and to ∂E/∂x'."""
    zero = t.dtype.type(0)
    for number in range(denses.shape[0] - 1, -1, -1):
        layer = denses[number]
        error, weights = (dt, start * stride + layer.t, stride, 1), (turned, layer.turned, layer.row)
        if number == 0:
            multiply(error, weights, (dx, 0, layer.row), images, layer.outputs, layer.inputs)
        else:
            # t2' = h1' · w2 + b2, h1' = f(t1')
            target = start * stride + denses[number - 1].t
            multiply(error, weights, (dt, target, stride), images, layer.outputs, layer.inputs)
            for i in range(images):
                for at in range(target + i * stride, target + i * stride + layer.inputs):
                    if t[at] <= zero:
                        dt[at] = zero


def weight_gradient(
    denses: Any, number: int, x: Any, t: Any, dt: Any, stride: int, batch: int, first: int, end: int, gradient: Any
) -> None:
    """N18, N19 and N22 of a layer: rows `first` to `end` of ∂E/∂w, with the first row ∂E/∂b."""
    layer = denses[number]
    entry = (x, first, 1, layer.row) if number == 0 else (t, denses[number - 1].t + first, 1, stride)
    target = (gradient, layer.w + first * layer.outputs, layer.outputs)
    multiply(entry, (dt, layer.t, stride), target, end - first, batch, layer.outputs)
    if first == 0:
        for column in range(0, layer.outputs, lanes):
            count = min(lanes, layer.outputs - column)
            total = splat(dt.dtype.type(0), lanes)
            for i in range(batch):
                total = add(total, load_part(dt, i * stride + layer.t + column, count, lanes))
            store_part(gradient, layer.b + column, total, count)


def softmax(t: Any, z: Any) -> Any:
    """N14: ``z = S(t)``; returns the logarithm of its denominator, and the largest t, which was subtracted."""
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


def outcomes(t: Any, y: Any, weight: Any, z: Any, dt: Any) -> Any:
    """N14, N15 and N17 of an image: its probabilities and its share of the mean loss's derivative; returns its loss."""
    denominator, top = softmax(t, z)
    agreed = t.dtype.type(0)
    for o in range(t.shape[0]):
        agreed += y[o] * (t[o] - top)
        dt[o] = (z[o] - y[o]) * weight
    return denominator - agreed
