"""Exported C under sanitizers on numbers of every kind; models of none are refused. tools/reliability tries more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.export.c import export
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from tests.export.compiling import installed
from tools.reliability.exports import attack

SMALL = Architecture(input_shape=(9, 8, 1), classes=2, stages=((2, 3),), hidden=(4,))


@pytest.mark.parametrize("number", range(3))
def test_probabilities_are_the_notes_and_nan_where_theirs_are(tmp_path: Path, number: int) -> None:
    installed("gcc")
    assert attack(np.random.default_rng((15, number)), tmp_path, int8=number % 2 == 1)


def model_of(mean: float = 100.0, std: float = 50.0, **weights: float) -> Model:
    parameters = Parameters.draw(SMALL, np.random.default_rng(0))
    for name, value in weights.items():
        parameters[name].flat[0] = value
    return Model(parameters, ("a", "b"), Standardization((mean,), (std,)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["F1", "w2", "b1", "mean", "std"])
def test_a_model_with_what_is_no_number_is_refused(name: str, value: float) -> None:
    try:
        model = model_of(**{name: value})
    except InputError:
        return
    for int8 in (False, True):
        with pytest.raises(InputError, match="holds numbers that no float can"):
            export(model, int8=int8)


@pytest.mark.parametrize("weights", [{"F1": 3e38, "F2": 3e38}, {"w1": 3e38, "w2": 1e38}, {"std": 1e-29, "F1": 1e20}])
def test_a_model_whose_sums_overflow_is_refused(weights: dict[str, float]) -> None:
    with pytest.raises(InputError, match="its probabilities: are not numbers for every image"):
        export(model_of(**weights))
