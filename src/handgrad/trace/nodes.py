"""How every tensor of the notes comes about: its operation, and the tensors that enter it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from handgrad.architecture import Architecture, Convolution, Dense


def derivative(name: str) -> str:
    """Name of E's derivative by a tensor.

    Examples
    --------
    >>> derivative("T2")
    '∂E/∂T2'
    """
    return f"∂E/∂{name}"


def stepped(name: str) -> str:
    """Name of a parameter after the step, N31.

    Examples
    --------
    >>> stepped("F1")
    'F1 − η · ∂E/∂F1'
    """
    return f"{name} − η · {derivative(name)}"


@dataclass(frozen=True, slots=True)
class Node:
    """One tensor and the operation that makes it.

    Parameters
    ----------
    name : str
        As in the notes: ``T1``, ``∂E/∂T1``.
    operation : str
        One of those that the page explains (``docs/trace.md`` lists them).
    inputs : tuple of str
        Names of the tensors that enter it, in the operation's order.
    options : dict
        Sizes and numbers of the operation.
    """

    name: str
    operation: str
    inputs: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


def network_nodes(architecture: Architecture) -> tuple[Node, ...]:
    """Every tensor of both passes, each after those that enter it.

    Examples
    --------
    >>> [node.name for node in network_nodes(Architecture())][:7]
    ['X', 'F1', 'T1', 'H1', 'F2', 'T2', 'U2']
    """
    steps = (Node(stepped(name), "step", (name, derivative(name))) for name in architecture.parameter_shapes)
    return (*_forward(architecture), *_backward(architecture), *steps)  # N31


def _forward(architecture: Architecture) -> Iterator[Node]:
    yield Node("X", "image")
    for layer in architecture.convolutions:
        entering, operation = layer.input, "convolve"
        if layer.mixing_shape:
            yield Node(layer.alpha, "parameter")
            yield Node(layer.S, "weigh_depth", (layer.input, layer.alpha))  # N32
            entering, operation = layer.S, "convolve_maps"
        yield Node(layer.F, "parameter")
        yield Node(layer.T, operation, (entering, layer.F))  # N3, N6, N33
        if layer.pooled_shape:
            yield Node(layer.output, "pool", (layer.T,), {"p": architecture.pooling})  # N7
        else:
            yield Node(layer.output, "relu", (layer.T,))  # N5
    yield Node("x'", "flatten", (architecture.convolutions[-1].output,))  # N10
    for dense in architecture.denses:
        yield Node(dense.w, "parameter")
        yield Node(dense.b, "parameter")
        yield Node(dense.t, "dense", (dense.input, dense.w, dense.b))  # N11, N13
        yield Node(dense.output, "softmax" if dense.last else "relu", (dense.t,))  # N14, N12
    yield Node("y", "ideal")
    yield Node("E", "cross_entropy", (architecture.denses[-1].t, "y"))  # N15


def _backward(architecture: Architecture) -> Iterator[Node]:
    yield Node(derivative("z"), "cross_entropy_back", ("z", "y"))
    for dense in reversed(architecture.denses):
        yield from _dense_back(dense)
    last = architecture.convolutions[-1]
    yield Node(derivative(last.output), "unflatten", (derivative("x'"),))  # N24
    for conv in reversed(architecture.convolutions):
        yield from _convolution_back(conv, architecture.pooling)


def _dense_back(layer: Dense) -> Iterator[Node]:
    error = derivative(layer.t)
    if layer.last:
        yield Node(error, "softmax_cross_entropy_back", ("z", "y"))  # N17
    else:
        yield Node(error, "relu_back", (derivative(layer.output), layer.t))  # N21
    yield Node(derivative(layer.w), "outer", (layer.input, error))  # N18, N22
    yield Node(derivative(layer.b), "same", (error,))  # N19, N22
    yield Node(derivative(layer.input), "dense_back", (error, layer.w))  # N20, N23


def _convolution_back(layer: Convolution, p: int) -> Iterator[Node]:
    error = derivative(layer.T)
    if layer.pooled_shape:
        yield Node(error, "pool_back", (derivative(layer.output), layer.T), {"p": p})  # N25
    else:
        yield Node(error, "relu_back", (derivative(layer.output), layer.T))  # N30
    if layer.mixing_shape:
        yield Node(derivative(layer.F), "filter_gradient_maps", (layer.S, error))  # N34
        yield Node(derivative(layer.S), "map_gradient", (error, layer.F))  # N34
        yield Node(derivative(layer.alpha), "depth_weight_gradient", (layer.input, derivative(layer.S)))  # N35
        yield Node(derivative(layer.input), "weigh_back", (derivative(layer.S), layer.alpha))  # N35
    else:
        yield Node(derivative(layer.F), "filter_gradient", (layer.input, error))  # N28, N30
        yield Node(derivative(layer.input), "input_gradient", (error, layer.F))  # N29, N30


def example_nodes() -> tuple[Node, ...]:
    """The tensors of the worked examples N8, N16, N26 and N27, whose names bear no number."""
    return (
        Node("T", "given"),
        Node("U", "pool", ("T",), {"p": 2}),  # N8
        Node(derivative("U"), "given"),
        Node(derivative("T"), "pool_back", (derivative("U"), "T"), {"p": 2}),  # N16
        Node("P", "given"),
        Node("F", "given"),
        Node("R", "convolve", ("P", "F")),  # N26
        Node("∂R11/∂F", "response_derivative", ("P",)),  # N27
    )
