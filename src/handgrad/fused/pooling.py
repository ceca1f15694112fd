"""Pooling kernels: N7 fused with the convolution in front of it, N25 fused with both gradients behind it.

Forward, a vector holds several filters at one cell: what a window's filters share is loaded once, and the result is in
the order of x' (N10). Backward, a vector holds the patch of the map under one window: of its p² errors all but the
winner's are zero (N25), so one multiplication by the filter, placed at the winner in an empty patch, is enough.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.fused.sizes import across, k1, k2, keep, lanes, p, parts, patch, weighted
from handgrad.fused.unrolling import packed, registers, rolled
from handgrad.fused.vectors import (
    add_rows,
    ahead,
    choose,
    load,
    load_rows,
    multiply_add,
    splat,
    spread,
    store,
    store_part,
)

BLOCK = 32
"""Filters whose tables fit into the first-level cache."""


def pool(layer: Any, F: Any, S: Any, U: Any, u: int, winners: Any) -> None:
    """N6 and N7: ``U_n = MP(S @ F_n)``, cell by cell through the filters, to U from `u` on.

    T2 exists in registers only; ``winners`` keeps where each maximum is (N25).
    """
    nothing = splat(F.dtype.type(0), lanes)
    filters, maps, padded, kept, area = layer.filters, layer.maps, layer.padded, layer.kept, layer.area
    w = registers(k1, k2)
    t = registers(p * p)
    rows = registers(p + k1 - 1)
    for n in range(0, filters, lanes):
        for a in range(k1):
            for b in range(k2):
                w[a, b] = load(F, layer.F + (a * k2 + b) * layer.padded + n, lanes)
        for i in range(layer.rows):
            for y in range(p + k1 - 1):
                rows[y] = layer.S + y % p * layer.area + (i + y // p) * layer.stride
            for j in range(layer.columns):
                for rc in range(p * p):
                    t[rc] = nothing
                for k in range(maps if weighted else 1):
                    first = k * p * area + p * j
                    tap = layer.F + k * (k1 * k2) * padded + n
                    for y in range(p + k1 - 1):
                        for x in range(p + k2 - 1):
                            s = spread(S, rows[y] + first + x, lanes)
                            for r in range(p):
                                for c in range(p):
                                    if (y - r >= 0) * (y - r < k1) * (x - c >= 0) * (x - c < k2):
                                        at = tap + ((y - r) * k2 + x - c) * padded
                                        taps = load(F, at, lanes) if weighted else w[y - r, x - c]
                                        t[r * p + c] = multiply_add(taps, s, t[r * p + c])
                best = t[0]
                winner = splat(np.int32(0), lanes)
                for rc in range(1, p * p):
                    # A later cell wins only if it is larger, or NaN.
                    over = ahead(t[rc], best)
                    best = choose(over, t[rc], best)
                    if keep:
                        winner = choose(over, splat(np.int32(rc), lanes), winner)
                cell = i * layer.columns + j
                if n + lanes <= filters:
                    store(U, u + cell * filters + n, best)
                else:
                    store_part(U, u + cell * filters + n, best, filters - n)
                if keep:
                    store(winners, kept + cell * padded + n, winner)


def pool_back(layer: Any, table: Any, S: Any, dU: Any, d: int, winners: Any, dS: Any, sums: Any) -> None:
    """N25 with N28 and N29, N34: from ∂E/∂U, in dU from `d` on, to ∂E/∂S and to the ``sums`` that make ∂E/∂F.

    ``table`` has each filter in an empty patch, once for each cell that may win; ``sums`` has the same layout.
    """
    zero = S.dtype.type(0)
    filters, maps, padded, kept, first = layer.filters, layer.maps, layer.padded, layer.kept, layer.table
    area, stride, further = layer.area, layer.stride, layer.sums - layer.table
    rows = registers(p + k1 - 1)
    window = registers(parts)
    error = registers(parts)
    for block in range(0, filters, BLOCK):
        end = min(block + BLOCK, filters)
        for i in range(layer.rows):
            for j in range(layer.columns):
                cell = i * layer.columns + j
                for k in range(maps):
                    for y in range(p + k1 - 1):
                        rows[y] = (k * p + y % p) * area + (i + y // p) * stride + p * j + layer.S
                    for v in range(parts):
                        window[v] = load_rows(S, packed(rows), v, across, patch)
                        error[v] = splat(zero, patch)
                    for n in range(block, end):
                        e = spread(dU, d + cell * filters + n, patch)
                        winner = np.intp(winners[np.uintp(kept + cell * padded + n)])
                        at = first + ((n * maps + k) * (p * p) + winner) * (parts * patch)
                        for v in range(parts):
                            error[v] = multiply_add(e, load(table, at + v * patch, patch), error[v])
                            total = load(sums, at + further + v * patch, patch)
                            store(sums, at + further + v * patch, multiply_add(e, window[v], total))
                    for v in range(parts):
                        add_rows(dS, packed(rows), v, across, error[v])


def gather_patches(layer: Any, sums: Any, gradient: Any) -> None:
    """Add up ∂E/∂F from the patches of ``pool_back``, one for each cell that may win."""
    for filter_map in range(layer.filters * layer.maps):
        for r in rolled(p):
            for c in rolled(p):
                at = layer.sums + (filter_map * (p * p) + r * p + c) * (parts * patch)
                for a in rolled(k1):
                    for b in rolled(k2):
                        tap = layer.dF + filter_map * (k1 * k2) + a * k2 + b
                        gradient[tap] += sums[at + (r + a) * across + c + b]


def sum_pooled(layer: Any, following: Any, theta: Any, U: Any, S: Any) -> None:
    """N2's sum, or N32, in front of the next stage's first convolution: ``S_k = Σ_n α[n,k] · U_n``."""
    for i in range(layer.rows):
        for j in range(layer.columns):
            first = layer.U + (i * layer.columns + j) * layer.filters
            cell = following.S + i % p * following.area + i // p * following.stride + j
            for k in range(following.maps):
                total = theta.dtype.type(0)
                for n in range(layer.filters):
                    alpha = (
                        theta[following.alpha + n * following.maps + k] if following.weighted else theta.dtype.type(1)
                    )
                    total += alpha * U[first + n]
                S[cell + k * p * following.area] = total


def spread_error(layer: Any, following: Any, theta: Any, U: Any, dS: Any, dU: Any, gradient: Any) -> None:
    """N35: ``∂E/∂U_n = Σ_k α[n,k] · ∂E/∂S_k``, and ∂E/∂α[n,k]; N29's one map where there are no depth weights."""
    for i in range(layer.rows):
        for j in range(layer.columns):
            first = (i * layer.columns + j) * layer.filters
            cell = following.S + i % p * following.area + i // p * following.stride + j
            for n in range(layer.filters):
                dU[first + n] = 0
            for k in range(following.maps):
                error = dS[cell + k * p * following.area]
                for n in range(layer.filters):
                    if following.weighted:
                        dU[first + n] += theta[following.alpha + n * following.maps + k] * error
                        gradient[following.alpha_gradient + n * following.maps + k] += U[layer.U + first + n] * error
                    else:
                        dU[first + n] += error
