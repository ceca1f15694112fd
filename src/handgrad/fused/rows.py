"""Kernels over two runs of numbers."""

from __future__ import annotations

from typing import Any


def add_row(c: Any, b: Any, a: Any) -> None:
    """``c += a · b``."""
    for i in range(c.shape[0]):
        c[i] += a * b[i]


def dot(x: Any, w: Any) -> Any:
    """The dot product."""
    a = w.dtype.type(0)
    for i in range(w.shape[0]):
        a += x[i] * w[i]
    return a
