"""The graph and the table of operations are the specification, ``notes.network``, said another way."""

from __future__ import annotations

import pickle
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings

from handgrad.architecture import Architecture
from handgrad.graph import EXAMPLES, GIVEN, forward_nodes, graph, operations_of
from handgrad.notes import loss, network
from handgrad.notes.operations import OPERATIONS, plain_formula
from handgrad.parameters import Parameters
from handgrad.typing import Array
from tests.notes.strategies import architectures, filled, generators

WITH_MAPS = Architecture(input_shape=(14, 15, 3), stages=((4, 3), (2,)), maps=2)


def computed(parameters: Parameters, X: Array, y: Array) -> dict[str, Array]:
    """Every tensor of both passes, by the graph's order and the table's functions alone."""
    tensors: dict[str, Array] = {"X": X, "y": y, **parameters}
    for node in graph(parameters.architecture):
        if node.operation not in (*GIVEN, "step"):
            entering = (tensors[name] for name in node.inputs)
            tensors[node.name] = OPERATIONS[node.operation].compute(node, *entering)
    return tensors


@settings(deadline=None, max_examples=60)
@given(architectures(), generators)
def test_the_graph_computes_the_network_bit_for_bit(architecture: Architecture, rng: np.random.Generator) -> None:
    parameters = filled(architecture, rng)
    X = rng.standard_normal((2, *architecture.input_shape))
    labels = rng.integers(0, architecture.classes, 2)
    values = network.forward(parameters, X, labels)
    gradients = network.backward(parameters, values, labels)
    by_graph = computed(parameters, X, loss.ideal(labels, architecture.classes, np.dtype(np.float64)))
    expected = {**parameters, **values, **{f"∂E/∂{name}": gradients[name] for name in gradients if name != "E"}}
    assert by_graph.keys() - {"y"} == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(by_graph[name], value, err_msg=name, strict=True)


@settings(deadline=None, max_examples=30)
@given(architectures(), generators)
def test_the_shapes_are_those_of_the_tensors(architecture: Architecture, rng: np.random.Generator) -> None:
    parameters = filled(architecture, rng)
    tensors = computed(
        parameters, rng.standard_normal((2, *architecture.input_shape)), np.eye(architecture.classes)[:2]
    )
    learned = {*parameters, *(f"∂E/∂{name}" for name in parameters)}
    for node in graph(architecture):
        if node.operation != "step":
            shape = tensors[node.name].shape
            assert node.shape == (shape if node.name in learned else shape[1:]), node.name


def test_the_parameters_are_those_of_the_architecture_in_its_order() -> None:
    nodes = [node for node in graph(WITH_MAPS) if node.operation == "parameter"]
    assert {node.name: node.shape for node in nodes} == WITH_MAPS.parameter_shapes
    assert [node.name for node in nodes] == list(WITH_MAPS.parameter_shapes)
    assert [node.inputs[0] for node in graph(WITH_MAPS) if node.operation == "step"] == list(WITH_MAPS.parameter_shapes)


def test_every_operation_of_the_table_occurs_and_no_other() -> None:
    known = {node.operation for each in (WITH_MAPS, Architecture()) for node in (*graph(each), *EXAMPLES)}
    assert known - set(GIVEN) == set(OPERATIONS)
    assert operations_of(WITH_MAPS) - operations_of(Architecture()) == {
        "weigh_depth", "convolve_maps", "filter_gradient_maps", "map_gradient", "depth_weight_gradient", "weigh_back",
    }  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_names_its_axes_and_its_forward_line(name: str) -> None:
    operation = OPERATIONS[name]
    letters = {operation.result, *operation.inputs}
    assert set(operation.axes) <= letters
    if operation.derivative_of:
        forward, letter = operation.derivative_of
        assert letter in OPERATIONS[forward].inputs
        assert operation.result == f"d{letter}"
        # What goes back has the axes of what went forward.
        assert operation.axes.get(operation.result) == OPERATIONS[forward].axes.get(letter)


def test_every_input_that_can_learn_or_pass_an_error_on_has_a_derivative() -> None:
    for name in {node.operation for node in forward_nodes(WITH_MAPS)} - {*GIVEN, "softmax"}:
        derived = {each.derivative_of for each in OPERATIONS.values()}
        assert {(name, letter) for letter in OPERATIONS[name].inputs if letter != "y"} <= derived


NOTES = {
    "T1": "T1 = X @ F1",
    "H1": "H1 = f(T1)",
    "T2": "T2 = H1 @ F2",
    "U2": "U2 = MP(T2)",
    "x'": "x' = U2",
    "t1'": "t1' = x' · w1 + b1",
    "h1'": "h1' = f(t1')",
    "t2'": "t2' = h1' · w2 + b2",
    "z": "z = S(t2')",
    "E": "E = CE(z) = −Σ_k y_k log z_k",
    "∂E/∂t2'": "∂E/∂t2' = z − y_Full",
    "∂E/∂w2": "∂E/∂w2 = h1'ᵀ · ∂E/∂t2'",
    "∂E/∂b2": "∂E/∂b2 = ∂E/∂t2'",
    "∂E/∂h1'": "∂E/∂h1' = ∂E/∂t2' · w2ᵀ",
    "∂E/∂t1'": "∂E/∂t1' = ∂E/∂h1' ⊙ f'(t1')",
    "∂E/∂w1": "∂E/∂w1 = x'ᵀ · ∂E/∂t1'",
    "∂E/∂x'": "∂E/∂x' = ∂E/∂t1' · w1ᵀ",
    "∂E/∂U2": "∂E/∂U2 = ∂E/∂x' → tensor",
    "∂E/∂T2": "∂E/∂T2 = ∂E/∂U2 (rest zero-filled)",
    "∂E/∂F2": "∂E/∂F2 = H1 @ ∂E/∂T2",
    "∂E/∂H1": "∂E/∂H1 = ∂E/∂T2 @ F2^{ππ}",
    "∂E/∂T1": "∂E/∂T1 = ∂E/∂H1 ⊙ f'(T1)",
    "∂E/∂F1": "∂E/∂F1 = X @ ∂E/∂T1",
}


@pytest.mark.parametrize("name", NOTES)
def test_the_formulas_are_written_as_in_the_notes(name: str) -> None:
    nodes = {node.name: node for node in graph(Architecture())}
    assert plain_formula(nodes[name]) == NOTES[name]  # type: ignore[index]


def test_a_node_can_be_copied_and_pickled() -> None:
    for node in graph(WITH_MAPS):
        for copy in (deepcopy(node), pickle.loads(pickle.dumps(node))):
            assert copy == node
            assert copy.name.latex == node.name.latex
