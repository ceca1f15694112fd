"""Wrong versions of every backward function, each a mistake that is easily made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.notes import activation, convolution, dense, loss, maps, pooling
from handgrad.typing import Array


@dataclass(frozen=True)
class Sabotage:
    """A function of ``handgrad.notes``, what is wrong with its replacement, and the replacement.

    ``square`` marks a mistake that fits the shapes only where every shape is square.
    """

    function: str
    mistake: str
    wrong: Callable[..., Any]
    square: bool = False


# The originals, held here so that a wrong version can call the right one after it was replaced.
_relu = activation.relu_backward
_weights, _biases, _inputs = dense.weight_gradient, dense.bias_gradient, dense.input_gradient
_unflatten, _unpool = pooling.unflatten, pooling.max_pool_backward
_filters, _image, _turned, _convolve = (
    convolution.filter_gradient,
    convolution.input_gradient,
    convolution.turned,
    convolution.convolve,
)
_response = convolution.response_derivative
_map_filters, _maps = maps.filter_gradient, maps.map_gradient
_alpha, _weighed = maps.depth_weight_gradient, maps.input_gradient


def _padded(dE_dT: Array, F: Array) -> Array:
    x1, y1 = F.shape[:2]
    return np.pad(dE_dT, ((0, 0), (x1 - 1, x1 - 1), (y1 - 1, y1 - 1), (0, 0)))


def _spread(dE_dU: Array, T: Array, p: int = 2) -> Array:
    """Each error to all cells of its window, as for a mean."""
    wide = np.zeros(T.shape)
    rows, columns = dE_dU.shape[1] * p, dE_dU.shape[2] * p
    wide[:, :rows, :columns] = dE_dU.repeat(p, axis=1).repeat(p, axis=2)
    return wide


def _next_cell(dE_dU: Array, T: Array, p: int = 2) -> Array:
    return np.roll(_unpool(dE_dU, T, p), 1, axis=2)


def _other_axis_order(dE_dx: Array, shape: tuple[int, ...]) -> Array:
    x, y, N = shape
    return dE_dx.reshape(-1, N, x, y).transpose(0, 2, 3, 1)


def _columns_first(dE_dx: Array, shape: tuple[int, ...]) -> Array:
    x, y, N = shape
    return dE_dx.reshape(-1, y, x, N).swapaxes(1, 2)


def _literal(dE_dT: Array, F: Array, depth: int) -> Array:
    """N29 as written: ``@`` sums the error over its depth first; the N maps it makes are then added up."""
    one = _convolve(_padded(dE_dT, F), _turned(F)).sum(axis=3)
    return np.broadcast_to(one[..., None], (*one.shape, depth))


def _literal_maps(dE_dT: Array, F: Array) -> Array:
    return _maps(dE_dT.sum(axis=3, keepdims=True), F.sum(axis=3, keepdims=True))


SABOTAGES = (
    Sabotage("loss.softmax_cross_entropy_backward", "without y", lambda z, y: z),
    Sabotage("loss.softmax_cross_entropy_backward", "sign", lambda z, y: y - z),
    Sabotage("loss.softmax_cross_entropy_backward", "softmax twice", lambda z, y: z * (1 - z) * (z - y)),
    Sabotage("loss.softmax_cross_entropy_backward", "mean over the batch", lambda z, y: (z - y) / len(z)),
    Sabotage("loss.softmax_cross_entropy_backward", "stops at z", loss.cross_entropy_backward),
    Sabotage("dense.weight_gradient", "sign", lambda x, g: -_weights(x, g)),
    Sabotage("dense.weight_gradient", "transposed", lambda x, g: _weights(x, g).T, square=True),
    Sabotage("dense.weight_gradient", "sum over the batch", lambda x, g: _weights(x, g) * len(x)),
    Sabotage("dense.weight_gradient", "images in another order", lambda x, g: _weights(x[::-1], g)),
    Sabotage("dense.bias_gradient", "sign", lambda g: -_biases(g)),
    Sabotage("dense.bias_gradient", "sum over the batch", lambda g: g.sum(axis=0)),
    Sabotage("dense.bias_gradient", "first image only", lambda g: g[0]),
    Sabotage("dense.bias_gradient", "the same for every neuron", lambda g: np.full(g.shape[1], g.mean())),
    Sabotage("dense.input_gradient", "sign", lambda g, w: -_inputs(g, w)),
    Sabotage("dense.input_gradient", "without the transpose", lambda g, w: g @ w, square=True),
    Sabotage("dense.input_gradient", "mean over the batch", lambda g, w: _inputs(g, w) / len(g)),
    Sabotage("activation.relu_backward", "sign", lambda g, t: -_relu(g, t)),
    Sabotage("activation.relu_backward", "without the mask", lambda g, t: g),
    Sabotage("activation.relu_backward", "mask upside down", lambda g, t: g * (t <= 0)),
    Sabotage("activation.relu_backward", "mask of the error", lambda g, t: np.maximum(g, 0)),
    Sabotage("activation.relu_backward", "f for f'", lambda g, t: g * np.maximum(t, 0)),
    Sabotage("pooling.unflatten", "sign", lambda g, shape: -_unflatten(g, shape)),
    Sabotage("pooling.unflatten", "filters first", _other_axis_order),
    Sabotage("pooling.unflatten", "columns first", _columns_first),
    Sabotage("pooling.max_pool_backward", "sign", lambda g, T, p=2: -_unpool(g, T, p)),
    Sabotage("pooling.max_pool_backward", "to all cells", _spread),
    Sabotage("pooling.max_pool_backward", "to the next cell", _next_cell),
    Sabotage("pooling.max_pool_backward", "to the minimum", lambda g, T, p=2: _unpool(g, -T, p)),
    Sabotage("pooling.max_pool_backward", "divided among the cells", lambda g, T, p=2: _unpool(g, T, p) / p**2),
    Sabotage("convolution.response_derivative", "sign", lambda P, i, j, a, b: -_response(P, i, j, a, b)),
    Sabotage("convolution.response_derivative", "R12 by F12", lambda P, i, j, a, b: _response(P, i, j + b, a, b)),
    Sabotage("convolution.response_derivative", "first depth only", lambda P, i, j, a, b: float(P[i + a, j + b, 0])),
    Sabotage("convolution.filter_gradient", "sign", lambda X, g: -_filters(X, g)),
    Sabotage("convolution.filter_gradient", "sum over the batch", lambda X, g: _filters(X, g) * len(X)),
    Sabotage("convolution.filter_gradient", "turned", lambda X, g: _turned(_filters(X, g))),
    Sabotage("convolution.filter_gradient", "transposed", lambda X, g: _filters(X, g).swapaxes(0, 1)),
    Sabotage("convolution.filter_gradient", "mean over the depth", lambda X, g: _filters(X, g) / X.shape[3]),
    Sabotage("convolution.filter_gradient", "first depth only", lambda X, g: _filters(X[..., :1], g)),
    Sabotage("convolution.input_gradient", "sign", lambda g, F, depth: -_image(g, F, depth)),
    Sabotage("convolution.input_gradient", "without the turn", lambda g, F, depth: _image(g, _turned(F), depth)),
    Sabotage("convolution.input_gradient", "turned by 90°", lambda g, F, depth: _image(g, np.rot90(F), depth), True),
    Sabotage("convolution.input_gradient", "transposed", lambda g, F, depth: _image(g, F.swapaxes(0, 1), depth), True),
    Sabotage("convolution.input_gradient", "as written", _literal),
    Sabotage("convolution.input_gradient", "N maps", lambda g, F, depth: _convolve(_padded(g, F), _turned(F)), True),
    Sabotage("convolution.input_gradient", "shared by the depths", lambda g, F, depth: _image(g, F, depth) / depth),
    Sabotage("convolution.input_gradient", "one cell off", lambda g, F, depth: np.roll(_image(g, F, depth), 1, axis=1)),
    Sabotage("descent.step", "plus", lambda theta, g, rate: theta + rate * g),
    Sabotage("descent.step", "rate squared", lambda theta, g, rate: theta - rate**2 * g),
    Sabotage("descent.step", "without the rate", lambda theta, g, rate: theta - g),
    Sabotage("maps.filter_gradient", "sign", lambda S, g: -_map_filters(S, g)),
    Sabotage("maps.filter_gradient", "sum over the batch", lambda S, g: _map_filters(S, g) * len(S)),
    Sabotage("maps.filter_gradient", "turned", lambda S, g: _turned(_map_filters(S, g))),
    Sabotage("maps.filter_gradient", "k and n swapped", lambda S, g: _map_filters(S, g).swapaxes(2, 3), True),
    Sabotage("maps.filter_gradient", "maps in another order", lambda S, g: _map_filters(S[..., ::-1], g)),
    Sabotage("maps.map_gradient", "sign", lambda g, F: -_maps(g, F)),
    Sabotage("maps.map_gradient", "without the turn", lambda g, F: _maps(g, _turned(F))),
    Sabotage("maps.map_gradient", "k and n swapped", lambda g, F: _maps(g, F.swapaxes(2, 3)), True),
    Sabotage("maps.map_gradient", "error summed over the depth first", _literal_maps),
    Sabotage("maps.depth_weight_gradient", "sign", lambda X, g: -_alpha(X, g)),
    Sabotage("maps.depth_weight_gradient", "sum over the batch", lambda X, g: _alpha(X, g) * len(X)),
    Sabotage("maps.depth_weight_gradient", "transposed", lambda X, g: _alpha(X, g).T, square=True),
    Sabotage(
        "maps.depth_weight_gradient",
        "depths summed first",
        lambda X, g: _alpha(np.broadcast_to(X.sum(axis=3, keepdims=True), X.shape), g),
    ),
    Sabotage("maps.input_gradient", "sign", lambda g, alpha: -_weighed(g, alpha)),
    Sabotage("maps.input_gradient", "without the transpose", lambda g, alpha: g @ alpha, square=True),
    Sabotage("maps.input_gradient", "α of 1", lambda g, alpha: _weighed(g, np.ones_like(alpha))),
)
"""At least one for every function of a backward line; those of ``square`` only where all shapes are square."""
