"""Engines standardize pixels, choose by name and by the network's operations, and compile ahead of the work."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad import engine as engines
from handgrad import fused
from handgrad.architecture import Architecture
from handgrad.cli import run
from handgrad.errors import HandgradWarning, InputError
from handgrad.fused.compilation import announced
from handgrad.graph import operations_of
from handgrad.model import Model
from handgrad.notes import network
from handgrad.notes.operations import OPERATIONS
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.training import Recipe
from handgrad.training.augmentation import Augmentation
from handgrad.training.recipe import OptimizerName
from tests.notes.strategies import architectures, brief, filled, generators


def pixels(
    architecture: Architecture, count: int, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return rng.integers(0, 256, (count, *architecture.input_shape), np.uint8)


@brief
@given(architectures(), generators, st.sampled_from(["float32", "float64"]), st.integers(1, 5))
def test_the_notes_engine_is_the_notes_on_standardized_pixels(
    architecture: Architecture, rng: np.random.Generator, dtype: str, count: int
) -> None:
    parameters, images = filled(architecture, rng, dtype), pixels(architecture, count, rng)
    labels = rng.integers(0, architecture.classes, count)
    standardization = Standardization.of(images)
    engine = engines.create("notes", standardization)
    X = standardization.apply(images, dtype)
    losses, probabilities, gradient = engine.loss_and_gradients(parameters, images, labels)
    expected = network.loss_and_gradients(parameters, X, labels)
    np.testing.assert_array_equal(losses, expected[0])
    np.testing.assert_array_equal(probabilities, expected[1])
    np.testing.assert_array_equal(gradient.vector, expected[2].vector)
    assert losses.dtype == probabilities.dtype == gradient.vector.dtype == dtype
    np.testing.assert_array_equal(engine.predict(parameters, images), network.predict(parameters, X))


@pytest.mark.parametrize("name", engines.ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_are_standardized_like_pixels(name: str, dtype: str) -> None:
    model = small_model()
    images, labels = pixels(model.architecture, 9, np.random.default_rng(2)), np.arange(9) % 3
    engine = engines.create(name, model.standardization)
    floats = engine.loss_and_gradients(model.parameters, images.astype(dtype), labels)
    whole = engine.loss_and_gradients(model.parameters, images, labels)
    for found, expected in zip((*floats[:2], floats[2].vector), (*whole[:2], whole[2].vector), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(model.predict(images.astype(dtype), engine), model.predict(images, engine), rtol=1e-5)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(InputError, match="engine=torch: the engines are fused, notes; use fused"):
        engines.create("torch", Standardization((0.0,), (1.0,)))


def small_model() -> Model:
    rng = np.random.default_rng(0)
    architecture = Architecture(input_shape=(7, 8, 1), classes=3, hidden=(4,))
    return Model(filled(architecture, rng, "float32"), ("a", "b", "c"), Standardization((100.0,), (50.0,)))


@pytest.mark.parametrize("name", engines.ENGINES)
@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_a_prediction_does_not_depend_on_how_it_is_cut_into_batches(batch_size: int, name: str) -> None:
    model = small_model()
    engine = engines.create(name, model.standardization)
    images = pixels(model.architecture, 7, np.random.default_rng(1))
    heard: list[tuple[int, int]] = []
    found = model.predict(images, engine, batch_size, lambda done, total: heard.append((done, total)))
    np.testing.assert_allclose(found, model.predict(images, engine), rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert heard == [(min(done, 7), 7) for done in range(batch_size, 7 + batch_size, batch_size)]


def test_the_default_engine_is_the_fused_one_and_a_model_makes_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, made = small_model(), []

    def create(name: str, standardization: Standardization, architecture: Architecture) -> engines.Engine:
        made.append(name)
        return engines.NotesEngine(standardization)

    monkeypatch.setattr("handgrad.model.engines.create", create)
    images = pixels(model.architecture, 2, np.random.default_rng(1))
    for _ in range(3):
        model.predict(images)
    assert made == ["fused"]


def test_a_model_that_has_predicted_can_be_copied_and_pickled() -> None:
    model = small_model()
    images = pixels(model.architecture, 2, np.random.default_rng(1))
    expected = model.predict(images)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(copied.predict(images), expected)


def test_no_images_have_no_predictions() -> None:
    model = Model(Parameters.zeros(Architecture(input_shape=(6, 6, 1))), ("a", "b"), Standardization((0.0,), (1.0,)))
    assert model.predict(np.zeros((0, 6, 6, 1), np.uint8)).shape == (0, 2)


@pytest.mark.parametrize("classes", [("a",), ("a", "b", "c"), ("a", "a")])
def test_a_model_needs_a_name_for_each_class(classes: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"classes=.*: the network needs 2 different names"):
        Model(Parameters.zeros(Architecture()), classes, Standardization((0.0,), (1.0,)))


def test_a_model_needs_a_mean_and_a_std_for_each_channel() -> None:
    with pytest.raises(InputError, match=r"standardization=.*has 1 channels"):
        Model(Parameters.zeros(Architecture()), ("a", "b"), Standardization((0.0, 0.0), (1.0, 1.0)))


MAPS = Architecture(input_shape=(8, 8, 3), classes=3, stages=((2, 2),), hidden=(3,), maps=2)


@pytest.fixture
def no_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "OPERATIONS", fused.OPERATIONS - {"convolve_maps"})


def test_the_fused_engine_has_every_operation_of_today_and_names_no_other() -> None:
    assert set(OPERATIONS) >= fused.OPERATIONS == operations_of(MAPS) | operations_of(Architecture())


@pytest.mark.usefixtures("no_maps")
def test_the_notes_compute_what_the_fused_engine_cannot() -> None:
    standardization = Standardization((0.0,) * 3, (1.0,) * 3)
    with pytest.warns(HandgradWarning, match="the fused engine has no convolve_maps; the notes engine computes"):
        assert engines.create("fused", standardization, architecture=MAPS).name == "notes"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert engines.create("notes", standardization, architecture=MAPS).name == "notes"
        assert engines.create("fused", standardization, architecture=Architecture()).name == "fused"


@pytest.mark.usefixtures("no_maps")
def test_the_fused_engine_refuses_a_network_that_it_cannot_compute() -> None:
    engine = engines.create("fused", Standardization((0.0,), (1.0,)))
    with pytest.raises(InputError, match="architecture=convolve_maps: the fused engine has no such operation"):
        engine.predict(Parameters.zeros(MAPS), np.zeros((1, 8, 8, 3), np.uint8))


@pytest.mark.usefixtures("no_maps")
def test_a_training_of_such_a_network_says_so_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, sizes = tmp_path / "run", ["--maps", "1", "--filters", "2,2", "--hidden", "3", "--epochs", "1"]
    assert run(["train", "digits", "--out", str(out), *sizes]) == 0
    notice = "handgrad: the fused engine has no convolve_maps; the notes engine computes instead, slower"
    assert capsys.readouterr().err.splitlines().count(notice) == 1
    assert json.loads((out / "report.json").read_text())["engine"] == "notes"


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_prepared_engine_compiles_nothing_more(optimizer: OptimizerName) -> None:
    recipe = Recipe(optimizer=optimizer, augment=("shift",))
    engine, parameters = (
        engines.create("fused", Standardization((0.0,) * 3, (1.0,) * 3), 2),
        filled(MAPS, np.random.default_rng(0), "float32"),
    )
    before = parameters.vector.copy()
    engine.prepare(parameters, recipe=recipe)
    np.testing.assert_array_equal(parameters.vector, before)
    images = np.zeros((40, 8, 8, 3), np.uint8)
    with announced(lambda *_: None) as compiled:
        engine.predict(parameters, images)
        _, _, gradient = engine.loss_and_gradients(parameters, images, np.zeros(40, int))
        engine.optimizer(recipe, parameters).update(parameters, gradient, 0.1)
        Augmentation(recipe.augment, images.shape, 0, 1).apply(images, np.arange(40))
    assert compiled.seconds == 0
    assert engine.prepare(parameters, recipe=recipe) is None


def test_the_notes_engine_has_nothing_to_prepare() -> None:
    engine = engines.create("notes", Standardization((0.0,), (1.0,)))
    assert engine.prepare(Parameters.zeros(MAPS), recipe=Recipe()) is None
