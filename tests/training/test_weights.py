"""Sample and class weights: scikit-learn's numbers, both engines' gradients, and what they do to a training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from handgrad import engine as engines
from handgrad.architecture import Architecture
from handgrad.data import Samples
from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.notes import network as notes
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.training import Epoch, Recipe, train
from handgrad.training.weights import weights_of
from handgrad.typing import Array
from tests.fused.agreement import AS_GIVEN, parameters_of

SMALL = Architecture(input_shape=(8, 8, 1), classes=3, stages=((3, 2),), hidden=(5,))
BALANCED = Recipe(class_weight="balanced")


@given(st.lists(st.integers(0, 4), min_size=1, max_size=50), st.booleans())
def test_balanced_weights_are_those_of_scikit_learn(labels: list[int], own: bool) -> None:
    sample_weight = np.random.default_rng(len(labels)).uniform(0.1, 2, len(labels)) if own else None
    weights = weights_of(np.array(labels), BALANCED, sample_weight)
    assert weights is not None
    expected = compute_sample_weight("balanced", labels) * (1 if sample_weight is None else sample_weight)
    np.testing.assert_allclose(weights, expected, rtol=1e-12)


def test_none_are_none() -> None:
    assert weights_of(np.array([0, 1]), Recipe()) is None


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], r"sample_weight=\(1,\): must have the shape \(2,\); give one per image"),
        ([-1.0, 1.0], "sample_weight=-1 to 1: weights must be finite and at least 0, and not all of them zero; use 1"),
        ([np.nan, 1.0], "must be finite"),
        ([0.0, 0.0], "not all of them zero"),
    ],
)
def test_wrong_weights(weights: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        weights_of(np.array([0, 1]), Recipe(), np.array(weights))


def _case(rng: np.random.Generator, batch: int) -> tuple[Parameters, Array, Array]:
    return parameters_of(SMALL, rng, "float64"), rng.normal(size=(batch, 8, 8, 1)), rng.dirichlet(np.ones(3), batch)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=9).filter(any), st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("compute", [notes.loss_and_gradients, AS_GIVEN.loss_and_gradients])
def test_a_whole_weight_is_as_many_copies(compute: Any, weights: list[int], seed: int) -> None:
    """The meaning of a weight, in scikit-learn: an image of weight 3 is there three times, one of weight 0 is not."""
    parameters, X, y = _case(np.random.default_rng(seed), len(weights))
    losses, z, gradient = compute(parameters, X, y, np.array(weights))
    copies = np.repeat(np.arange(len(weights)), weights)
    _, _, expected = compute(parameters, X[copies], y[copies])
    np.testing.assert_allclose(gradient.vector, expected.vector, rtol=1e-9, atol=1e-12)
    plain = compute(parameters, X, y)
    np.testing.assert_array_equal(losses, plain[0])
    np.testing.assert_array_equal(z, plain[1])


@settings(max_examples=25)
@given(st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_the_engines_agree_on_weights(batch: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parameters, X, y = _case(rng, batch)
    weights = rng.exponential(size=batch)
    expected, found = (way.loss_and_gradients(parameters, X, y, weights)[2].vector for way in (notes, AS_GIVEN))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("compute", [notes.loss_and_gradients, AS_GIVEN.loss_and_gradients])
def test_weights_that_do_not_fit_and_weights_of_nothing(compute: Any) -> None:
    parameters, X, y = _case(np.random.default_rng(0), 2)
    with pytest.raises(InputError, match=r"sample_weight=\(3,\): must have the shape \(2,\)"):
        compute(parameters, X, y, np.ones(3))
    with pytest.raises(InputError, match="sample_weight=-1 to 1: weights must be finite"):
        compute(parameters, X, y, np.array([-1.0, 1.0]))
    assert not compute(parameters, X, y, np.zeros(2))[2].vector.any()


def _uneven() -> Samples:
    """Ninety bright images and ten dark ones, so noisy that the few are lost among the many."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [90, 10])
    pixels = rng.normal(128, 60, (100, 8, 8, 1)) - 12 * labels[:, np.newaxis, np.newaxis, np.newaxis]
    return Samples(pixels.clip(0, 255).astype(np.uint8), labels)


def _trained(recipe: Recipe, sample_weight: Array | None = None) -> tuple[Model, Epoch]:
    samples = _uneven()
    architecture = Architecture(input_shape=(8, 8, 1), classes=2, stages=((3, 2),), hidden=(5,))
    parameters = Parameters.draw(architecture, np.random.default_rng(0), "float64")
    model = Model(parameters, ("bright", "dark"), Standardization.of(samples.images))
    engine = engines.create("notes", model.standardization)
    *_, last = train(model, samples, samples, recipe, engine, 0, sample_weight=sample_weight)
    assert isinstance(last, Epoch)
    return model, last


def test_a_training_balances_its_classes() -> None:
    few = _uneven().images[90:]
    steps: dict[str, Any] = {"epochs": 60, "batch_size": 100, "learning_rate": 0.002, "schedule": "constant"}
    plain, _ = _trained(Recipe(**steps))
    balanced, _ = _trained(Recipe(**steps, class_weight="balanced"))
    engine = engines.create("notes", plain.standardization)
    assert balanced.predict(few, engine)[:, 1].mean() > plain.predict(few, engine)[:, 1].mean() + 0.1


def test_sample_weights_act_like_copies_and_the_reported_loss_is_weighted() -> None:
    """One step on all images, so that the order does not matter: the weighted mean is that of the copies."""
    recipe = Recipe(epochs=1, batch_size=1000, optimizer="sgd", momentum=0, learning_rate=0.1, schedule="constant")
    weights = weights_of(_uneven().labels, BALANCED)
    by_class, told = _trained(Recipe(**recipe.to_dict() | {"class_weight": "balanced"}))
    by_sample, also = _trained(recipe, weights)
    np.testing.assert_allclose(by_class.parameters.vector, by_sample.parameters.vector, rtol=1e-12)
    assert told.loss == also.loss
    plain, untold = _trained(recipe)
    assert told.loss != untold.loss
    assert not np.array_equal(plain.parameters.vector, by_class.parameters.vector)
