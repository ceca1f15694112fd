"""Both passes of the convolutions over a chunk of the batch: the kernels in the order of the notes."""

from __future__ import annotations

from typing import Any

from handgrad.fused.convolution import correlate, filter_gradient, rectify, rectify_error, rectify_map
from handgrad.fused.dense import classify
from handgrad.fused.images import depth_gradient, load
from handgrad.fused.pooling import flatten, pool, pool_error, pool_map, unflatten
from handgrad.fused.rows import add_row, dot
from handgrad.fused.sizes import k1, k2, keep, p, weighted
from handgrad.fused.windows import error_windows, gather_phases, phases, scatter_phases, windows


def convolve(plan: Any, theta: Any, F: Any, S0: Any, kept: Any, slot: int, scratch: Any, x: Any) -> None:
    """N1–N10 of one image: from its maps to its row x'."""
    S, bits, winners, pooled = kept.S[slot], kept.bits[slot], kept.winners[slot], kept.U[slot]
    for number in range(plan.shape[0]):
        layer = plan[number]
        entry = S0 if number == 0 else S
        filters, maps, run = layer.filters, layer.maps, layer.run
        F_layer = F[layer.F : layer.F + filters * maps * k1 * k2].reshape((filters, maps * k1 * k2))
        following = plan[number if layer.last else number + 1]
        if layer.pooled:
            U = scratch.U if layer.last else pooled
            U_rows = U[layer.U : layer.U + filters * run].reshape((filters, run))
            winner_rows = winners[layer.kept : layer.kept + filters * run].reshape((filters, run))
            if weighted:
                for n in range(filters):
                    correlate_maps(layer, entry, F_layer[n], scratch.T)
                    pool_map(phases(scratch.T, 0, layer.area, run), U_rows, winner_rows, n)
            else:
                V, rows = windows(entry, layer.S, layer.area, layer.stride, run)
                pool(V, rows, F_layer, scratch.codes, U_rows, winner_rows)
            if layer.last:
                flatten(U_rows, layer, x)
            else:
                sum_pooled(U_rows, layer, following, theta, scratch.H[:run], S)
        else:
            area = following.area * p * p
            bit_rows = bits[layer.kept : layer.kept + layer.bit_rows * run].reshape((layer.bit_rows, run))
            S[following.S : following.S + following.maps * area] = 0
            if weighted:
                for n in range(filters):
                    correlate_maps(layer, entry, F_layer[n], scratch.T)
                    H = scratch.H[:area]
                    rectify_map(phases(scratch.T, 0, layer.area, run), phases(H, 0, layer.area, run), bit_rows, n)
                    for k in range(following.maps):
                        first = following.S + k * area
                        add_row(S[first : first + area], H, depth_weight(following, theta, n, k))
            else:
                V, rows = windows(entry, layer.S, layer.area, layer.stride, run)
                rectify(V, rows, F_layer, phases(S, following.S, layer.area, run), bit_rows)


def depth_weight(layer: Any, theta: Any, n: int, k: int) -> Any:
    """α[n,k] of N32; 1 where a layer of depth 1, or of a network without maps, takes the plain sum."""
    return theta[layer.alpha + n * layer.maps + k] if layer.weighted else theta.dtype.type(1)


def sum_pooled(U: Any, layer: Any, following: Any, theta: Any, total: Any, S: Any) -> None:
    """N2's sum, or N32, in front of the next stage's first convolution."""
    area = following.area * p * p
    for k in range(following.maps):
        total[:] = 0
        for n in range(layer.filters):
            add_row(total, U[n], depth_weight(following, theta, n, k))
        scatter_phases(total, layer, S, following.S + k * area, following)


def correlate_maps(layer: Any, entry: Any, F: Any, T: Any) -> None:
    """N33: ``T = Σ_k S_k @ F_k`` of one filter."""
    area = layer.area * p * p
    T[:area] = 0
    for k in range(layer.maps):
        V, rows = windows(entry, layer.S + k * area, layer.area, layer.stride, layer.run)
        correlate(V, rows, F[k * k1 * k2 : (k + 1) * k1 * k2], phases(T, 0, layer.area, layer.run))


def convolve_back(
    plan: Any, theta: Any, F: Any, F_turned: Any, S0: Any, kept: Any, slot: int, scratch: Any, dx: Any, gradient: Any
) -> None:
    """N24–N30, N34 and N35 of one image: from ∂E/∂x' to the gradients of filters and depth weights."""
    S, bits, winners, pooled = kept.S[slot], kept.bits[slot], kept.winners[slot], kept.U[slot]
    taps = k1 * k2
    for number in range(plan.shape[0] - 1, -1, -1):
        layer = plan[number]
        entry = S0 if number == 0 else S
        filters, maps, run = layer.filters, layer.maps, layer.run
        area = layer.area * p * p
        dS = scratch.dS[layer.dS : layer.dS + maps * area]
        dS[:] = 0
        E = phases(scratch.E, layer.E + layer.margin, layer.error_area, run)
        padded, padded_rows = error_windows(
            scratch.E, layer.E + layer.margin, layer.error_area, layer.stride, layer.entry_run
        )
        V, rows = windows(entry, layer.S, layer.area, layer.stride, run)
        following = plan[number if layer.last else number + 1]
        if layer.last:
            unflatten(dx, layer, scratch.dU)
        for n in range(filters):
            if layer.last:
                pool_error(scratch.dU[n * run : (n + 1) * run], winners, layer.kept + n * run, E)
            elif layer.pooled:
                error = scratch.dM[layer.dM : layer.dM + following.maps * run]
                if weighted:
                    value = pooled[layer.U + n * run : layer.U + (n + 1) * run]
                    error = weigh_error(following, theta, n, error, run, value, scratch.G, gradient)
                pool_error(error, winners, layer.kept + n * run, E)
            else:
                bit_rows = bits[layer.kept : layer.kept + layer.bit_rows * run].reshape((layer.bit_rows, run))
                error = scratch.dS[following.dS : following.dS + following.maps * area]
                if weighted:
                    value = scratch.H[:area]
                    place = layer.F + n * maps * taps
                    correlate_maps(layer, entry, F[place : place + maps * taps], scratch.T)
                    rectify_map(phases(scratch.T, 0, layer.area, run), phases(value, 0, layer.area, run), bit_rows, n)
                    error = weigh_error(following, theta, n, error, area, value, scratch.G, gradient)
                rectify_error(phases(error, 0, layer.area, run), bit_rows, n, E)
            for k in range(maps):
                place = layer.F + (n * maps + k) * taps
                if weighted:
                    V, rows = windows(entry, layer.S + k * area, layer.area, layer.stride, run)
                filter_gradient(V, rows, E, gradient[place : place + taps])
                if number > 0 or layer.weighted:
                    target = phases(dS, k * area, layer.area, layer.entry_run)
                    correlate(padded, padded_rows, F_turned[place : place + taps], target)
        if number > 0 and plan[number - 1].pooled:
            source = plan[number - 1]
            for k in range(maps):
                gather_phases(dS, k * area, layer, scratch.dM[source.dM + k * source.run :], source)


def weigh_error(
    following: Any, theta: Any, n: int, error: Any, size: int, value: Any, weighed: Any, gradient: Any
) -> Any:
    """N35: ``∂E/∂H_n = Σ_k α[n,k] · ∂E/∂S_k``, and ∂E/∂α[n,k]; N29's one map where there are no depth weights."""
    if not following.weighted:
        return error
    weighed[:size] = 0
    for k in range(following.maps):
        part = error[k * size : (k + 1) * size]
        add_row(weighed[:size], part, theta[following.alpha + n * following.maps + k])
        gradient[following.alpha_gradient + n * following.maps + k] += dot(value[:size], part)
    return weighed[:size]


def forward(
    X: Any, scale: Any, shift: Any, alpha: Any, plan: Any, theta: Any, F: Any, S0: Any, kept: Any, scratch: Any, x: Any,
    start: int, stop: int,
) -> None:  # fmt: skip
    """N1–N10 of images `start` to `stop`, from pixels to rows of x'."""
    for i in range(start, stop):
        # What no backward pass will need is written over by the next image.
        slot = i * keep
        load(X[i], scale, shift, alpha, plan[0], S0[slot])
        convolve(plan, theta, F, S0[slot], kept, slot, scratch, x[i])


def predict_few(
    X: Any, scale: Any, shift: Any, alpha: Any, plan: Any, denses: Any, theta: Any, F: Any, S0: Any, kept: Any,
    scratch: Any, x: Any, z: Any,
) -> None:  # fmt: skip
    """N1–N14."""
    for i in range(X.shape[0]):
        load(X[i], scale, shift, alpha, plan[0], S0[0])
        convolve(plan, theta, F, S0[0], kept, 0, scratch, x[0])
        classify(denses, theta, x[0], scratch.t, z[i])


def backward(
    X: Any, scale: Any, shift: Any, plan: Any, theta: Any, F: Any, F_turned: Any, S0: Any, kept: Any, scratch: Any,
    dx: Any, gradient: Any, start: int, stop: int,
) -> None:  # fmt: skip
    """N24–N30, N34 and N35 of images `start` to `stop`: the sums of their gradients."""
    gradient[:] = 0
    for i in range(start, stop):
        convolve_back(plan, theta, F, F_turned, S0[i], kept, i, scratch, dx[i], gradient)
        # Two conditions, since the first is known when the kernel is compiled.
        if weighted:  # noqa: SIM102
            if plan[0].weighted:
                depth_gradient(X[i], scale, shift, plan[0], scratch.dS, gradient)
