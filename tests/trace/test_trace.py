"""The trace holds the notes engine's numbers, all of them, under their names."""

from __future__ import annotations

import json
from base64 import b64decode

import numpy as np
import pytest

from handgrad.errors import InputError
from handgrad.graph import EXAMPLES, graph
from handgrad.notes import network
from handgrad.parameters import Parameters
from handgrad.trace import to_document, trace
from tests.web.models import ARCHITECTURES, drawn, pixels_for, traced
from tools.operations_table import BEGIN, DOCUMENT, END, table

NAMES = list(ARCHITECTURES)


@pytest.mark.parametrize("name", NAMES)
def test_its_numbers_are_the_notes_engines(name: str) -> None:
    made = traced(name)
    model, label = made.model, np.array([made.label])
    parameters = Parameters(model.architecture, model.parameters.vector.astype(np.float64))
    values = network.forward(parameters, model.standardization.apply(made.pixels[None], "float64"), label)
    gradients = network.backward(parameters, values, label)
    for tensor, value in values.items():
        np.testing.assert_array_equal(made.tensors[tensor], value[0])
    for tensor, value in gradients.items():
        if tensor != "E":
            np.testing.assert_array_equal(made.tensors[f"∂E/∂{tensor}"], value if tensor in parameters else value[0])


@pytest.mark.parametrize("name", NAMES)
def test_each_tensor_has_a_node_after_those_that_enter_it(name: str) -> None:
    nodes = (*graph(ARCHITECTURES[name]), *EXAMPLES)
    known: set[str] = set()
    for node in nodes:
        assert known >= set(node.inputs), node
        assert node.name not in known
        known.add(node.name)
    assert {node.name for node in nodes if node.operation != "step"} == set(traced(name).tensors)


def test_the_document_gives_every_number_back() -> None:
    made = traced("maps")
    document = json.loads(json.dumps(to_document(made, elsewhere=["T1"]), allow_nan=False))
    assert (document["format"], document["version"]) == ("handgrad trace", 2)
    for node in document["nodes"]:
        if node["operation"] == "step" or node["name"] == "T1":
            assert "data" not in node
            continue
        numbers = np.frombuffer(b64decode(node["data"]), node["dtype"]).reshape(node["shape"])
        np.testing.assert_array_equal(numbers, made.tensors[node["name"]])


def test_what_is_no_float32_stays_float64_and_extremes_stay_what_they_are() -> None:
    model = drawn("notes")
    model.parameters["b2"][:] = [1e30, -1e30, 0]
    document = to_document(trace(model, pixels_for(model), 1))
    nodes = {node["name"]: node for node in document["nodes"]}
    assert nodes["F1"]["dtype"] == "float32"
    assert nodes["T1"]["dtype"] == "float64"
    dz = np.frombuffer(b64decode(nodes["∂E/∂z"]["data"]), nodes["∂E/∂z"]["dtype"])
    assert dz.tolist() == [0, -np.inf, 0]


def test_a_label_that_is_no_class_is_refused() -> None:
    model = drawn("notes")
    with pytest.raises(InputError, match="label=3: class numbers are 0 to 2"):
        trace(model, pixels_for(model), 3)


def test_the_documented_operations_are_those_of_the_table() -> None:
    assert BEGIN + table() + END in DOCUMENT.read_text(encoding="utf-8"), "run python -m tools.operations_table"
