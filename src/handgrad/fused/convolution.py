"""Convolution kernels: a vector holds neighboring positions of a map. N3–N5 forward, N28–N30 and N32–N35 backward.

A map is stored in p *row phases*: row ``p·i + r`` is row i of phase r, and the rows of a phase follow each other
without a gap. One run over a phase then makes p rows of the result at a time from shared loads. The last ``k2 − 1``
numbers of a row are not used; errors there are zero.
"""

from __future__ import annotations

from typing import Any

from handgrad.fused.sizes import group, k1, k2, keep, lanes, p, weighted
from handgrad.fused.unrolling import registers
from handgrad.fused.vectors import (
    add,
    choose,
    load,
    load_mask,
    multiply_add,
    positive,
    splat,
    spread,
    store,
    store_mask,
    total,
)


def rectify(layer: Any, following: Any, F: Any, S: Any, bits: Any) -> None:
    """N3–N5 and the next line's depth sum: ``S' = Σ_n f(S @ F_n)``; ``bits`` keeps where T > 0 (N4) or is NaN."""
    nothing = splat(F.dtype.type(0), lanes)
    filters, first, kept, bytes_, area, target = (
        layer.filters, layer.F, layer.kept, layer.bytes, layer.area, following.S,
    )  # fmt: skip
    rows = registers(p + k1 - 1)
    s = registers(p + k1 - 1, k2)
    t = registers(p)
    h = registers(p)
    for y in range(p + k1 - 1):
        rows[y] = layer.S + y % p * layer.area + y // p * layer.stride
    for q in range(0, layer.run, lanes):
        for y in range(p + k1 - 1):
            for b in range(k2):
                s[y, b] = load(S, rows[y] + q + b, lanes)
        for r in range(p):
            h[r] = nothing
        for n in range(filters):
            for r in range(p):
                t[r] = nothing
            for a in range(k1):
                for b in range(k2):
                    w = spread(F, first + n * (k1 * k2) + a * k2 + b, lanes)
                    for r in range(p):
                        t[r] = multiply_add(w, s[r + a, b], t[r])
            for r in range(p):
                on = positive(t[r])
                h[r] = choose(on, add(h[r], t[r]), h[r])
                if keep:
                    store_mask(bits, kept + (n * p + r) * bytes_ + q // 8, on)
        for r in range(p):
            store(S, target + r * area + q, h[r])


def rectify_maps(layer: Any, following: Any, F: Any, theta: Any, S: Any) -> None:
    """N33, N5 and N32 of the next layer: ``S'_k += α[n,k] · f(Σ_j S_j @ F_jn)``, ``group`` filters at a time."""
    nothing = splat(F.dtype.type(0), lanes)
    filters, maps, targets, area, stride = layer.filters, layer.maps, following.maps, layer.area, layer.stride
    entry, target, taps = layer.S, following.S, layer.F
    # A layer whose input has one channel takes the plain sum.
    one, alphas, following_weighted = splat(F.dtype.type(1), lanes), following.alpha, following.weighted != 0
    t = registers(group, p)
    alpha = registers(group)
    for q in range(0, layer.run, lanes):
        for k in range(targets * p):
            store(S, target + k * area + q, nothing)
        for n in range(0, filters, group):
            for f in range(group):
                for r in range(p):
                    t[f, r] = nothing
            for k in range(maps):
                first = entry + k * p * area + q
                for y in range(p + k1 - 1):
                    row = first + y % p * area + y // p * stride
                    for b in range(k2):
                        s = load(S, row + b, lanes)
                        for f in range(group):
                            tap = taps + ((n + f) * maps + k) * (k1 * k2) + b
                            for r in range(p):
                                if (y - r >= 0) * (y - r < k1):
                                    t[f, r] = multiply_add(spread(F, tap + (y - r) * k2, lanes), s, t[f, r])
            for f in range(group):
                for r in range(p):
                    t[f, r] = choose(positive(t[f, r]), t[f, r], nothing)
            for k in range(targets):
                for f in range(group):
                    at = alphas + min(n + f, filters - 1) * targets + k
                    alpha[f] = spread(theta, at, lanes) if following_weighted else one
                for r in range(p):
                    at = target + (k * p + r) * area + q
                    sum_ = load(S, at, lanes)
                    for f in range(group):
                        sum_ = multiply_add(alpha[f], t[f, r], sum_)
                    store(S, at, sum_)


def error_of_maps(
    layer: Any, following: Any, F: Any, theta: Any, S: Any, dS: Any, n: int, sums: Any, E: Any, e: int, gradient: Any
) -> None:
    """N30 and N35 of filter n: ``∂E/∂T_n = (Σ_k α[n,k] · ∂E/∂S'_k) ⊙ f'(T_n)`` to E from `e` on, and ∂E/∂α[n,k].

    ``S'_k += α[n,k] · f(T_n)``; to compute T_n again costs less than to keep it.
    """
    nothing = splat(F.dtype.type(0), lanes)
    maps, targets, area, stride, error_area = layer.maps, following.maps, layer.area, layer.stride, layer.error_area
    entry, back, taps = layer.S, following.S, layer.F + n * layer.maps * (k1 * k2)
    one, alphas, following_weighted = splat(F.dtype.type(1), lanes), following.alpha, following.weighted != 0
    t = registers(p)
    g = registers(p)
    on = registers(p)
    for k in range(targets):
        store(sums, k * lanes, nothing)
    for q in range(0, layer.run, lanes):
        for r in range(p):
            t[r] = nothing
            g[r] = nothing
        for k in range(maps):
            tap = taps + k * (k1 * k2)
            for y in range(p + k1 - 1):
                row = entry + (k * p + y % p) * area + y // p * stride + q
                for b in range(k2):
                    s = load(S, row + b, lanes)
                    for r in range(p):
                        if (y - r >= 0) * (y - r < k1):
                            t[r] = multiply_add(spread(F, tap + (y - r) * k2 + b, lanes), s, t[r])
        for r in range(p):
            on[r] = positive(t[r])
            t[r] = choose(on[r], t[r], nothing)
        for k in range(targets):
            alpha = spread(theta, alphas + n * targets + k, lanes) if following_weighted else one
            share = load(sums, k * lanes, lanes)
            for r in range(p):
                error = load(dS, back + (k * p + r) * area + q, lanes)
                g[r] = multiply_add(alpha, error, g[r])
                share = multiply_add(t[r], error, share)
            store(sums, k * lanes, share)
        for r in range(p):
            store(E, e + r * error_area + q, choose(on[r], g[r], nothing))
    if following.weighted:
        for k in range(targets):
            gradient[following.alpha_gradient + n * targets + k] += total(load(sums, k * lanes, lanes))


def rectify_error(layer: Any, following: Any, dS: Any, bits: Any, n: int, E: Any, e: int) -> None:
    """N30: ``∂E/∂T = ∂E/∂H ⊙ f'(T)`` of filter n, to E from `e` on; the same ∂E/∂H for every filter (N29)."""
    nothing = splat(E.dtype.type(0), lanes)
    kept, bytes_, area, error_area, back = layer.kept, layer.bytes, layer.area, layer.error_area, following.S
    for q in range(0, layer.run, lanes):
        for r in range(p):
            error = load(dS, back + r * area + q, lanes)
            on = load_mask(bits, kept + (n * p + r) * bytes_ + q // 8, lanes)
            store(E, e + r * error_area + q, choose(on, error, nothing))


def filter_gradient(
    layer: Any, following: Any, S: Any, dS: Any, bits: Any, E: Any, e: int, n: int, k: int, sums: Any
) -> None:
    """N28, N30, N34: ``∂E/∂F_n += S_k @ ∂E/∂T_n`` of filters n and n + 1, which share what is loaded.

    With depth weights E holds ∂E/∂T, the second filter's behind the first's; without, this does ``rectify_error``, too.
    ``sums`` has a vector for each number of ∂E/∂F, whose lanes ``gather_filter_gradient`` adds up.
    """
    nothing = splat(S.dtype.type(0), lanes)
    kept, bytes_, area, error_area, back = layer.kept, layer.bytes, layer.area, layer.error_area, following.S
    rows = registers(p + k1 - 1)
    error = registers(2, p)
    g = registers(2, k1, k2)
    for y in range(p + k1 - 1):
        rows[y] = layer.S + (k * p + y % p) * area + y // p * layer.stride
    for f in range(2):
        for a in range(k1):
            for b in range(k2):
                g[f, a, b] = nothing
    for q in range(0, layer.run, lanes):
        for r in range(p):
            if weighted:
                for f in range(2):
                    error[f, r] = load(E, e + (f * p + r) * error_area + q, lanes)
            else:
                shared = load(dS, back + r * area + q, lanes)
                for f in range(2):
                    on = load_mask(bits, kept + ((n + f) * p + r) * bytes_ + q // 8, lanes)
                    error[f, r] = choose(on, shared, nothing)
        for y in range(p + k1 - 1):
            for b in range(k2):
                s = load(S, rows[y] + q + b, lanes)
                for f in range(2):
                    for r in range(p):
                        if (y - r >= 0) * (y - r < k1):
                            g[f, y - r, b] = multiply_add(error[f, r], s, g[f, y - r, b])
    for f in range(2):
        if n + f < layer.filters:
            tap = layer.sums + ((n + f) * layer.maps + k) * (k1 * k2 * lanes)
            for a in range(k1):
                for b in range(k2):
                    at = tap + (a * k2 + b) * lanes
                    store(sums, at, add(load(sums, at, lanes), g[f, a, b]))


def gather_filter_gradient(layer: Any, sums: Any, gradient: Any) -> None:
    """Add up ∂E/∂F from the vectors of ``filter_gradient``."""
    for tap in range(layer.filters * layer.maps * (k1 * k2)):
        gradient[layer.dF + tap] += total(load(sums, layer.sums + tap * lanes, lanes))


def correlate_back(layer: Any, F_turned: Any, E: Any, e: int, n: int, k: int, dS: Any) -> None:
    """N29, N34: ``∂E/∂S_k += ∂E/∂T_n @ F_kn^{ππ}``, padded by the zeros around E."""
    area, back = layer.area, layer.S
    rows = registers(p + k1 - 1)
    t = registers(p)
    for y in range(p + k1 - 1):
        rows[y] = e + (y + 1 - k1) % p * layer.error_area + (y + 1 - k1) // p * layer.stride + 1 - k2
    tap = layer.F + (n * layer.maps + k) * (k1 * k2)
    for q in range(0, layer.entry_run, lanes):
        for r in range(p):
            t[r] = load(dS, back + (k * p + r) * area + q, lanes)
        for y in range(p + k1 - 1):
            for b in range(k2):
                s = load(E, rows[y] + q + b, lanes)
                for r in range(p):
                    if (y - r >= 0) * (y - r < k1):
                        t[r] = multiply_add(spread(F_turned, tap + (y - r) * k2 + b, lanes), s, t[r])
        for r in range(p):
            store(dS, back + (k * p + r) * area + q, t[r])
