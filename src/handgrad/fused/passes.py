"""Both passes over chunks of the batch: the kernels in the order of the notes, from pixels to losses and back."""

from __future__ import annotations

from typing import Any

from handgrad.fused.convolution import (
    correlate_back,
    error_of_maps,
    filter_gradient,
    gather_filter_gradient,
    rectify,
    rectify_error,
    rectify_maps,
)
from handgrad.fused.dense import backward, forward, outcomes, softmax, turn, weight_gradient
from handgrad.fused.images import depth_gradient, load_image
from handgrad.fused.pooling import gather_patches, pool, pool_back, spread_error, sum_pooled
from handgrad.fused.sizes import p, weighted
from handgrad.fused.spinning import take


def convolve(plan: Any, theta: Any, packed: Any, scratch: Any, slot: int, x: Any, first: int) -> None:
    """N1–N10 of one image: from its maps to its row x', from `first` on."""
    S, U, winners = scratch.S[slot], scratch.U[slot], scratch.winners[slot]
    for number in range(plan.shape[0]):
        layer = plan[number]
        following = plan[number if layer.last else number + 1]
        if layer.last:
            pool(layer, packed.F, S, x, first, winners)
        elif layer.pooled:
            pool(layer, packed.F, S, U, layer.U, winners)
            sum_pooled(layer, following, theta, U, S)
        elif weighted:
            rectify_maps(layer, following, packed.F, theta, S)
        else:
            rectify(layer, following, packed.F, S, scratch.bits[slot])


def convolve_back(plan: Any, theta: Any, packed: Any, scratch: Any, slot: int, gradient: Any, first: int) -> None:
    """N24–N30, N34 and N35 of one image: from ∂E/∂x', in ``scratch.dx`` from `first` on, to the sums of its chunk."""
    S, bits, winners, U, dS, E = (
        scratch.S[slot], scratch.bits[slot], scratch.winners[slot], scratch.U[slot], scratch.dS, scratch.E,
    )  # fmt: skip
    dS[:] = 0
    for number in range(plan.shape[0] - 1, -1, -1):
        layer = plan[number]
        following = plan[number if layer.last else number + 1]
        if layer.last:
            pool_back(layer, packed.table, S, scratch.dx, first, winners, dS, scratch.sums)
        elif layer.pooled:
            spread_error(layer, following, theta, U, dS, scratch.dU, gradient)
            pool_back(layer, packed.table, S, scratch.dU, 0, winners, dS, scratch.sums)
        else:
            for n in range(0, layer.filters, 2):
                inner = number > 0 or layer.weighted
                for f in range(min(2, layer.filters - n)):
                    e = layer.E + f * p * layer.error_area
                    if weighted:
                        error_of_maps(
                            layer, following, packed.F, theta, S, dS, n + f, scratch.alpha_sums, E, e, gradient
                        )
                    elif inner:
                        rectify_error(layer, following, dS, bits, n + f, E, e)
                    if inner:
                        for k in range(layer.maps):
                            correlate_back(layer, packed.turned, E, e, n + f, k, dS)
                for k in range(layer.maps):
                    filter_gradient(layer, following, S, dS, bits, E, layer.E, n, k, scratch.sums)


def predict(
    X: Any, scale: Any, shift: Any, alpha: Any, plan: Any, denses: Any, theta: Any, packed: Any, scratch: Any,
    rows: Any, stride: int, z: Any, counter: Any, size: int,
) -> None:  # fmt: skip
    """N1–N14, one chunk of `size` images after the other, until the threads together have done all of them."""
    batch, row = X.shape[0], denses[0].row
    while True:
        start = take(counter) * size
        if start >= batch:
            return
        stop = min(start + size, batch)
        for i in range(start, stop):
            load_image(X[i], scale, shift, alpha, plan[0], scratch.S[0])
            convolve(plan, theta, packed, scratch, 0, scratch.dx, (i - start) * row)
        forward(denses, theta, scratch.dx, 0, stop - start, rows.t, stride, start)
        last = denses[denses.shape[0] - 1]
        for i in range(start, stop):
            first = i * stride + last.t
            softmax(rows.t[first : first + last.outputs], z[i])


def learn(
    X: Any, y: Any, weights: Any, scale: Any, shift: Any, alpha: Any, plan: Any, denses: Any, theta: Any, packed: Any,
    scratch: Any, rows: Any, stride: int, z: Any, losses: Any, gradients: Any, counter: Any, size: int,
) -> None:  # fmt: skip
    """N1–N30, N34 and N35, one chunk after the other, except the dense weights' gradients, which need the batch."""
    batch, row = X.shape[0], denses[0].row
    while True:
        number = take(counter)
        start = number * size
        if start >= batch:
            return
        stop = min(start + size, batch)
        gradient = gradients[number]
        gradient[:] = 0
        scratch.sums[:] = 0
        for i in range(start, stop):
            slot = i - start
            load_image(X[i], scale, shift, alpha, plan[0], scratch.S[slot])
            convolve(plan, theta, packed, scratch, slot, rows.x, i * row)
        forward(denses, theta, rows.x, start * row, stop - start, rows.t, stride, start)
        last = denses[denses.shape[0] - 1]
        for i in range(start, stop):
            first = i * stride + last.t
            end = first + last.outputs
            losses[i] = outcomes(rows.t[first:end], y[i], weights[i], z[i], rows.dt[first:end])
        backward(denses, packed.w, rows.t, rows.dt, stride, start, stop - start, scratch.dx)
        for i in range(start, stop):
            convolve_back(plan, theta, packed, scratch, i - start, gradient, (i - start) * row)
            # Two conditions, since the first is known at compile time.
            if weighted:  # noqa: SIM102
                if plan[0].weighted:
                    depth_gradient(X[i], scale, shift, plan[0], scratch.dS, gradient)
        for number in range(plan.shape[0]):
            layer = plan[number]
            if layer.pooled:
                gather_patches(layer, scratch.sums, gradient)
            else:
                gather_filter_gradient(layer, scratch.sums, gradient)


def dense_gradients(batch: int, denses: Any, rows: Any, stride: int, gradient: Any, tasks: Any, counter: Any) -> None:
    """N18, N19 and N22, one task after the other: (layer, first row, end)."""
    while True:
        number = take(counter)
        if number >= tasks.shape[0]:
            return
        layer, first, end = tasks[number, 0], tasks[number, 1], tasks[number, 2]
        weight_gradient(denses, layer, rows.x, rows.t, rows.dt, stride, batch, first, end, gradient)


def turn_weights(denses: Any, theta: Any, turned: Any) -> None:
    """Transpose the weights of every layer."""
    for number in range(denses.shape[0]):
        layer = denses[number]
        turn(theta, layer.w, layer.inputs, layer.outputs, turned, layer.turned, layer.row)
