"""The kernels of filters and pooling windows whose loops are too long to be written out: these loops stay loops.

They take the places of the kernels of the same names in ``convolution.py`` and ``pooling.py`` where ``sizes.rolls``
says so, and add in the same order, except for the pooling's gradients: there the p² patches of each filter would take
memory that grows with p⁴, so its taps meet the maps where the winner is. What is compiled has one size for all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.fused.sizes import across, beside, cells, group, k1, k2, keep, lanes, p, parts, together, weighted
from handgrad.fused.unrolling import registers, rolled
from handgrad.fused.vectors import (
    add,
    ahead,
    choose,
    load,
    load_mask,
    multiply_add,
    positive,
    splat,
    spread,
    store,
    store_mask,
    store_part,
    total,
)


def rectify(layer: Any, following: Any, F: Any, S: Any, bits: Any) -> None:
    """See ``convolution.rectify``."""
    nothing = splat(F.dtype.type(0), lanes)
    area, stride = layer.area, layer.stride
    s = registers(together)
    t = registers(group, together)
    h = registers(together)
    for q in range(0, layer.run, lanes):
        for first in rolled(0, p, together):
            for r in range(together):
                h[r] = nothing
            for n in range(0, layer.filters, group):
                for f in range(group):
                    for r in range(together):
                        t[f, r] = nothing
                for a in rolled(k1):
                    for b in rolled(k2):
                        for r in range(together):
                            y = first + r + a
                            s[r] = load(S, layer.S + y % p * area + y // p * stride + q + b, lanes)
                        for f in range(group):
                            w = spread(F, layer.F + ((n + f) * k1 + a) * k2 + b, lanes)
                            for r in range(together):
                                t[f, r] = multiply_add(w, s[r], t[f, r])
                for f in range(group):
                    if n + f < layer.filters:
                        for r in range(together):
                            on = positive(t[f, r])
                            h[r] = choose(on, add(h[r], t[f, r]), h[r])
                            if keep:
                                at = layer.kept + ((n + f) * p + first + r) * layer.bytes + q // 8
                                store_mask(bits, at, on)
            for r in range(together):
                store(S, following.S + (first + r) * area + q, h[r])


def rectify_maps(layer: Any, following: Any, F: Any, theta: Any, S: Any) -> None:
    """See ``convolution.rectify_maps``."""
    nothing = splat(F.dtype.type(0), lanes)
    filters, maps, targets, area, stride = layer.filters, layer.maps, following.maps, layer.area, layer.stride
    one, following_weighted = splat(F.dtype.type(1), lanes), following.weighted != 0
    s = registers(together)
    t = registers(group, together)
    alpha = registers(group)
    for q in range(0, layer.run, lanes):
        for k in range(targets * p):
            store(S, following.S + k * area + q, nothing)
        for n in range(0, filters, group):
            for first in rolled(0, p, together):
                for f in range(group):
                    for r in range(together):
                        t[f, r] = nothing
                for k in range(maps):
                    for a in rolled(k1):
                        for b in rolled(k2):
                            for r in range(together):
                                y = first + r + a
                                at = layer.S + (k * p + y % p) * area + y // p * stride
                                s[r] = load(S, at + q + b, lanes)
                            for f in range(group):
                                w = spread(F, layer.F + (((n + f) * maps + k) * k1 + a) * k2 + b, lanes)
                                for r in range(together):
                                    t[f, r] = multiply_add(w, s[r], t[f, r])
                for f in range(group):
                    for r in range(together):
                        t[f, r] = choose(positive(t[f, r]), t[f, r], nothing)
                for k in range(targets):
                    for f in range(group):
                        at = following.alpha + min(n + f, filters - 1) * targets + k
                        alpha[f] = spread(theta, at, lanes) if following_weighted else one
                    for r in range(together):
                        at = following.S + (k * p + first + r) * area + q
                        sum_ = load(S, at, lanes)
                        for f in range(group):
                            sum_ = multiply_add(alpha[f], t[f, r], sum_)
                        store(S, at, sum_)


def error_of_maps(
    layer: Any, following: Any, F: Any, theta: Any, S: Any, dS: Any, n: int, sums: Any, E: Any, e: int, gradient: Any
) -> None:
    """See ``convolution.error_of_maps``."""
    nothing = splat(F.dtype.type(0), lanes)
    maps, targets, area, stride = layer.maps, following.maps, layer.area, layer.stride
    one, following_weighted = splat(F.dtype.type(1), lanes), following.weighted != 0
    t = registers(together)
    g = registers(together)
    for k in range(targets):
        store(sums, k * lanes, nothing)
    for q in range(0, layer.run, lanes):
        for first in rolled(0, p, together):
            for r in range(together):
                t[r] = nothing
                g[r] = nothing
            for k in range(maps):
                for a in rolled(k1):
                    for b in rolled(k2):
                        w = spread(F, layer.F + ((n * maps + k) * k1 + a) * k2 + b, lanes)
                        for r in range(together):
                            y = first + r + a
                            at = layer.S + (k * p + y % p) * area + y // p * stride
                            t[r] = multiply_add(w, load(S, at + q + b, lanes), t[r])
            for k in range(targets):
                alpha = spread(theta, following.alpha + n * targets + k, lanes) if following_weighted else one
                share = load(sums, k * lanes, lanes)
                for r in range(together):
                    error = load(dS, following.S + (k * p + first + r) * area + q, lanes)
                    g[r] = multiply_add(alpha, error, g[r])
                    share = multiply_add(choose(positive(t[r]), t[r], nothing), error, share)
                store(sums, k * lanes, share)
            for r in range(together):
                store(E, e + (first + r) * layer.error_area + q, choose(positive(t[r]), g[r], nothing))
    if following.weighted:
        for k in range(targets):
            gradient[following.alpha_gradient + n * targets + k] += total(load(sums, k * lanes, lanes))


def filter_gradient(
    layer: Any, following: Any, S: Any, dS: Any, bits: Any, E: Any, e: int, n: int, k: int, sums: Any
) -> None:
    """See ``convolution.filter_gradient``; ``beside`` taps of a filter's row at a time."""
    nothing = splat(S.dtype.type(0), lanes)
    area, stride, error_area = layer.area, layer.stride, layer.error_area
    error = registers(2)
    g = registers(2, beside)
    for a in rolled(k1):
        for first in rolled(0, k2, beside):
            for f in range(2):
                for b in range(beside):
                    g[f, b] = nothing
            for q in range(0, layer.run, lanes):
                for r in rolled(p):
                    if weighted:
                        for f in range(2):
                            error[f] = load(E, e + (f * p + r) * error_area + q, lanes)
                    else:
                        shared = load(dS, following.S + r * area + q, lanes)
                        for f in range(2):
                            at = layer.kept + ((n + f) * p + r) * layer.bytes + q // 8
                            error[f] = choose(load_mask(bits, at, lanes), shared, nothing)
                    at = layer.S + (k * p + (r + a) % p) * area + (r + a) // p * stride + q + first
                    for b in range(beside):
                        s = load(S, at + b, lanes)
                        for f in range(2):
                            g[f, b] = multiply_add(error[f], s, g[f, b])
            for f in range(2):
                for b in range(beside):
                    if n + f < layer.filters and first + b < k2:
                        tap = (((n + f) * layer.maps + k) * k1 + a) * k2 + first + b
                        at = layer.sums + tap * lanes
                        store(sums, at, add(load(sums, at, lanes), g[f, b]))


def correlate_back(layer: Any, F_turned: Any, E: Any, e: int, n: int, k: int, dS: Any) -> None:
    """See ``convolution.correlate_back``."""
    t = registers(together)
    for q in range(0, layer.entry_run, lanes):
        for first in rolled(0, p, together):
            for r in range(together):
                t[r] = load(dS, layer.S + (k * p + first + r) * layer.area + q, lanes)
            for a in rolled(k1):
                for b in rolled(k2):
                    w = spread(F_turned, layer.F + ((n * layer.maps + k) * k1 + a) * k2 + b, lanes)
                    for r in range(together):
                        y = first + r + a + 1 - k1
                        at = e + y % p * layer.error_area + y // p * layer.stride + 1 - k2
                        t[r] = multiply_add(w, load(E, at + q + b, lanes), t[r])
            for r in range(together):
                store(dS, layer.S + (k * p + first + r) * layer.area + q, t[r])


def pool(layer: Any, F: Any, S: Any, U: Any, u: int, winners: Any) -> None:
    """See ``pooling.pool``; ``cells`` places of a window's row at a time."""
    nothing, least = splat(F.dtype.type(0), lanes), splat(F.dtype.type(-np.inf), lanes)
    filters, padded, area = layer.filters, layer.padded, layer.area
    t = registers(cells)
    for n in range(0, filters, lanes):
        for i in range(layer.rows):
            for j in range(layer.columns):
                best = least
                winner = splat(np.int32(0), lanes)
                for r in rolled(p):
                    for start in rolled(0, p, cells):
                        # The last group reaches back to whole vectors: a cell that comes twice wins once.
                        first = min(start, p - cells)
                        for c in range(cells):
                            t[c] = nothing
                        for k in range(layer.maps if weighted else 1):
                            for a in rolled(k1):
                                at = layer.S + (k * p + (r + a) % p) * area + (i + (r + a) // p) * layer.stride
                                at += p * j + first
                                for b in rolled(k2):
                                    taps = load(F, layer.F + ((k * k1 + a) * k2 + b) * padded + n, lanes)
                                    for c in range(cells):
                                        t[c] = multiply_add(taps, spread(S, at + b + c, lanes), t[c])
                        for c in range(cells):
                            over = ahead(t[c], best)
                            best = choose(over, t[c], best)
                            if keep:
                                winner = choose(over, splat(np.int32(r * p + first + c), lanes), winner)
                cell = i * layer.columns + j
                if n + lanes <= filters:
                    store(U, u + cell * filters + n, best)
                else:
                    store_part(U, u + cell * filters + n, best, filters - n)
                if keep:
                    store(winners, layer.kept + cell * padded + n, winner)


def pool_back(layer: Any, table: Any, S: Any, dU: Any, d: int, winners: Any, dS: Any, sums: Any) -> None:
    """See ``pooling.pool_back``; ``table`` has the rows of each filter, padded to whole vectors, and so have ``sums``.

    The second half of ``sums`` holds one image's, since a long sum of floats rounds more than several short ones.
    """
    zero = S.dtype.type(0)
    filters, maps, padded, area, stride = layer.filters, layer.maps, layer.padded, layer.area, layer.stride
    half = filters * maps * (parts * lanes)
    of_image = layer.sums + half
    for at in range(of_image, of_image + half, lanes):
        store(sums, at, splat(zero, lanes))
    for i in range(layer.rows):
        for j in range(layer.columns):
            cell = i * layer.columns + j
            for n in range(filters):
                error = dU[d + cell * filters + n]
                if error != zero:
                    e = splat(error, lanes)
                    winner = np.intp(winners[layer.kept + cell * padded + n])
                    r, column = winner // p, p * j + winner % p
                    for k in range(maps):
                        tap = (n * maps + k) * (parts * lanes)
                        for a in rolled(k1):
                            row = layer.S + (k * p + (r + a) % p) * area + (i + (r + a) // p) * stride + column
                            for b in rolled(0, across, lanes):
                                at, here = row + b, tap + a * across + b
                                taps = load(table, layer.table + here, lanes)
                                share = load(sums, of_image + here, lanes)
                                store(sums, of_image + here, multiply_add(e, load(S, at, lanes), share))
                                store(dS, at, multiply_add(e, taps, load(dS, at, lanes)))
    for at in range(layer.sums, of_image, lanes):
        store(sums, at, add(load(sums, at, lanes), load(sums, at + half, lanes)))


def gather_patches(layer: Any, sums: Any, gradient: Any) -> None:
    """Add up ∂E/∂F from the rows of ``pool_back``."""
    for row in range(layer.filters * layer.maps * k1):
        for b in rolled(k2):
            gradient[layer.dF + row * k2 + b] += sums[layer.sums + row * across + b]
