"""The claim of each backward line, with a random cotangent, and of all lines together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from handgrad.architecture import Architecture
from handgrad.graph import EXAMPLES, Derivative, Node, graph
from handgrad.notes import convolution, descent, network
from handgrad.notes.operations import OPERATIONS, plain_formula
from handgrad.parameters import Parameters
from handgrad.typing import Array
from handgrad.verify.difference import Claim, Pieces

BothPasses = Callable[[Parameters, Array, Array], tuple[Array, Array, Parameters]]
"""An engine's function from (parameters, X, ideal outputs) to (losses, probabilities, gradient of the mean loss)."""


def lines(parameters: Parameters, values: network.Tensors, y: Array, rng: np.random.Generator) -> Iterator[Claim]:
    """Claim every backward line of the network, at the tensors of its forward pass."""
    nodes = graph(parameters.architecture)
    tensors = {**values, **parameters, "y": y}
    for node in nodes:
        if node.operation in OPERATIONS and OPERATIONS[node.operation].derivative_of:
            assert isinstance(node.name, Derivative)
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
    return Claim(
        number=node.line,
        derivative=node.name,
        formula=plain_formula(node),
        x=tensors[moved],
        f=f,
        cotangent=cotangent / batch,
        analytic=analytic,
    )


def _step(parameters: Parameters, rng: np.random.Generator) -> Claim:
    """N31 moves θ by −η·g, so the derivative by η of ``⟨c, θ(η)⟩`` is ``−⟨c, g⟩``."""
    theta = parameters.vector
    g, c = rng.standard_normal(theta.shape), rng.standard_normal(theta.shape)
    return Claim(
        number="N31",
        derivative="∂θ/∂η",
        formula="θ ← θ − η · ∂E/∂θ",
        x=np.array([0.1]),
        f=lambda rate: (descent.step(theta, g, rate[0]), ()),
        cotangent=c,
        analytic=np.array([-(c @ g)]),
    )


def examples(rng: np.random.Generator) -> Iterator[Claim]:
    """Claim N16 with the numbers of the notes, and N27 with their sizes."""
    T = np.array([[0, 0, 0, 0], [0, 8, 0, 5], [0, 8, 10, 0], [0, 0, 0, 0]], np.float64)[None, :, :, None]
    nodes = {node.operation: node for node in EXAMPLES}
    yield _line(nodes["pool_back"], EXAMPLES, {"T": T}, rng)
    P, F = rng.standard_normal((3, 3, 3)), rng.standard_normal((2, 2))
    yield Claim(
        number="N27",
        derivative=nodes["response_derivative"].name,
        formula=plain_formula(nodes["response_derivative"]),
        x=F,
        f=lambda F: (np.array(convolution.response(P, F, 0, 0)), ()),
        cotangent=np.array(1.0),
        analytic=np.array([[convolution.response_derivative(P, 0, 0, a, b) for b in range(2)] for a in range(2)]),
    )


def passes(parameters: Parameters, values: network.Tensors, y: Array) -> Iterator[Claim]:
    """Claim E's derivative by each parameter and by the image, through all lines at once."""
    gradients = network.backward(parameters, values, y)
    wanted = {name: gradients[name] for name in (*parameters, "X")}
    yield from _whole(parameters, values["X"], y, wanted, lambda passed: passed["E"])


def engine_passes(compute: BothPasses, parameters: Parameters, X: Array, y: Array) -> Iterator[Claim]:
    """Claim E's derivative by each parameter, both computed by an engine; the notes say where its kinks are."""
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
        # The argument is a view of the parameters, or X itself.
        passed = network.forward(parameters, X, y)
        return loss_of(passed), _pieces(parameters.architecture, passed)

    for name in gradients:
        yield Claim(
            number="N17–N35" if parameters.architecture.maps else "N17–N30",
            derivative=f"∂E/∂{name}",
            formula="all lines together",
            x=X if name == "X" else parameters[name],
            f=E,
            cotangent=np.array(1.0 if name == "X" else 1 / len(X)),
            analytic=gradients[name],
        )


def _pieces(architecture: Architecture, values: network.Tensors) -> Pieces:
    return tuple(
        piece
        for node in graph(architecture)
        if node.operation in OPERATIONS and OPERATIONS[node.operation].pieces
        for piece in OPERATIONS[node.operation].kinks(node, *(values[name] for name in node.inputs))
    )
