"""The network as a graph: every tensor of both passes and of the step, and the operation that computes it.

``notes.operations`` describes the operations. Everything that needs the order of the layers asks this graph; only the
notes' own ``network.py`` and the fused kernels have the order written out by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

from handgrad.architecture import IMAGE, VECTOR, Architecture, Convolution, Dense, Name

GIVEN = ("image", "parameter", "ideal", "given")
"""Operations of the tensors that are not computed: the image, a parameter, y, and the numbers of an example."""

_IDEAL, _LOSS, _PROBABILITIES = Name("y"), Name("E"), Name("z")


class Derivative(Name):
    """Name of E's derivative with respect to ``tensor``.

    Examples
    --------
    >>> Derivative(Name("T2")), Derivative(Name("T2")).tensor
    ('∂E/∂T2', 'T2')
    """

    tensor: Name

    def __new__(cls, tensor: Name) -> Self:
        """Name the derivative with respect to a tensor."""
        derivative = super().__new__(cls, f"∂E/∂{tensor}", rf"\frac{{\partial E}}{{\partial {tensor.latex}}}")
        derivative.tensor = tensor
        return derivative

    def __reduce__(self) -> tuple[Any, ...]:
        return Derivative, (self.tensor,)


@dataclass(frozen=True, slots=True)
class Node:
    """One tensor and the operation that computes it.

    Parameters
    ----------
    name : Name
        As in the notes: ``T1``, ``∂E/∂T1``.
    line : str
        The line of the notes, "N3".
    operation : str
        A key of ``notes.operations.OPERATIONS``, or one of ``GIVEN``.
    inputs : tuple of Name
        The tensors that enter it, in the operation's order.
    shape : tuple of int
        Without the batch axis; () for E.
    options : dict
        Sizes of the operation: ``p``, the side of a pooling window.
    """

    name: Name
    line: str
    operation: str
    inputs: tuple[Name, ...]
    shape: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)


@cache
def graph(architecture: Architecture) -> tuple[Node, ...]:
    """Return every tensor of both passes and of the step, each after those that enter it.

    Parameters
    ----------
    architecture : Architecture

    Returns
    -------
    tuple of Node

    Examples
    --------
    >>> [node.name for node in graph(Architecture())][:7]
    ['X', 'F1', 'T1', 'H1', 'F2', 'T2', 'U2']
    """
    forward = tuple(_forward(architecture))
    shapes = {node.name: node.shape for node in forward}
    backward = tuple(_backward(architecture, shapes))
    steps = (_step(node) for node in forward if node.operation == "parameter")
    return (*forward, *backward, *steps)


def forward_nodes(architecture: Architecture, until: str = "E") -> tuple[Node, ...]:
    """Return the nodes of the forward pass, from the image to the loss, or to the tensor of that name.

    Examples
    --------
    >>> [node.name for node in forward_nodes(Architecture(), until="H1")]
    ['X', 'F1', 'T1', 'H1']
    """
    nodes = graph(architecture)
    return nodes[: 1 + next(index for index, node in enumerate(nodes) if node.name == until)]


def operations_of(architecture: Architecture) -> frozenset[str]:
    """Return the names of the operations that a network needs.

    Examples
    --------
    >>> "convolve_maps" in operations_of(Architecture(maps=2))
    True
    """
    return frozenset(node.operation for node in graph(architecture)) - {*GIVEN}


def _forward(architecture: Architecture) -> Iterator[Node]:
    yield Node(IMAGE, "N2", "image", (), architecture.input_shape)
    for conv in architecture.convolutions:
        yield from _convolution(conv, architecture.pooling)
    last = architecture.convolutions[-1]
    yield Node(VECTOR, "N10", "flatten", (last.output,), (architecture.flat,))
    for dense in architecture.denses:
        yield from _dense(dense)
    yield Node(_IDEAL, "N17", "ideal", (), (architecture.classes,))
    yield Node(_LOSS, "N15", "cross_entropy", (architecture.denses[-1].t, _IDEAL), ())


def _convolution(conv: Convolution, p: int) -> Iterator[Node]:
    if conv.mixing_shape:
        yield Node(conv.alpha, "N32", "parameter", (), conv.mixing_shape)
        maps_shape = (*conv.input_shape[:2], conv.mixing_shape[1])
        yield Node(conv.S, "N32", "weigh_depth", (conv.input, conv.alpha), maps_shape)
        yield Node(conv.F, "N1", "parameter", (), conv.filter_shape)
        yield Node(conv.T, "N33", "convolve_maps", (conv.S, conv.F), conv.shape)
    else:
        yield Node(conv.F, "N1", "parameter", (), conv.filter_shape)
        yield Node(conv.T, "N3" if conv.index == 1 else "N6", "convolve", (conv.input, conv.F), conv.shape)
    if conv.pooled_shape:
        yield Node(conv.output, "N7", "pool", (conv.T,), conv.pooled_shape, {"p": p})
    else:
        yield Node(conv.output, "N5", "relu", (conv.T,), conv.shape)


def _dense(dense: Dense) -> Iterator[Node]:
    line = "N13" if dense.last else "N11"
    yield Node(dense.w, line, "parameter", (), (dense.inputs, dense.outputs))
    yield Node(dense.b, line, "parameter", (), (dense.outputs,))
    yield Node(dense.t, line, "dense", (dense.input, dense.w, dense.b), (dense.outputs,))
    if dense.last:
        yield Node(dense.output, "N14", "softmax", (dense.t,), (dense.outputs,))
    else:
        yield Node(dense.output, "N12", "relu", (dense.t,), (dense.outputs,))


def _backward(architecture: Architecture, shapes: dict[Name, tuple[int, ...]]) -> Iterator[Node]:
    def node(of: Name, line: str, operation: str, *inputs: Name, **options: Any) -> Node:
        return Node(Derivative(of), line, operation, inputs, shapes[of], options)

    # For completeness: N17 goes from E to t2' in one step.
    yield node(_PROBABILITIES, "N15", "cross_entropy_back", _PROBABILITIES, _IDEAL)
    for dense in reversed(architecture.denses):
        error = Derivative(dense.t)
        if dense.last:
            yield node(dense.t, "N17", "softmax_cross_entropy_back", _PROBABILITIES, _IDEAL)
        else:
            yield node(dense.t, "N21", "relu_back", Derivative(dense.output), dense.t)
        # The notes' first dense layer stands for every hidden one, and their second for the last.
        yield node(dense.w, "N18" if dense.last else "N22", "outer", dense.input, error)
        yield node(dense.b, "N19" if dense.last else "N22", "same", error)
        yield node(dense.input, "N23" if dense.index == 1 else "N20", "dense_back", error, dense.w)
    yield node(architecture.convolutions[-1].output, "N24", "unflatten", Derivative(VECTOR))
    for conv in reversed(architecture.convolutions):
        error = Derivative(conv.T)
        if conv.pooled_shape:
            yield node(conv.T, "N25", "pool_back", Derivative(conv.output), conv.T, p=architecture.pooling)
        else:
            yield node(conv.T, "N30", "relu_back", Derivative(conv.output), conv.T)
        if conv.mixing_shape:
            yield node(conv.F, "N34", "filter_gradient_maps", conv.S, error)
            yield node(conv.S, "N34", "map_gradient", error, conv.F)
            yield node(conv.alpha, "N35", "depth_weight_gradient", conv.input, Derivative(conv.S))
            yield node(conv.input, "N35", "weigh_back", Derivative(conv.S), conv.alpha)
        else:
            first = conv.index == 1
            yield node(conv.F, "N30" if first else "N28", "filter_gradient", conv.input, error)
            yield node(conv.input, "N30" if first else "N29", "input_gradient", error, conv.F)


def _step(parameter: Node) -> Node:
    theta, gradient = parameter.name, Derivative(parameter.name)
    stepped = Name(f"{theta} − η · {gradient}", rf"{theta.latex} - \eta \cdot {gradient.latex}")
    return Node(stepped, "N31", "step", (theta, gradient), parameter.shape)


def _example_nodes() -> Iterator[Node]:
    T, U, P, F = map(Name, "TUPF")
    yield Node(T, "N8", "given", (), (4, 4, 1))
    yield Node(U, "N8", "pool", (T,), (2, 2, 1), {"p": 2})
    yield Node(Derivative(U), "N16", "given", (), (2, 2, 1))
    yield Node(Derivative(T), "N16", "pool_back", (Derivative(U), T), (4, 4, 1), {"p": 2})
    yield Node(P, "N26", "given", (), (3, 3, 3))
    yield Node(F, "N26", "given", (), (2, 2, 1))
    yield Node(Name("R"), "N26", "convolve", (P, F), (2, 2, 1))
    responses = Name("∂R11/∂F", r"\frac{\partial R_{11}}{\partial F}")
    yield Node(responses, "N27", "response_derivative", (P,), (2, 2))


EXAMPLES = tuple(_example_nodes())
"""The tensors of the worked examples N8, N16, N26 and N27, whose names have no number."""
