"""Values, gradients and ten training losses of ``tools/golden.py``: what PyTorch computes for N1–N35 in float64."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from handgrad.architecture import Architecture
from handgrad.notes import descent, network
from handgrad.parameters import Parameters

FILES = sorted((Path(__file__).parents[1] / "golden").glob("*.npz"))
TOLERANCE = 1e-10

Golden = dict[str, NDArray[Any]]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest) -> Golden:
    with np.load(request.param) as file:
        return dict(file)


def named(golden: Golden, prefix: str) -> Golden:
    return {key.removeprefix(prefix): value for key, value in golden.items() if key.startswith(prefix)}


def stored_parameters(golden: Golden) -> Parameters:
    architecture = Architecture.from_dict(json.loads(str(golden["sizes"])))
    parameters = Parameters.zeros(architecture, "float64")
    arrays = named(golden, "parameters.")
    assert list(arrays) == list(parameters)
    for name, array in arrays.items():
        parameters[name][:] = array
    return parameters


def assert_agree(ours: dict[str, NDArray[Any]], theirs: Golden) -> None:
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        assert ours[name].shape == expected.shape, name
        np.testing.assert_allclose(ours[name], expected, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


def test_there_is_a_file_for_the_notes_for_two_stages_and_for_maps() -> None:
    assert [path.stem for path in FILES] == ["maps", "notes", "two_stages"]


def test_every_value_agrees(golden: Golden) -> None:
    values = network.forward(stored_parameters(golden), golden["X"], golden["labels"])
    assert_agree(values, named(golden, "values."))


def test_every_gradient_agrees(golden: Golden) -> None:
    parameters = stored_parameters(golden)
    values = network.forward(parameters, golden["X"], golden["labels"])
    assert_agree(network.backward(parameters, values, golden["labels"]), named(golden, "gradients."))


def test_ten_training_losses_agree(golden: Golden) -> None:
    parameters = stored_parameters(golden)
    losses = []
    for _ in golden["losses"]:
        loss, _, gradient = network.loss_and_gradients(parameters, golden["X"], golden["labels"])
        losses.append(loss.mean())
        vector = descent.step(parameters.vector, gradient.vector, float(golden["learning_rate"]))
        parameters = Parameters(parameters.architecture, vector)
    assert len(losses) == 10
    np.testing.assert_allclose(losses, golden["losses"], rtol=TOLERANCE, atol=0)
