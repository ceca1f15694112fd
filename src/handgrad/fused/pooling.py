"""Pooling kernels: N7 fused with the convolution in front of it, N25 back to the winners."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.fused.sizes import k1, k2, keep, p
from handgrad.fused.unrolling import registers


def pool(V: Any, rows: Any, F: Any, codes: Any, U: Any, winners: Any) -> None:
    """N6 and N7: ``U_n = MP(S @ F_n)``; T2 exists in registers only, ``winners`` keeps each maximum's place (N25)."""
    zero = F.dtype.type(0)
    w = registers(2, k1, k2)
    t = registers(2, p * p)
    code = registers(p * p)
    for rc in range(p * p):
        code[rc] = codes[rc]
    for n in range(0, F.shape[0], 2):
        m = min(n + 1, F.shape[0] - 1)
        for a in range(k1):
            for b in range(k2):
                w[0, a, b] = F[n, a * k2 + b]
                w[1, a, b] = F[m, a * k2 + b]
        for q in range(U.shape[1]):
            for f in range(2):
                for rc in range(p * p):
                    t[f, rc] = zero
            for y in range(p + k1 - 1):
                for x in range(p + k2 - 1):
                    s = V[x][np.uintp(rows[y] + q)]
                    for f in range(2):
                        for r in range(p):
                            for c in range(p):
                                if (y - r >= 0) * (y - r < k1) * (x - c >= 0) * (x - c < k2):
                                    t[f, r * p + c] += w[f, y - r, x - c] * s
            for f in range(2):
                best = t[f, 0]
                place = code[0]
                for rc in range(1, p * p):
                    # A later cell takes over only if it is larger, or not a number.
                    ahead = t[f, rc] > best or t[f, rc] != t[f, rc]
                    place = code[rc] if ahead else place
                    best = t[f, rc] if ahead else best
                if f == 0:
                    U[n, q] = best
                    if keep:
                        winners[n, q] = place
                else:
                    U[m, q] = best
                    if keep:
                        winners[m, q] = place


def pool_map(T: Any, U: Any, winners: Any, n: int) -> None:
    """N7 of one filter's T."""
    code = registers(p * p)
    for rc in range(p * p):
        code[rc] = U.dtype.type(rc)
    for q in range(U.shape[1]):
        best = T[0][q]
        place = code[0]
        for rc in range(1, p * p):
            t = T[rc][q]
            ahead = t > best or t != t
            place = code[rc] if ahead else place
            best = t if ahead else best
        U[n, q] = best
        winners[n, q] = place


def pool_error(e: Any, winners: Any, first: int, E: Any) -> None:
    """N25: ``∂E/∂T`` of a filter is ``e = ∂E/∂U`` at the winners, from `first` on, the rest zero-filled."""
    zero = e.dtype.type(0)
    code = registers(p * p)
    for rc in range(p * p):
        code[rc] = e.dtype.type(rc)
    for q in range(e.shape[0]):
        place = e.dtype.type(winners[np.uintp(first + q)])
        error = e[q]
        for rc in range(p * p):
            E[rc][q] = error if place == code[rc] else zero


def flatten(U: Any, layer: Any, x: Any) -> None:
    """N10: x' goes through the pooled map cell by cell, at each through the filters."""
    for i in range(layer.rows):
        for j in range(layer.columns):
            first = (i * layer.columns + j) * layer.filters
            for n in range(layer.filters):
                x[np.uintp(first + n)] = U[np.uintp(n), np.uintp(i * layer.stride + j)]


def unflatten(dx: Any, layer: Any, dU: Any) -> None:
    """N24: the way back of ``flatten``, a run for each filter; cells computed for nothing keep their zeros."""
    for n in range(layer.filters):
        for i in range(layer.rows):
            first = i * layer.columns * layer.filters + n
            for j in range(layer.columns):
                dU[np.uintp(n * layer.run + i * layer.stride + j)] = dx[np.uintp(first + j * layer.filters)]
