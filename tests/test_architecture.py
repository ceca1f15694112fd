"""The sizes of a network: the shapes that follow from them, and the errors of those that do not fit."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from handgrad.architecture import Architecture
from handgrad.errors import ArchitectureError, HandgradError
from handgrad.notes import network
from handgrad.parameters import Parameters
from tests.notes.strategies import architectures, brief


def test_the_default_is_the_notes_network() -> None:
    architecture = Architecture()
    assert [layer.shape for layer in architecture.convolutions] == [(98, 98, 16), (96, 96, 16)]
    assert architecture.convolutions[-1].pooled_shape == (48, 48, 16)
    assert architecture.parameter_shapes == {
        "F1": (3, 3, 16),
        "F2": (3, 3, 16),
        "w1": (36864, 10),
        "b1": (10,),
        "w2": (10, 2),
        "b2": (2,),
    }
    assert architecture.parameter_count == 2 * 144 + 368640 + 10 + 20 + 2


def test_stages_count_their_convolutions_on() -> None:
    architecture = Architecture(input_shape=(20, 18, 3), stages=((4, 5), (6,)), hidden=())
    assert [(layer.input, layer.T, layer.output) for layer in architecture.convolutions] == [
        ("X", "T1", "H1"),
        ("H1", "T2", "U2"),
        ("U2", "T3", "U3"),
    ]
    assert architecture.flat == 3 * 2 * 6
    assert [(dense.input, dense.output) for dense in architecture.denses] == [("x'", "z")]


def test_maps_are_at_most_as_many_as_the_input_is_deep() -> None:
    architecture = Architecture(input_shape=(20, 20, 1), stages=((2, 8, 8),), maps=4)
    assert [layer.mixing_shape for layer in architecture.convolutions] == [None, (2, 2), (8, 4)]
    assert [layer.filter_shape for layer in architecture.convolutions] == [(3, 3, 2), (3, 3, 2, 8), (3, 3, 4, 8)]


@brief
@given(architectures())
def test_the_smallest_image_works_and_nothing_smaller_does(architecture: Architecture) -> None:
    sizes = architecture.to_dict()
    height, width = architecture.smallest_image
    fits = Architecture.from_dict(sizes | {"input_shape": (height, width, 1)})
    X = np.zeros((1, height, width, 1), np.float32)
    assert network.predict(Parameters.zeros(fits), X).shape == (1, architecture.classes)
    for smaller in ((height - 1, width, 1), (height, width - 1, 1)):
        rule = f"the smallest image that works is {height} × {width}|must be 3 positive integers"
        with pytest.raises(ArchitectureError, match=rule):
            Architecture.from_dict(sizes | {"input_shape": smaller})


@brief
@given(architectures())
def test_an_architecture_survives_json(architecture: Architecture) -> None:
    assert Architecture.from_dict(json.loads(json.dumps(architecture.to_dict()))) == architecture
    assert hash(Architecture.from_dict(architecture.to_dict())) == hash(architecture)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"input_shape": (0, 8, 1)}, r"input_shape=\(0, 8, 1\): must be 3 positive integers"),
        ({"input_shape": (8, 8)}, "must be 3 positive integers"),
        ({"input_shape": 8}, "must be 3 positive integers"),
        ({"input_shape": (8.0, 8, 1)}, "must be 3 positive integers"),
        ({"filter_size": (3,)}, "filter_size=.*must be 2 positive integers"),
        ({"hidden": (10, -1)}, "hidden=.*must be positive integers"),
        ({"classes": 1}, "classes=1: must be an integer of at least 2"),
        ({"classes": True}, "classes=True"),
        ({"pooling": 0}, "pooling=0: must be an integer of at least 1"),
        ({"maps": 0}, "maps=0: must be a positive integer; try 4, or leave it out"),
        ({"stages": ()}, "stages"),
        ({"stages": ((),)}, "stages"),
        ({"stages": (16, 16)}, "stages"),
        ({"stages": 16}, "stages=16"),
        ({"input_shape": (2, 9, 1)}, "at N3, T1 = X @ F1, 2 × 9 is left for a window of 3 × 3.*is 6 × 6"),
        ({"input_shape": (9, 4, 1)}, "at N6, T2 = H1 @ F2, 7 × 2 is left"),
        ({"input_shape": (5, 9, 1)}, r"at N7, U2 = MP\(T2\), 1 × 5 is left for a window of 2 × 2"),
        ({"input_shape": (9, 9, 1), "stages": ((4, 4), (4,))}, "at N6, T3 = U2 @ F3.*is 12 × 12"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_in_one_line(sizes: dict[str, Any], words: str) -> None:
    with pytest.raises(ArchitectureError, match=words) as caught:
        Architecture(**sizes)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, HandgradError)
    assert isinstance(caught.value, ValueError)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ArchitectureError, match="its keys are input_shape, classes"):
        Architecture.from_dict({"layers": 3})


def test_an_architecture_in_use_pickles() -> None:
    architecture = Architecture(input_shape=(12, 12, 3), maps=2)
    assert architecture.parameter_shapes
    copy = pickle.loads(pickle.dumps(architecture))
    assert copy == architecture
    assert copy.parameter_shapes == architecture.parameter_shapes
