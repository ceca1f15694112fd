"""What each backward line claims: alone, with a random cotangent, and all lines together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from handgrad.architecture import Convolution, Dense
from handgrad.notes import activation, convolution, dense, descent, loss, maps, network, pooling
from handgrad.parameters import Parameters
from handgrad.typing import Array, Integers
from handgrad.verify.difference import Claim, Pieces

BothPasses = Callable[[Parameters, Array, Array], tuple[Array, Array, Parameters]]
"""An engine's way from (parameters, X, ideal outputs) to (losses, probabilities, gradient of the mean loss)."""


def lines(parameters: Parameters, values: network.Tensors, y: Array, rng: np.random.Generator) -> Iterator[Claim]:
    """Every backward line of the network, at the tensors of its forward pass."""
    architecture = parameters.architecture
    for layer in architecture.denses:
        yield from _dense(layer, parameters, values, y, rng)
    for conv in architecture.convolutions:
        yield _after_convolution(conv, architecture.pooling, values, rng)
        if conv.mixing_shape:
            yield from _maps(conv, parameters, values, rng)
        else:
            yield from _convolution(conv, parameters, values, rng)
    last = architecture.convolutions[-1]
    U, g = values[last.output], rng.standard_normal(values["x'"].shape)
    yield Claim(
        number="N24",
        derivative=f"∂E/∂{last.output}",
        x=U,
        f=_smooth(pooling.flatten),
        cotangent=g,
        analytic=pooling.unflatten(g, U.shape[1:]),
    )
    yield _step(parameters, rng)


def _smooth(f: Callable[[Array], Array]) -> Callable[[Array], tuple[Array, Pieces]]:
    """A line without kinks."""
    return lambda x: (f(x), ())


def _sign(t: Array) -> Integers:
    return np.sign(t).astype(np.int8)


def _dense(
    layer: Dense, parameters: Parameters, values: network.Tensors, y: Array, rng: np.random.Generator
) -> Iterator[Claim]:
    x, t, w, b = values[layer.input], values[layer.t], parameters[layer.w], parameters[layer.b]
    g = rng.standard_normal(t.shape)
    if layer.last:
        weights = rng.standard_normal(len(t))
        yield Claim(
            number="N17",
            derivative=f"∂E/∂{layer.t}",
            x=t,
            f=_smooth(partial(loss.cross_entropy, y=y)),
            cotangent=weights,
            analytic=weights[:, None] * loss.softmax_cross_entropy_backward(loss.softmax(t), y),
        )
    else:
        yield _relu("N21", layer.t, t, g)
    first = layer.index == 1 and not layer.last
    yield Claim(
        number="N22" if first else "N18",
        derivative=f"∂E/∂{layer.w}",
        x=w,
        f=_smooth(lambda w: dense.dense(x, w, b)),
        cotangent=g / len(x),
        analytic=dense.weight_gradient(x, g),
        part=0 if first else None,
    )
    yield Claim(
        number="N22" if first else "N19",
        derivative=f"∂E/∂{layer.b}",
        x=b,
        f=_smooth(lambda b: dense.dense(x, w, b)),
        cotangent=g / len(x),
        analytic=dense.bias_gradient(g),
        part=1 if first else None,
    )
    yield Claim(
        number="N23" if layer.index == 1 else "N20",
        derivative=f"∂E/∂{layer.input}",
        x=x,
        f=_smooth(lambda x: dense.dense(x, w, b)),
        cotangent=g,
        analytic=dense.input_gradient(g, w),
    )


def _relu(number: str, name: str, t: Array, g: Array) -> Claim:
    return Claim(
        number=number,
        derivative=f"∂E/∂{name}",
        x=t,
        f=lambda t: (activation.relu(t), (_sign(t),)),
        cotangent=g,
        analytic=activation.relu_backward(g, t),
        part=0 if number == "N30" else None,
    )


def _after_convolution(conv: Convolution, p: int, values: network.Tensors, rng: np.random.Generator) -> Claim:
    T = values[conv.T]
    g = rng.standard_normal(values[conv.output].shape)
    if not conv.pooled_shape:
        return _relu("N30", conv.T, T, g)
    return Claim(
        number="N25",
        derivative=f"∂E/∂{conv.T}",
        x=T,
        f=lambda T: (pooling.max_pool(T, p), (pooling.winners(T, p),)),
        cotangent=g,
        analytic=pooling.max_pool_backward(g, T, p),
    )


def _convolution(
    conv: Convolution, parameters: Parameters, values: network.Tensors, rng: np.random.Generator
) -> Iterator[Claim]:
    X, F = values[conv.input], parameters[conv.F]
    g = rng.standard_normal(values[conv.T].shape)
    first = conv.index == 1
    yield Claim(
        number="N30" if first else "N28",
        derivative=f"∂E/∂{conv.F}",
        x=F,
        f=_smooth(lambda F: convolution.convolve(X, F)),
        cotangent=g / len(X),
        analytic=convolution.filter_gradient(X, g),
        part=1 if first else None,
    )
    yield Claim(
        number="N30" if first else "N29",
        derivative=f"∂E/∂{conv.input}",
        x=X,
        f=_smooth(lambda X: convolution.convolve(X, F)),
        cotangent=g,
        analytic=convolution.input_gradient(g, F, X.shape[3]),
        part=2 if first else None,
    )


def _maps(
    conv: Convolution, parameters: Parameters, values: network.Tensors, rng: np.random.Generator
) -> Iterator[Claim]:
    X, S, alpha, F = values[conv.input], values[conv.S], parameters[conv.alpha], parameters[conv.F]
    g = rng.standard_normal(values[conv.T].shape)
    h = rng.standard_normal(S.shape)
    yield Claim(
        number="N34",
        derivative=f"∂E/∂{conv.F}",
        x=F,
        f=_smooth(lambda F: maps.convolve_maps(S, F)),
        cotangent=g / len(X),
        analytic=maps.filter_gradient(S, g),
        part=0,
    )
    yield Claim(
        number="N34",
        derivative=f"∂E/∂{conv.S}",
        x=S,
        f=_smooth(lambda S: maps.convolve_maps(S, F)),
        cotangent=g,
        analytic=maps.map_gradient(g, F),
        part=1,
    )
    yield Claim(
        number="N35",
        derivative=f"∂E/∂{conv.alpha}",
        x=alpha,
        f=_smooth(lambda alpha: maps.weigh_depth(X, alpha)),
        cotangent=h / len(X),
        analytic=maps.depth_weight_gradient(X, h),
        part=0,
    )
    yield Claim(
        number="N35",
        derivative=f"∂E/∂{conv.input}",
        x=X,
        f=_smooth(lambda X: maps.weigh_depth(X, alpha)),
        cotangent=h,
        analytic=maps.input_gradient(h, alpha),
        part=1,
    )


def _step(parameters: Parameters, rng: np.random.Generator) -> Claim:
    """N31 moves θ by −η·g, so the derivative by η of ``⟨c, θ(η)⟩`` is ``−⟨c, g⟩``."""
    theta = parameters.vector
    g, c = rng.standard_normal(theta.shape), rng.standard_normal(theta.shape)
    return Claim(
        number="N31",
        derivative="∂θ/∂η",
        x=np.array([0.1]),
        f=_smooth(lambda rate: descent.step(theta, g, rate[0])),
        cotangent=c,
        analytic=np.array([-(c @ g)]),
    )


def examples(rng: np.random.Generator) -> Iterator[Claim]:
    """N16 and N27, with the numbers and sizes of the page."""
    T = np.array([[0, 0, 0, 0], [0, 8, 0, 5], [0, 8, 10, 0], [0, 0, 0, 0]], np.float64)[None, :, :, None]
    E = rng.standard_normal((1, 2, 2, 1))
    yield Claim(
        number="N16",
        derivative="∂E/∂T, 4 × 4",
        x=T,
        f=_smooth(pooling.max_pool),
        cotangent=E,
        analytic=pooling.max_pool_backward(E, T),
    )
    P, F = rng.standard_normal((3, 3, 3)), rng.standard_normal((2, 2))
    yield Claim(
        number="N27",
        derivative="∂R11/∂F",
        x=F,
        f=_smooth(lambda F: np.array(convolution.response(P, F, 0, 0))),
        cotangent=np.array(1.0),
        analytic=np.array([[convolution.response_derivative(P, 0, 0, a, b) for b in range(2)] for a in range(2)]),
    )


def passes(parameters: Parameters, values: network.Tensors, y: Array) -> Iterator[Claim]:
    """E by each parameter and by the image, through all lines at once."""
    gradients = network.backward(parameters, values, y)
    wanted = {name: gradients[name] for name in (*parameters, "X")}
    yield from _whole(parameters, values["X"], y, wanted, lambda passed: passed["E"])


def engine_passes(compute: BothPasses, parameters: Parameters, X: Array, y: Array) -> Iterator[Claim]:
    """E by each parameter, both as an engine computes them; where its kinks are, the notes tell."""
    _, _, gradient = compute(parameters, X, y)
    yield from _whole(parameters, X, y, gradient, lambda _: compute(parameters, X, y)[0])


def _whole(
    parameters: Parameters,
    X: Array,
    y: Array,
    gradients: Mapping[str, Array],
    loss_of: Callable[[network.Tensors], Array],
) -> Iterator[Claim]:
    def E(_: Array) -> tuple[Array, Pieces]:
        # What is moved is a view of the parameters, or X itself.
        passed = network.forward(parameters, X, y)
        return loss_of(passed), _pieces(parameters, passed)

    for name in gradients:
        yield Claim(
            number="N17–N35" if parameters.architecture.maps else "N17–N30",
            derivative=f"∂E/∂{name}",
            x=X if name == "X" else parameters[name],
            f=E,
            cotangent=np.array(1.0 if name == "X" else 1 / len(X)),
            analytic=gradients[name],
        )


def _pieces(parameters: Parameters, values: network.Tensors) -> Pieces:
    architecture = parameters.architecture
    after_convolutions = (
        pooling.winners(values[conv.T], architecture.pooling) if conv.pooled_shape else _sign(values[conv.T])
        for conv in architecture.convolutions
    )
    return (*after_convolutions, *(_sign(values[layer.t]) for layer in architecture.denses if not layer.last))
