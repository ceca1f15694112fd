"""The proof: every backward line against central finite differences in float64.

Each line is checked alone – a random cotangent g enters, and what the line makes of it is compared with the
differences of ``⟨g, f(x)⟩``, f being the line's forward line – and then all of them together, as E by each parameter
and by the image. Where a ReLU or a pooling window would change its mind inside the difference, the step is made
smaller, and where that does not help the coordinate is left for another one.

The error is ``|analytic − numeric| / max(|analytic|, |numeric|, scale / 100)``, the worst over the coordinates, the
scale being the largest derivative met; half of the coordinates have the largest derivatives, half are drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from handgrad.architecture import Architecture, Convolution, Dense
from handgrad.notes import activation, catalogue, convolution, dense, descent, loss, maps, network, pooling
from handgrad.parameters import Parameters
from handgrad.typing import Array, Integers

TOLERANCE = 1e-7
"""Largest relative error that passes."""

COORDINATES = 24
"""Numbers of each tensor that are checked."""

_STEPS = (1e-3, 1e-4, 1e-5, 1e-6)

_Pattern = tuple[Integers, ...]


@dataclass(frozen=True, slots=True)
class LineCheck:
    """The verdict on one derivative.

    Parameters
    ----------
    number : str
        The line, "N17"; "N17–N30" for the whole pass.
    derivative : str
        What was checked, "∂E/∂t2'".
    formula : str
        The line, as on the page.
    error : float
        Worst relative error.
    coordinates : int
        Numbers compared; 0 where every one sat on a kink.
    """

    number: str
    derivative: str
    formula: str
    error: float
    coordinates: int

    @property
    def verdict(self) -> Literal["pass", "fail", "kink"]:
        """Whether the error is within ``TOLERANCE``; "kink" where there was no derivative to compare with."""
        if self.coordinates == 0 and self.error == 0:
            return "kink"
        return "pass" if self.error <= TOLERANCE else "fail"


@dataclass(frozen=True, slots=True)
class _Claim:
    """That `analytic` is the derivative of the number ``objective(x)``; `pattern` tells the pieces f is made of."""

    number: str
    of: str
    x: Array
    objective: Callable[[Array, Array], float]
    analytic: Array
    pattern: Callable[[Array], _Pattern] = lambda x: ()
    part: int | None = None

    @property
    def formula(self) -> str:
        """The line as on the page, or the one of its formulas that is claimed."""
        if "–" in self.number:
            return "all lines together"
        formula = catalogue.line(self.number).formula
        return formula if self.part is None else re.split(r", (?=∂)", formula)[self.part]


def networks_of_the_notes(rng: np.random.Generator) -> list[tuple[Parameters, Array]]:
    """Two small networks with images on which every line occurs: the notes' own, and one with maps."""
    sizes = {"classes": 3, "hidden": (6,), "stages": ((5, 4),)}
    architectures = (
        Architecture(input_shape=(13, 11, 3), **sizes),  # type: ignore[arg-type]
        Architecture(input_shape=(11, 13, 3), **sizes, maps=2),  # type: ignore[arg-type]
    )
    return [
        (Parameters.draw(architecture, rng, np.float64), rng.standard_normal((2, *architecture.input_shape)))
        for architecture in architectures
    ]


def check(parameters: Parameters, X: Array, rng: np.random.Generator) -> Iterator[LineCheck]:
    """Check every backward line on a network and its images.

    Parameters
    ----------
    parameters : Parameters
        Any precision; the check runs in float64.
    X : array, shape (batch, height, width, depth)
        Images, standardised.
    rng : numpy.random.Generator
        Draws cotangents, ideal outputs and coordinates.

    Yields
    ------
    LineCheck
        One for each derivative, in the order of the notes.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> all(line.verdict == "pass" for network in networks_of_the_notes(rng) for line in check(*network, rng))
    True
    """
    parameters, X = parameters.astype(np.float64), X.astype(np.float64)
    # Soft ideal outputs, so that E stays of size 1 and its differences exact, however sure the network is.
    y = rng.dirichlet(np.ones(parameters.architecture.classes), len(X))
    values = network.forward(parameters, X, y)
    claims = [*_examples(rng), *_lines(parameters, values, y, rng), *_passes(parameters, values, y)]
    for claim in sorted(claims, key=_place):
        error, coordinates = _compare(claim, rng)
        yield LineCheck(claim.number, claim.of, claim.formula, error, coordinates)


def _place(claim: _Claim) -> tuple[bool, int]:
    """Line by line, the whole passes last."""
    first, _, rest = claim.number.partition("–")
    return bool(rest), int(first.removeprefix("N"))


def _compare(claim: _Claim, rng: np.random.Generator) -> tuple[float, int]:
    """Worst relative error over some coordinates of a claim, and how many were compared."""
    if claim.analytic.shape != claim.x.shape:
        return float("inf"), 0
    flat = np.abs(claim.analytic).ravel()
    largest = np.argsort(-flat, kind="stable")[: COORDINATES // 2]
    drawn = rng.permutation(flat.size)
    order = list(dict.fromkeys([*largest.tolist(), *drawn[: 4 * COORDINATES].tolist()]))
    pairs = []
    for index in order:
        place = np.unravel_index(index, claim.x.shape)
        numeric = _difference(claim, place)
        if numeric is not None:
            pairs.append((claim.analytic[place], numeric))
        if len(pairs) == COORDINATES:
            break
    if not pairs:
        return 0.0, 0
    analytic, numeric = np.array(pairs).T
    size = np.maximum(np.abs(analytic), np.abs(numeric))
    floor = max(size.max() / 100, np.finfo(np.float64).tiny)
    return float(np.max(np.abs(analytic - numeric) / np.maximum(size, floor))), len(pairs)


def _difference(claim: _Claim, place: tuple[np.intp, ...]) -> float | None:
    """Central difference of fourth order at one coordinate; None where f has a kink there."""
    at = claim.pattern(claim.x)

    def moved(by: float) -> Array:
        x = claim.x.copy()
        x[place] += by
        return x

    for h in _STEPS:
        outer = moved(2 * h), moved(-2 * h)
        if all(_same(claim.pattern(x), at) for x in outer):
            inner = moved(h), moved(-h)
            return (8 * claim.objective(*inner) - claim.objective(*outer)) / (12 * h)
    return None


def _same(one: _Pattern, other: _Pattern) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _dot(f: Callable[[Array], Array], g: Array) -> Callable[[Array, Array], float]:
    """The change of ``⟨g, f(x)⟩`` between two x, subtracted before it is summed so that little is lost."""
    return lambda above, below: float(np.sum(g * (f(above) - f(below))))


def _lines(parameters: Parameters, values: network.Tensors, y: Array, rng: np.random.Generator) -> Iterator[_Claim]:
    for layer in parameters.architecture.denses:
        yield from _dense_lines(layer, parameters, values, y, rng)
    for conv in parameters.architecture.convolutions:
        yield from _around_convolution(conv, parameters.architecture.pooling, values, rng)
        if conv.depth_weight_shape:
            yield from _map_lines(conv, parameters, values, rng)
        else:
            yield from _convolution_lines(conv, parameters, values, rng)
    last = parameters.architecture.convolutions[-1]
    g = rng.standard_normal(values["x'"].shape)
    U = values[last.output]
    yield _Claim("N24", f"∂E/∂{last.output}", U, _dot(pooling.flatten, g), pooling.unflatten(g, U.shape[1:]))
    yield _descent_line(parameters, rng)


def _dense_lines(
    layer: Dense, parameters: Parameters, values: network.Tensors, y: Array, rng: np.random.Generator
) -> Iterator[_Claim]:
    x, t, w, b = values[layer.input], values[layer.t], parameters[layer.w], parameters[layer.b]
    g = rng.standard_normal(t.shape)
    if layer.last:
        weights = rng.standard_normal(len(t))
        analytic = weights[:, None] * loss.softmax_cross_entropy_backward(loss.softmax(t), y)
        yield _Claim("N17", f"∂E/∂{layer.t}", t, _dot(partial(loss.cross_entropy, y=y), weights), analytic)
    else:
        yield _relu("N21", layer.t, t, g)
    first = layer.index == 1 and not layer.last
    mean = g / len(x)
    yield _Claim(
        "N22" if first else "N18",
        f"∂E/∂{layer.w}",
        w,
        _dot(lambda w: dense.dense(x, w, b), mean),
        dense.weight_gradient(x, g),
        part=0 if first else None,
    )
    yield _Claim(
        "N22" if first else "N19",
        f"∂E/∂{layer.b}",
        b,
        _dot(lambda b: dense.dense(x, w, b), mean),
        dense.bias_gradient(g),
        part=1 if first else None,
    )
    yield _Claim(
        "N23" if layer.index == 1 else "N20",
        f"∂E/∂{layer.input}",
        x,
        _dot(lambda x: dense.dense(x, w, b), g),
        dense.input_gradient(g, w),
    )


def _relu(number: str, name: str, t: Array, g: Array) -> _Claim:
    return _Claim(
        number,
        f"∂E/∂{name}",
        t,
        _dot(activation.relu, g),
        activation.relu_backward(g, t),
        lambda t: (np.sign(t).astype(int),),
        part=0 if number == "N30" else None,
    )


def _around_convolution(
    conv: Convolution, p: int, values: network.Tensors, rng: np.random.Generator
) -> Iterator[_Claim]:
    T = values[conv.T]
    g = rng.standard_normal(values[conv.output].shape)
    if conv.pooled_shape:
        yield _Claim(
            "N25",
            f"∂E/∂{conv.T}",
            T,
            _dot(lambda T: pooling.max_pool(T, p), g),
            pooling.max_pool_backward(g, T, p),
            lambda T: (pooling.winners(T, p),),
        )
    else:
        yield _relu("N30", conv.T, T, g)


def _convolution_lines(
    conv: Convolution, parameters: Parameters, values: network.Tensors, rng: np.random.Generator
) -> Iterator[_Claim]:
    X, F = values[conv.input], parameters[conv.F]
    g = rng.standard_normal(values[conv.T].shape)
    by_F = _dot(lambda F: convolution.convolve(X, F), g / len(X))
    by_X = _dot(lambda X: convolution.convolve(X, F), g)
    first = conv.index == 1
    yield _Claim(
        "N30" if first else "N28",
        f"∂E/∂{conv.F}",
        F,
        by_F,
        convolution.filter_gradient(X, g),
        part=1 if first else None,
    )
    yield _Claim(
        "N30" if first else "N29",
        f"∂E/∂{conv.input}",
        X,
        by_X,
        convolution.input_gradient(g, F, X.shape[3]),
        part=2 if first else None,
    )


def _map_lines(
    conv: Convolution, parameters: Parameters, values: network.Tensors, rng: np.random.Generator
) -> Iterator[_Claim]:
    X, S, alpha, F = values[conv.input], values[conv.S], parameters[conv.alpha], parameters[conv.F]
    g = rng.standard_normal(values[conv.T].shape)
    by_F = _dot(lambda F: maps.convolve_maps(S, F), g / len(X))
    by_S = _dot(lambda S: maps.convolve_maps(S, F), g)
    yield _Claim("N34", f"∂E/∂{conv.F}", F, by_F, maps.filter_gradient(S, g), part=0)
    yield _Claim("N34", f"∂E/∂{conv.S}", S, by_S, maps.map_gradient(g, F), part=1)
    g = rng.standard_normal(S.shape)
    by_alpha = _dot(lambda alpha: maps.weigh_depth(X, alpha), g / len(X))
    by_X = _dot(lambda X: maps.weigh_depth(X, alpha), g)
    yield _Claim("N35", f"∂E/∂{conv.alpha}", alpha, by_alpha, maps.depth_weight_gradient(X, g), part=0)
    yield _Claim("N35", f"∂E/∂{conv.input}", X, by_X, maps.input_gradient(g, alpha), part=1)


def _descent_line(parameters: Parameters, rng: np.random.Generator) -> _Claim:
    """N31 moves θ by −η·g: the derivative by η of ``⟨c, θ(η)⟩`` is ``−⟨c, g⟩``."""
    theta = parameters.vector
    g, c = rng.standard_normal(theta.shape), rng.standard_normal(theta.shape)
    at_once = _dot(lambda rate: descent.step(theta, g, rate[0]), c)
    return _Claim("N31", "∂θ/∂η", np.array([0.1]), at_once, np.array([-(c @ g)]))


def _examples(rng: np.random.Generator) -> Iterator[_Claim]:
    """N16 and N27, with the numbers and sizes of the page."""
    T = np.array([[0, 0, 0, 0], [0, 8, 0, 5], [0, 8, 10, 0], [0, 0, 0, 0]], np.float64)[None, :, :, None]
    E = rng.standard_normal((1, 2, 2, 1))
    yield _Claim("N16", "∂E/∂T, 4 × 4", T, _dot(pooling.max_pool, E), pooling.max_pool_backward(E, T))
    P, F = rng.standard_normal((3, 3, 3)), rng.standard_normal((2, 2))

    def R11(F: Array) -> Array:
        return np.array(convolution.response(P, F, 0, 0))

    analytic = np.array([[convolution.response_derivative(P, 0, 0, a, b) for b in range(2)] for a in range(2)])
    yield _Claim("N27", "∂R11/∂F", F, _dot(R11, np.array(1.0)), analytic)


def _passes(parameters: Parameters, values: network.Tensors, y: Array) -> Iterator[_Claim]:
    """E by the image and by each parameter, through all lines at once."""
    gradients = network.backward(parameters, values, y)
    X = values["X"]
    number = "N17–N35" if parameters.architecture.maps else "N17–N30"

    def pieces(parameters: Parameters, X: Array) -> _Pattern:
        passed = network.forward(parameters, X, y)
        convolutions, denses = parameters.architecture.convolutions, parameters.architecture.denses
        signs = [np.sign(passed[conv.T]).astype(int) for conv in convolutions if not conv.pooled_shape]
        signs += [np.sign(passed[layer.t]).astype(int) for layer in denses if not layer.last]
        p = parameters.architecture.pooling
        return (*signs, *(pooling.winners(passed[conv.T], p) for conv in convolutions if conv.pooled_shape))

    def with_one(name: str, value: Array) -> Parameters:
        changed = parameters.copy()
        changed[name][...] = value
        return changed

    for name in parameters:
        yield _Claim(
            number,
            f"∂E/∂{name}",
            parameters[name],
            _dot(lambda value, name=name: network.forward(with_one(name, value), X, y)["E"], np.array(1 / len(X))),  # type: ignore[misc]
            gradients[name],
            lambda value, name=name: pieces(with_one(name, value), X),  # type: ignore[misc]
        )
    yield _Claim(
        number,
        "∂E/∂X",
        X,
        _dot(lambda X: network.forward(parameters, X, y)["E"], np.array(1.0)),
        gradients["X"],
        lambda X: pieces(parameters, X),
    )
