"""The claims of the backward lines: of each alone, with a random cotangent, and of all together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain

import numpy as np

from handgrad.graph import EXAMPLES, Derivative, Node, graph
from handgrad.notes import convolution, descent, network
from handgrad.notes.operations import OPERATIONS, plain_formula
from handgrad.parameters import Parameters
from handgrad.typing import Array
from handgrad.verify.difference import Claim, Pieces


def lines(parameters: Parameters, values: network.Tensors, y: Array, rng: np.random.Generator) -> Iterator[Claim]:
    """Claim every backward line of the network, at the tensors of its forward pass."""
    nodes = graph(parameters.architecture)
    tensors = {**values, **parameters, "y": y}
    for node in nodes:
        if isinstance(node.name, Derivative) and OPERATIONS[node.operation].derivative_of:
            yield _line(node, nodes, tensors, rng, batch=len(y) if node.name.tensor in parameters else 1)
    yield _step(parameters, rng)


def _line(
    node: Node, nodes: tuple[Node, ...], tensors: Mapping[str, Array], rng: np.random.Generator, batch: int = 1
) -> Claim:
    """Claim that a backward line is the derivative of its forward line; a parameter's is the mean over a batch."""
    assert isinstance(node.name, Derivative)
    operation = OPERATIONS[node.operation]
    assert operation.derivative_of
    forward_name, _ = operation.derivative_of
    moved = node.name.tensor
    forward = next(each for each in nodes if each.operation == forward_name and moved in each.inputs)
    line = OPERATIONS[forward_name]

    def f(x: Array) -> tuple[Array, Pieces]:
        entering = [x if name == moved else tensors[name] for name in forward.inputs]
        return line.compute(forward, *entering), line.kinks(forward, *entering)

    cotangent = rng.standard_normal(f(tensors[moved])[0].shape)
    arriving = Derivative(forward.name)
    analytic = operation.compute(node, *(cotangent if name == arriving else tensors[name] for name in node.inputs))
    if arriving not in node.inputs:
        # The backward pass begins here, with ∂E/∂E = 1.
        analytic = cotangent[:, np.newaxis] * analytic
    return Claim(node.line, node.name, plain_formula(node), tensors[moved], f, cotangent / batch, analytic)


def _step(parameters: Parameters, rng: np.random.Generator) -> Claim:
    """Claim that N31 moves θ by −η·g, so that the derivative of ``⟨c, θ(η)⟩`` by η is ``−⟨c, g⟩``."""
    theta = parameters.vector
    g, c = rng.standard_normal(theta.shape), rng.standard_normal(theta.shape)

    def f(rate: Array) -> tuple[Array, Pieces]:
        return descent.step(theta, g, rate[0]), ()

    return Claim("N31", "∂θ/∂η", "θ ← θ − η · ∂E/∂θ", np.array([0.1]), f, c, np.array([-(c @ g)]))


def examples(rng: np.random.Generator) -> Iterator[Claim]:
    """Claim N16 and N27, with the numbers and sizes of the notes."""
    T = np.array([[0, 0, 0, 0], [0, 8, 0, 5], [0, 8, 10, 0], [0, 0, 0, 0]], np.float64)[None, :, :, None]
    nodes = {node.operation: node for node in EXAMPLES}
    yield _line(nodes["pool_back"], EXAMPLES, {"T": T}, rng)
    P, F = rng.standard_normal((3, 3, 3)), rng.standard_normal((2, 2))
    node = nodes["response_derivative"]
    analytic = np.array([[convolution.response_derivative(P, 0, 0, a, b) for b in range(2)] for a in range(2)])

    def response(F: Array) -> tuple[Array, Pieces]:
        return np.array(convolution.response(P, F, 0, 0)), ()

    yield Claim(node.line, node.name, plain_formula(node), F, response, np.array(1.0), analytic)


def passes(
    parameters: Parameters,
    X: Array,
    y: Array,
    gradients: Mapping[str, Array],
    loss_of: Callable[[network.Tensors], Array],
) -> Iterator[Claim]:
    """Claim E's derivative by each parameter (and X) that has a gradient, through all lines at once.

    ``loss_of`` has E, by the notes' forward pass or by another engine; the notes say where its kinks are.
    """
    number = "N17–N35" if parameters.architecture.maps else "N17–N30"
    nodes = [node for node in graph(parameters.architecture) if node.operation in OPERATIONS]

    def E(_: Array) -> tuple[Array, Pieces]:
        # What is moved is a view of the parameters, or X itself.
        values = network.forward(parameters, X, y)
        kinks = (_kinks(node, values) for node in nodes if OPERATIONS[node.operation].pieces)
        return loss_of(values), tuple(chain.from_iterable(kinks))

    for name, gradient in gradients.items():
        x, weight = (X, 1.0) if name == "X" else (parameters[name], 1 / len(X))
        yield Claim(number, f"∂E/∂{name}", "all lines together", x, E, np.array(weight), gradient)


def _kinks(node: Node, values: network.Tensors) -> Pieces:
    return OPERATIONS[node.operation].kinks(node, *(values[name] for name in node.inputs))
