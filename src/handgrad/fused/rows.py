"""Kernels over runs of numbers."""

from __future__ import annotations

from typing import Any


def add_row(c: Any, b: Any, a: Any) -> None:
    """``c += a · b``."""
    for i in range(c.shape[0]):
        c[i] += a * b[i]


def add_four_rows(c: Any, b: Any, r: int, a0: Any, a1: Any, a2: Any, a3: Any) -> None:
    """``c += Σ_k a_k · b[r + k]``."""
    b0, b1, b2, b3 = b[r], b[r + 1], b[r + 2], b[r + 3]
    for i in range(c.shape[0]):
        c[i] += a0 * b0[i] + a1 * b1[i] + a2 * b2[i] + a3 * b3[i]


def dot(x: Any, w: Any) -> Any:
    """The dot product."""
    a = w.dtype.type(0)
    for i in range(w.shape[0]):
        a += x[i] * w[i]
    return a
