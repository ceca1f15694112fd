"""Dense kernels: N11, N13, N18–N23 as two products of long rows, N14, N15 and N17 a row at a time.

Weights are kept transposed, ``W[o, i] = w[i, o]``, so that every inner loop runs along the inputs.
"""

from __future__ import annotations

import math
from typing import Any

BLOCK = 1024
"""Inputs that stay in the first-level cache while rows and columns are gone through."""


def dots_4x2(x0: Any, x1: Any, x2: Any, x3: Any, w0: Any, w1: Any) -> Any:
    """Eight dot products over the same loads."""
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = w0.dtype.type(0)
    for i in range(w0.shape[0]):
        a0 += x0[i] * w0[i]
        a1 += x1[i] * w0[i]
        a2 += x2[i] * w0[i]
        a3 += x3[i] * w0[i]
        b0 += x0[i] * w1[i]
        b1 += x1[i] * w1[i]
        b2 += x2[i] * w1[i]
        b3 += x3[i] * w1[i]
    return a0, a1, a2, a3, b0, b1, b2, b3


def dot(x: Any, w: Any) -> Any:
    """One dot product."""
    a = w.dtype.type(0)
    for i in range(w.shape[0]):
        a += x[i] * w[i]
    return a


def add_products(X: Any, W: Any, t: Any) -> None:
    """N11, N13: ``t[s, o] += Σ_i x[s, i] · W[o, i]``."""
    batch, outputs, inputs = X.shape[0], W.shape[0], W.shape[1]
    for first in range(0, inputs, BLOCK):
        end = min(first + BLOCK, inputs)
        for s in range(0, batch - 3, 4):
            x0, x1, x2, x3 = X[s, first:end], X[s + 1, first:end], X[s + 2, first:end], X[s + 3, first:end]
            for o in range(0, outputs - 1, 2):
                a0, a1, a2, a3, b0, b1, b2, b3 = dots_4x2(x0, x1, x2, x3, W[o, first:end], W[o + 1, first:end])
                t[s, o] += a0
                t[s + 1, o] += a1
                t[s + 2, o] += a2
                t[s + 3, o] += a3
                t[s, o + 1] += b0
                t[s + 1, o + 1] += b1
                t[s + 2, o + 1] += b2
                t[s + 3, o + 1] += b3
            if outputs % 2:
                for row in range(s, s + 4):
                    t[row, outputs - 1] += dot(X[row, first:end], W[outputs - 1, first:end])
        for s in range(batch - batch % 4, batch):
            for o in range(outputs):
                t[s, o] += dot(X[s, first:end], W[o, first:end])


def add_rows_2x4(
    c0: Any, c1: Any, b0: Any, b1: Any, b2: Any, b3: Any, a0: Any, a1: Any, a2: Any, a3: Any,
    d0: Any, d1: Any, d2: Any, d3: Any,
) -> None:  # fmt: skip
    """``c0 += Σ_k a_k · b_k``, ``c1 += Σ_k d_k · b_k``."""
    for i in range(c0.shape[0]):
        c0[i] += a0 * b0[i] + a1 * b1[i] + a2 * b2[i] + a3 * b3[i]
        c1[i] += d0 * b0[i] + d1 * b1[i] + d2 * b2[i] + d3 * b3[i]


def add_row(c: Any, b: Any, a: Any) -> None:
    """``c += a · b``."""
    for i in range(c.shape[0]):
        c[i] += a * b[i]


def copy_row(source: Any, target: Any) -> None:
    """Shorter to compile than the assignment of a slice, which brings its error messages along."""
    for i in range(target.shape[0]):
        target[i] = source[i]


def add_four_rows(c: Any, b: Any, r: int, a0: Any, a1: Any, a2: Any, a3: Any) -> None:
    """``c += Σ_k a_k · b[r + k]``."""
    b0, b1, b2, b3 = b[r], b[r + 1], b[r + 2], b[r + 3]
    for i in range(c.shape[0]):
        c[i] += a0 * b0[i] + a1 * b1[i] + a2 * b2[i] + a3 * b3[i]


def combine_rows(A: Any, B: Any, column: int, C: Any) -> None:
    """N20, N23 with A the errors and B the weights, N18, N22 with A the errors' transpose and B the inputs.

    ``C[r, i] += Σ_k A[r, k] · B[k, column + i]``.
    """
    rows, inner, columns = A.shape[0], A.shape[1], C.shape[1]
    for first in range(0, columns, BLOCK):
        end = min(first + BLOCK, columns)
        for k in range(0, inner - 3, 4):
            b0, b1 = B[k, column + first : column + end], B[k + 1, column + first : column + end]
            b2, b3 = B[k + 2, column + first : column + end], B[k + 3, column + first : column + end]
            for r in range(0, rows - 1, 2):
                add_rows_2x4(
                    C[r, first:end], C[r + 1, first:end], b0, b1, b2, b3,
                    A[r, k], A[r, k + 1], A[r, k + 2], A[r, k + 3],
                    A[r + 1, k], A[r + 1, k + 1], A[r + 1, k + 2], A[r + 1, k + 3],
                )  # fmt: skip
            if rows % 2:
                for j in range(k, k + 4):
                    add_row(C[rows - 1, first:end], B[j, column + first : column + end], A[rows - 1, j])
        for k in range(inner - inner % 4, inner):
            for r in range(rows):
                add_row(C[r, first:end], B[k, column + first : column + end], A[r, k])


def softmax_cross_entropy(t: Any, y: Any, weight: Any, z: Any, dt: Any) -> Any:
    """N14, N15, N17 of one image: fills ``z = S(t)`` and ``dt = (z − y) · weight``, and returns E."""
    top = t[0]
    for o in range(1, t.shape[0]):
        if t[o] > top or t[o] != t[o]:
            top = t[o]
    total = t.dtype.type(0)
    agreed = t.dtype.type(0)
    for o in range(t.shape[0]):
        z[o] = math.exp(t[o] - top)
        total += z[o]
        agreed += y[o] * (t[o] - top)
    for o in range(t.shape[0]):
        z[o] /= total
        dt[o] = (z[o] - y[o]) * weight
    return t.dtype.type(math.log(total)) - agreed


def transpose_cells(w: Any, n: int, filters: int, rows: int, columns: int, stride: int, W: Any, first: int) -> None:
    """Filter n's weights behind the flattening (N10), ``w[(i · columns + j) · filters + n, o]``, to ``W[o, …]``."""
    for i in range(rows):
        for o in range(W.shape[0]):
            place = first + i * stride
            for j in range(columns):
                W[o, place + j] = w[(i * columns + j) * filters + n, o]


def untranspose_cells(C: Any, start: int, n: int, filters: int, rows: int, columns: int, stride: int, dw: Any) -> None:
    """The way back of ``transpose_cells``, for filter n's gradient."""
    for i in range(rows):
        for j in range(columns):
            row = dw[(i * columns + j) * filters + n]
            for o in range(C.shape[0]):
                row[o] = C[o, start + i * stride + j]
