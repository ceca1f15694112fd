"""A model as ONNX: the same probabilities in ONNX Runtime, for whatever network, and what else the file tells."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handgrad import __version__, engine
from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.export import onnx as exported
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.typing import Array, Pixels
from tests.notes.strategies import architectures, dtypes, filled, generators

CLOSE = 1e-5
SMALL = Architecture(input_shape=(6, 6, 1))


def model_of(architecture: Architecture, rng: np.random.Generator, dtype: str = "float32") -> Model:
    depth = architecture.input_shape[2]
    standardization = Standardization(tuple(rng.uniform(0, 255, depth)), tuple(rng.uniform(1, 100, depth)))
    classes = tuple(f"class {number}" for number in range(architecture.classes))
    return Model(filled(architecture, rng, dtype), classes, standardization)


def runtime(content: bytes) -> Callable[[Pixels], Array]:
    """What ONNX Runtime computes with a file, whatever the number of images."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["probabilities"], {"images": images})[0]


@settings(max_examples=100)
@given(architectures(), generators, dtypes)
def test_onnx_runtime_agrees_on_any_network(architecture: Architecture, rng: np.random.Generator, dtype: str) -> None:
    model = model_of(architecture, rng, dtype)
    predict = runtime(exported.export(model).content)
    notes = engine.create("notes", model.standardization)
    for count in (1, 3):
        images = rng.integers(0, 256, (count, *architecture.input_shape), np.uint8)
        found = predict(images)
        assert found.dtype == np.float32
        assert found.shape == (count, architecture.classes)
        np.testing.assert_allclose(found, model.predict(images, notes), rtol=0, atol=CLOSE)


@pytest.mark.parametrize(
    "sizes",
    [
        {"input_shape": (28, 28, 1), "classes": 10, "hidden": (64,)},
        {"input_shape": (64, 40, 3), "stages": ((16, 16), (16, 16, 8)), "maps": 4, "hidden": (20, 30)},
        {"input_shape": (41, 33, 4), "stages": ((16,), (16,)), "filter_size": (2, 5), "pooling": 3, "hidden": ()},
        {"input_shape": (1, 300, 2), "stages": ((7,),), "filter_size": (1, 1), "pooling": 1},
    ],
    ids=["digits", "maps", "odd", "row"],
)
def test_onnx_runtime_agrees_on_networks_of_a_real_size(sizes: dict[str, object]) -> None:
    rng = np.random.default_rng(5)
    model = model_of(Architecture.from_dict(sizes), rng)
    images = rng.integers(0, 256, (20, *model.architecture.input_shape), np.uint8)
    images[:2] = [[[[0]]], [[[255]]]]  # of one color: every window ties
    notes = model.predict(images, engine.create("notes", model.standardization))
    np.testing.assert_allclose(runtime(exported.export(model).content)(images), notes, rtol=0, atol=CLOSE)


@settings(max_examples=25)
@given(architectures(), generators)
def test_the_graph_is_sound_and_plain(architecture: Architecture, rng: np.random.Generator) -> None:
    made = onnx.load_from_string(exported.export(model_of(architecture, rng)).content)
    onnx.checker.check_model(made, full_check=True)
    assert {(opset.domain, opset.version) for opset in made.opset_import} == {("", 13)}
    assert {node.domain for node in made.graph.node} == {""}
    names = [output for node in made.graph.node for output in node.output]
    constants = [constant.name for constant in made.graph.initializer]
    assert {name for node in made.graph.node for name in node.input} == {"images", *names[:-1], *constants}
    assert all(name.isidentifier() for name in [*names, *constants])


def test_an_image_of_another_size_or_kind_is_refused() -> None:
    predict = runtime(exported.export(model_of(SMALL, np.random.default_rng(0))).content)
    for wrong in (np.zeros((1, 6, 7, 1), np.uint8), np.zeros((1, 1, 6, 6), np.uint8), np.zeros((1, 6, 6, 1), "f4")):
        with pytest.raises(Exception, match=r"images|data type"):
            predict(wrong)


def test_the_metadata_tell_everything_but_the_parameters() -> None:
    classes = ("gut", "Ausschuß ✗")
    provenance = {"command": "handgrad train r\udce9al", "seed": 3}
    model = Model(Parameters.zeros(SMALL), classes, Standardization((3.5,), (0.1,)), provenance)
    session = onnxruntime.InferenceSession(exported.export(model).content, providers=["CPUExecutionProvider"])
    about = session.get_modelmeta()
    told = {name: json.loads(text) for name, text in about.custom_metadata_map.items()}
    assert told == {
        "handgrad": __version__,
        "architecture": json.loads(json.dumps(SMALL.to_dict())),
        "classes": list(classes),
        "standardization": {"mean": [3.5], "std": [0.1]},
        "pixel_range": [0, 255],
        "file_ranges": {},
        "provenance": provenance,
    }
    assert about.producer_name == "handgrad"
    assert "classes" in about.description


@given(st.text(st.characters(), min_size=1), generators)
@settings(max_examples=25)
def test_any_class_name_survives(name: str, rng: np.random.Generator) -> None:
    model = Model(filled(SMALL, rng, "float32"), (name, f"no {name}"), Standardization((0.0,), (1.0,)))
    made = onnx.load_from_string(exported.export(model).content)
    (classes,) = (entry.value for entry in made.metadata_props if entry.key == "classes")
    assert json.loads(classes) == [name, f"no {name}"]


def test_equal_models_give_equal_bytes() -> None:
    first, second = (exported.export(model_of(SMALL, np.random.default_rng(1))).content for _ in range(2))
    assert first == second
    assert first != exported.export(model_of(SMALL, np.random.default_rng(2))).content


def test_what_the_format_cannot_hold_is_refused() -> None:
    vast = Architecture(input_shape=(200, 200, 1), hidden=(4000,))
    with pytest.raises(InputError, match=r"model=614,\d+,\d+ parameters: an ONNX file holds at most 2 GiB; train a"):
        exported.export(Model(Parameters.zeros(vast), ("a", "b"), Standardization((0.0,), (1.0,))))
    parameters = Parameters.zeros(SMALL, "float64")
    parameters["b2"][0] = 1e39
    with pytest.raises(InputError, match="model=float64: one of its numbers is too large for float32"):
        exported.export(Model(parameters, ("a", "b"), Standardization((0.0,), (1.0,))))
