"""How a map lies in memory, and what a kernel sees of it.

A map lies in p × p *phases*: position (p·i + r, p·j + c) is number ``i · stride + j`` of phase (r, c). The p² results
under a pooling window, or p² neighbours where nothing is pooled, then share their loads, and every loop is one long
run over the cells (i, j). The last few cells of a row are computed for nothing; errors there are zero.
A kernel sees a map as its *windows*: one run for each offset (y, x) from a cell's first position.
"""

from __future__ import annotations

from typing import Any

from handgrad.fused.sizes import k1, k2, p
from handgrad.fused.unrolling import packed, registers


def windows(M: Any, start: int, area: int, stride: int, run: int) -> Any:
    """Where kernels find S[p·i + y, p·j + x] for every offset that a filter reaches: number ``rows[y] + q`` of V[x]."""
    v = registers(p + k2 - 1)
    rows = registers(p + k1 - 1)
    for y in range(p + k1 - 1):
        rows[y] = y % p * p * area + y // p * stride
    for x in range(p + k2 - 1):
        first = start + x % p * area + x // p
        v[x] = M[first : first + (p * p - p) * area + (p + k1 - 2) // p * stride + run]
    return packed(v), packed(rows)


def error_windows(M: Any, start: int, area: int, stride: int, run: int) -> Any:
    """As ``windows`` for E[p·i + y, p·j + x] with offsets from 1 − k1 and 1 − k2 on: N29's padding for F^{ππ}."""
    v = registers(p + k2 - 1)
    rows = registers(p + k1 - 1)
    above = (k1 - 1 + p - 1) // p * stride
    for y in range(p + k1 - 1):
        rows[y] = (y + 1 - k1) % p * p * area + (y + 1 - k1) // p * stride + above
    for x in range(p + k2 - 1):
        first = start + (x + 1 - k2) % p * area + (x + 1 - k2) // p - above
        v[x] = M[first : first + (p * p - p) * area + above + run]
    return packed(v), packed(rows)


def phases(M: Any, start: int, area: int, run: int) -> Any:
    """The runs of the p² phases."""
    v = registers(p * p)
    for rc in range(p * p):
        v[rc] = M[start + rc * area : start + rc * area + run]
    return packed(v)


def scatter_phases(natural: Any, source: Any, S: Any, first: int, target: Any) -> None:
    """A pooled map of one stage into the phases of the next."""
    for y in range(source.rows):
        for x in range(source.columns):
            place = (y % p * p + x % p) * target.area + y // p * target.stride + x // p
            S[first + place] = natural[y * source.stride + x]


def gather_phases(S: Any, first: int, target: Any, natural: Any, source: Any) -> None:
    """The way back of ``scatter_phases``, for the error."""
    for y in range(source.rows):
        for x in range(source.columns):
            place = (y % p * p + x % p) * target.area + y // p * target.stride + x // p
            natural[y * source.stride + x] = S[first + place]
