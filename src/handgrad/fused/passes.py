"""Both passes over a chunk of the batch: the kernels in the order of the notes, for any number of layers."""

from __future__ import annotations

from typing import Any

from handgrad.fused.convolution import correlate, filter_gradient, rectify, rectify_error, rectify_map
from handgrad.fused.dense import (
    add_four_rows,
    add_products,
    add_row,
    combine_rows,
    copy_row,
    dot,
    softmax_cross_entropy,
    transpose_cells,
    untranspose_cells,
)
from handgrad.fused.pooling import pool, pool_error, pool_map
from handgrad.fused.sizes import k1, k2, p
from handgrad.fused.windows import error_windows, gather_phases, phases, scatter_phases, windows


def convolve(plan: Any, theta: Any, F: Any, S0: Any, kept: Any, slot: int, scratch: Any, x: Any) -> None:
    """N1–N10 of one image: from its maps to its row x'."""
    S, bits, winners, pooled = kept.S[slot], kept.bits[slot], kept.winners[slot], kept.U[slot]
    for number in range(plan.shape[0]):
        layer = plan[number]
        entry = S0 if number == 0 else S
        filters, maps, run = layer.filters, layer.maps, layer.run
        F_layer = F[layer.F : layer.F + filters * maps * k1 * k2].reshape((filters, maps * k1 * k2))
        T = scratch.T
        if layer.pooled:
            U = x[: filters * run] if layer.last else pooled[layer.U : layer.U + filters * run]
            U_rows = U.reshape((filters, run))
            winner_rows = winners[layer.kept : layer.kept + filters * run].reshape((filters, run))
            if maps == 1:
                V, rows = windows(entry, layer.S, layer.area, layer.stride, run)
                pool(V, rows, F_layer, U_rows, winner_rows)
            else:
                for n in range(filters):
                    correlate_maps(layer, entry, F_layer[n], T)
                    pool_map(phases(T, 0, layer.area, run), U_rows, winner_rows, n)
            if not layer.last:
                following = plan[number + 1]
                area = following.area * p * p
                for k in range(following.maps):
                    natural = scratch.H[:run]
                    natural[:] = 0
                    for n in range(filters):
                        factor = theta[following.alpha + n * following.maps + k] if following.weighted else 1
                        add_row(natural, U_rows[n], theta.dtype.type(factor))
                    scatter_phases(natural, 0, layer, S, following.S + k * area, following)
        else:
            following = plan[number + 1]
            area = following.area * p * p
            words = (p * p + 7) // 8
            bit_rows = bits[layer.kept : layer.kept + filters * words * run].reshape((filters * words, run))
            S[following.S : following.S + following.maps * area] = 0
            if maps == 1 and not following.weighted:
                V, rows = windows(entry, layer.S, layer.area, layer.stride, run)
                rectify(V, rows, F_layer, phases(S, following.S, layer.area, run), bit_rows)
            else:
                for n in range(filters):
                    correlate_maps(layer, entry, F_layer[n], T)
                    H = scratch.H[:area]
                    rectify_map(phases(T, 0, layer.area, run), phases(H, 0, layer.area, run), bit_rows, n)
                    for k in range(following.maps):
                        factor = theta[following.alpha + n * following.maps + k] if following.weighted else 1
                        first = following.S + k * area
                        add_row(S[first : first + area], H, theta.dtype.type(factor))


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
        words = (p * p + 7) // 8
        following = plan[number if layer.last else number + 1]
        for n in range(filters):
            if layer.pooled:
                winner_rows = winners[layer.kept : layer.kept + filters * run].reshape((filters, run))
                if layer.last:
                    pool_error(dx[n * run : (n + 1) * run], winner_rows, n, E)
                else:
                    value = pooled[layer.U + n * run : layer.U + (n + 1) * run]
                    error = scratch.dM[layer.dM : layer.dM + following.maps * run]
                    weighed = weigh_error(following, theta, n, error, run, value, scratch.G, gradient)
                    pool_error(weighed, winner_rows, n, E)
            else:
                bit_rows = bits[layer.kept : layer.kept + filters * words * run].reshape((filters * words, run))
                error = scratch.dS[following.dS : following.dS + following.maps * area]
                value = scratch.H[:area]
                if following.weighted:
                    correlate_maps(
                        layer, entry, F[layer.F + n * maps * taps : layer.F + (n + 1) * maps * taps], scratch.T
                    )
                    rectify_map(phases(scratch.T, 0, layer.area, run), phases(value, 0, layer.area, run), bit_rows, n)
                weighed = weigh_error(following, theta, n, error, area, value, scratch.G, gradient)
                rectify_error(phases(weighed, 0, layer.area, run), bit_rows, n, E)
            for k in range(maps):
                place = layer.F + (n * maps + k) * taps
                V, rows = windows(entry, layer.S + k * area, layer.area, layer.stride, run)
                filter_gradient(V, rows, E, gradient[place : place + taps])
                if number > 0 or layer.weighted:
                    target = phases(dS, k * area, layer.area, layer.entry_run)
                    correlate(padded, padded_rows, F_turned[place : place + taps], target)
        if number > 0 and plan[number - 1].pooled:
            source = plan[number - 1]
            for k in range(maps):
                gather_phases(dS, k * area, layer, scratch.dM, source.dM + k * source.run, source)


def weigh_error(
    following: Any, theta: Any, n: int, error: Any, size: int, value: Any, weighed: Any, gradient: Any
) -> Any:
    """N35: ``∂E/∂H_n = Σ_k α[n,k] · ∂E/∂S_k`` and ∂E/∂α[n,k]; N29's one map where there are no depth weights."""
    if not following.weighted:
        return error
    weighed[:size] = 0
    for k in range(following.maps):
        part = error[k * size : (k + 1) * size]
        add_row(weighed[:size], part, theta[following.alpha + n * following.maps + k])
        gradient[following.alpha_gradient + n * following.maps + k] += dot(value[:size], part)
    return weighed[:size]


def dense_forward(denses: Any, theta: Any, W: Any, x: Any, t: Any, start: int, stop: int) -> None:
    """N11–N13 of images `start` to `stop`: each layer's results after its ReLU, the last layer's before the softmax."""
    batch = x.shape[0]
    entry = x
    for number in range(denses.shape[0]):
        layer = denses[number]
        result = t[layer.t * batch : (layer.t + layer.outputs) * batch].reshape((batch, layer.outputs))
        for s in range(start, stop):
            copy_row(theta[layer.b : layer.b + layer.outputs], result[s])
        weights = W[layer.W : layer.W + layer.inputs * layer.outputs].reshape((layer.outputs, layer.inputs))
        add_products(entry[start:stop], weights, result[start:stop])
        if number < denses.shape[0] - 1:
            rectify_results(result, start, stop)
        entry = result


def dense_forward_few(denses: Any, last: Any, offsets: Any, theta: Any, x: Any, t: Any, start: int, stop: int) -> None:
    """As ``dense_forward``, from the weights as they lie in the parameters: for so few images it saves transposing."""
    batch = x.shape[0]
    entry = x
    for number in range(denses.shape[0]):
        layer = denses[number]
        inputs = last.rows * last.columns * last.filters if number == 0 else layer.inputs
        w = theta[offsets[number] : offsets[number] + inputs * layer.outputs].reshape((inputs, layer.outputs))
        result = t[layer.t * batch : (layer.t + layer.outputs) * batch].reshape((batch, layer.outputs))
        for s in range(start, stop):
            copy_row(theta[layer.b : layer.b + layer.outputs], result[s])
            # Number i of x' lies at cell (row, column) of filter n; behind the first layer at i.
            group = last.filters if number == 0 else inputs
            step = last.run if number == 0 else 1
            for cell in range(inputs // group):
                place = cell // last.columns * last.stride + cell % last.columns
                for n in range(0, group - 3, 4):
                    add_four_rows(
                        result[s], w, cell * group + n, entry[s, place + n * step], entry[s, place + (n + 1) * step],
                        entry[s, place + (n + 2) * step], entry[s, place + (n + 3) * step],
                    )  # fmt: skip
                for n in range(group - group % 4, group):
                    add_row(result[s], w[cell * group + n], entry[s, place + n * step])
        if number < denses.shape[0] - 1:
            rectify_results(result, start, stop)
        entry = result


def rectify_results(t: Any, start: int, stop: int) -> None:
    """N12: ``h' = f(t')`` of images `start` to `stop`."""
    zero = t.dtype.type(0)
    for s in range(start, stop):
        for o in range(t.shape[1]):
            if zero > t[s, o]:
                t[s, o] = zero


def dense_back(denses: Any, W: Any, x: Any, t: Any, dt: Any, dx: Any, start: int, stop: int) -> None:
    """N20, N21 and N23 of images `start` to `stop`, from the last layer's error on."""
    batch = x.shape[0]
    for number in range(denses.shape[0] - 1, -1, -1):
        layer = denses[number]
        error = dt[layer.t * batch : (layer.t + layer.outputs) * batch].reshape((batch, layer.outputs))
        weights = W[layer.W : layer.W + layer.inputs * layer.outputs].reshape((layer.outputs, layer.inputs))
        if number == 0:
            dx[: stop - start] = 0
            combine_rows(error[start:stop], weights, 0, dx[: stop - start])
        else:
            previous = denses[number - 1]
            where = slice(previous.t * batch, (previous.t + previous.outputs) * batch)
            result = t[where].reshape((batch, previous.outputs))
            entering = dt[where].reshape((batch, previous.outputs))
            entering[start:stop] = 0
            combine_rows(error[start:stop], weights, 0, entering[start:stop])
            for s in range(start, stop):
                for o in range(previous.outputs):
                    # A result that is no number keeps its error: NaN stays NaN.
                    if result[s, o] <= 0:
                        entering[s, o] = 0


def chunk_passes(
    plan: Any,
    denses: Any,
    theta: Any,
    packed: Any,
    shared: Any,
    kept: Any,
    scratch: Any,
    start: int,
    stop: int,
    gradient: Any,
) -> None:
    """Both passes of images `start` to `stop`; the dense layers' gradients apart, which ``weight_gradient`` takes."""
    F, F_turned, W = packed
    batch = shared.x.shape[0]
    for i in range(start, stop):
        convolve(plan, theta, F, shared.S0[i], kept, i - start, scratch, shared.x[i])
    dense_forward(denses, theta, W, shared.x, shared.t, start, stop)
    layer = denses[denses.shape[0] - 1]
    where = slice(layer.t * batch, (layer.t + layer.outputs) * batch)
    logits, errors = shared.t[where].reshape((batch, layer.outputs)), shared.dt[where].reshape((batch, layer.outputs))
    weight = theta.dtype.type(1 / batch)
    for i in range(start, stop):
        shared.E[i] = softmax_cross_entropy(logits[i], shared.y[i], weight, shared.z[i], errors[i])
    dense_back(denses, W, shared.x, shared.t, shared.dt, scratch.dx, start, stop)
    gradient[:] = 0
    for i in range(start, stop):
        convolve_back(plan, theta, F, F_turned, shared.S0[i], kept, i - start, scratch, scratch.dx[i - start], gradient)
        if plan[0].weighted:
            copy_row(scratch.dS[plan[0].dS : plan[0].dS + shared.dS0.shape[1]], shared.dS0[i])


def chunk_predictions(
    plan: Any, denses: Any, offsets: Any, theta: Any, packed: Any, shared: Any, kept: Any, scratch: Any, few: bool,
    start: int, stop: int,
) -> None:  # fmt: skip
    """N1–N14 of images `start` to `stop`."""
    F, _, W = packed
    batch = shared.x.shape[0]
    for i in range(start, stop):
        convolve(plan, theta, F, shared.S0[i], kept, 0, scratch, shared.x[i])
    if few:
        dense_forward_few(denses, plan[plan.shape[0] - 1], offsets, theta, shared.x, shared.t, start, stop)
    else:
        dense_forward(denses, theta, W, shared.x, shared.t, start, stop)
    layer = denses[denses.shape[0] - 1]
    logits = shared.t[layer.t * batch : (layer.t + layer.outputs) * batch].reshape((batch, layer.outputs))
    for i in range(start, stop):
        softmax_cross_entropy(logits[i], shared.y[i], theta.dtype.type(0), shared.z[i], shared.dz)


def transpose_weights(denses: Any, last: Any, offsets: Any, theta: Any, W: Any, start: int, stop: int) -> None:
    """Weights as ``dense`` wants them: those behind filters `start` to `stop`, and the later layers with the first."""
    layer = denses[0]
    weights = W[layer.W : layer.W + layer.inputs * layer.outputs].reshape((layer.outputs, layer.inputs))
    cells = last.rows * last.columns * last.filters
    source = theta[offsets[0] : offsets[0] + cells * layer.outputs].reshape((cells, layer.outputs))
    for n in range(start, stop):
        transpose_cells(source, n, last.filters, last.rows, last.columns, last.stride, weights, n * last.run)
    if start == 0:
        for number in range(1, denses.shape[0]):
            layer = denses[number]
            for o in range(layer.outputs):
                for i in range(layer.inputs):
                    W[layer.W + o * layer.inputs + i] = theta[offsets[number] + i * layer.outputs + o]


def weight_gradient(
    denses: Any, last: Any, offsets: Any, shared: Any, C: Any, gradient: Any, start: int, stop: int
) -> None:
    """N18, N19 and N22: those behind filters `start` to `stop`, and the later layers with the first."""
    batch = shared.x.shape[0]
    layer = denses[0]
    error = shared.dt[: layer.outputs * batch].reshape((batch, layer.outputs))
    turned = error.T.copy()
    cells = last.rows * last.columns * last.filters
    target = gradient[offsets[0] : offsets[0] + cells * layer.outputs].reshape((cells, layer.outputs))
    together = max(1, C.size // (layer.outputs * last.run))
    for first in range(start, stop, together):
        count = min(together, stop - first)
        sums = C[: layer.outputs * count * last.run].reshape((layer.outputs, count * last.run))
        sums[:] = 0
        combine_rows(turned, shared.x, first * last.run, sums)
        for n in range(count):
            untranspose_cells(sums, n * last.run, first + n, last.filters, last.rows, last.columns, last.stride, target)
    if start == 0:
        for number in range(denses.shape[0]):
            layer = denses[number]
            error = shared.dt[layer.t * batch : (layer.t + layer.outputs) * batch].reshape((batch, layer.outputs))
            for o in range(layer.outputs):
                gradient[layer.b + o] = 0
            for s in range(batch):
                for o in range(layer.outputs):
                    gradient[layer.b + o] += error[s, o]
            if number > 0:
                previous = denses[number - 1]
                entry = shared.t[previous.t * batch : (previous.t + previous.outputs) * batch].reshape(
                    (batch, previous.outputs)
                )
                target = gradient[offsets[number] : offsets[number] + layer.inputs * layer.outputs].reshape(
                    (layer.inputs, layer.outputs)
                )
                target[:] = 0
                combine_rows(entry.T.copy(), error, 0, target)
