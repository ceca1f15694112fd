"""A model computes with its own standardization, whoever made the engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from handgrad import engine as engines
from handgrad import model_file
from handgrad.architecture import Architecture
from handgrad.data import Samples
from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.training import Recipe, train

COLORED = Architecture(input_shape=(6, 7, 3), classes=3, stages=((3, 2),), hidden=(4,))
OWN = Standardization((100.0, 120.0, 90.0), (50.0, 40.0, 60.0))
OTHERS = [
    replace(OWN, mean=(100.0, 120.0, 91.0)),
    replace(OWN, std=(50.0, 40.0, 61.0)),
    Standardization(OWN.mean[::-1], OWN.std[::-1]),
    Standardization((0.0,) * 3, (255.0,) * 3),
]
IMAGES = np.random.default_rng(0).integers(0, 256, (8, *COLORED.input_shape), np.uint8)
SAMPLES = Samples(IMAGES, np.arange(8) % 3)


@pytest.fixture
def model() -> Model:
    parameters = Parameters.draw(COLORED, np.random.default_rng(1))
    return Model(parameters, ("a", "b", "c"), OWN)


@pytest.mark.parametrize("engine", ["notes", "fused"])
@pytest.mark.parametrize("other", OTHERS)
def test_an_engine_with_another_s_figures_is_refused(model: Model, other: Standardization, engine: str) -> None:
    with pytest.raises(InputError, match=r"engine=.*the model's inputs are standardized with .*; create the engine"):
        model.predict(IMAGES, engines.create(engine, other))


@pytest.mark.parametrize("validation", [None, SAMPLES])
@pytest.mark.parametrize("other", OTHERS)
def test_a_training_refuses_it_before_the_first_step(
    model: Model, other: Standardization, validation: Samples | None
) -> None:
    before = model.parameters.vector.tobytes()
    with pytest.raises(InputError, match=r"engine=.*the model's inputs are standardized with "):
        next(train(model, SAMPLES, validation, Recipe(epochs=1), engines.create("notes", other), 0))
    assert model.parameters.vector.tobytes() == before


def test_an_engine_of_equal_figures_is_taken(model: Model) -> None:
    expected = model.predict(IMAGES, engines.create("notes", OWN))
    equal = Standardization(tuple(OWN.mean), tuple(float(each) for each in OWN.std))
    np.testing.assert_array_equal(model.predict(IMAGES, engines.create("notes", equal)), expected)
    np.testing.assert_allclose(model.predict(IMAGES), expected, rtol=1e-4)


def test_every_model_predicts_with_its_own(model: Model) -> None:
    """The engines that models keep for themselves are not shared."""
    others = [replace(model, standardization=other) for other in OTHERS]
    found = [one.predict(IMAGES) for one in (model, *others, model)]
    np.testing.assert_array_equal(found[0], found[-1])
    for one, probabilities in zip(others, found[1:-1], strict=True):
        np.testing.assert_allclose(
            probabilities, one.predict(IMAGES, engines.create("notes", one.standardization)), rtol=1e-4
        )
        assert not np.allclose(probabilities, found[0])


def test_a_model_file_brings_its_own(model: Model, tmp_path: object) -> None:
    path = f"{tmp_path}/model.safetensors"
    model_file.save(model, path)
    again = model_file.load(path)
    assert again.standardization == OWN
    np.testing.assert_array_equal(again.predict(IMAGES), model.predict(IMAGES))


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_it_must_have_a_figure_for_each_channel(model: Model, channels: int) -> None:
    figures = Standardization((0.0,) * channels, (1.0,) * channels)
    with pytest.raises(InputError, match=r"standardization=.*the network's input has "):
        Model(model.parameters, model.classes, figures)
