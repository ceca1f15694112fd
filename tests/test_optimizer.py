"""Steps of SGD and AdamW against their formulas, a number at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from handgrad.architecture import Architecture
from handgrad.notes import descent
from handgrad.optimizer import SGD, AdamW, Optimizer, create, decayed
from handgrad.parameters import Parameters
from handgrad.training.recipe import OptimizerName, Recipe
from tests.notes.strategies import filled

SMALL = Architecture(input_shape=(6, 7, 2), classes=3, hidden=(4,), maps=2)
RATES = (0.1, 0.02, 0.3, 0.1)


def gradients() -> Iterator[Parameters]:
    rng = np.random.default_rng(1)
    for _ in RATES:
        yield Parameters(SMALL, rng.normal(size=SMALL.parameter_count))


def after(optimizer: Optimizer, parameters: Parameters) -> Parameters:
    for gradient, rate in zip(gradients(), RATES, strict=True):
        optimizer.update(parameters, gradient, rate)
    return parameters


def start() -> Parameters:
    return filled(SMALL, np.random.default_rng(0))


def is_decayed(name: str) -> bool:
    return name in ("F1", "F2", "w1", "w2")


def test_sgd_without_momentum_and_decay_is_n31() -> None:
    expected = start().vector
    for gradient, rate in zip(gradients(), RATES, strict=True):
        expected = descent.step(expected, gradient.vector, rate)
    found = after(SGD(start(), momentum=0.0, weight_decay=0.0), start())
    np.testing.assert_array_equal(found.vector, expected)


@pytest.mark.parametrize(("momentum", "decay"), [(0.9, 0.0), (0.0, 0.1), (0.5, 0.1)])
def test_sgd_against_its_formula(momentum: float, decay: float) -> None:
    found = after(SGD(start(), momentum=momentum, weight_decay=decay), start())
    for name, values in start().items():
        for index, number in np.ndenumerate(values):
            theta, v = float(number), 0.0
            for gradient, rate in zip(gradients(), RATES, strict=True):
                v = momentum * v + float(gradient[name][index]) + (decay * theta if is_decayed(name) else 0.0)
                theta -= rate * v
            assert found[name][index] == pytest.approx(theta, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adamw_against_its_formula(decay: float) -> None:
    """Algorithm 2 of Loshchilov and Hutter, the schedule's multiplier folded into the rate."""
    found = after(AdamW(start(), weight_decay=decay), start())
    for name, values in start().items():
        for index, number in np.ndenumerate(values):
            theta, m, v = float(number), 0.0, 0.0
            for t, (gradient, rate) in enumerate(zip(gradients(), RATES, strict=True), start=1):
                g = float(gradient[name][index])
                m = 0.9 * m + 0.1 * g
                v = 0.999 * v + 0.001 * g**2
                pull = decay * theta if is_decayed(name) else 0.0
                theta -= rate * (m / (1 - 0.9**t) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8) + pull)
            assert found[name][index] == pytest.approx(theta, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_weight_decay_pulls_filters_and_weights_and_nothing_else(optimizer: OptimizerName) -> None:
    parameters, nothing = start(), Parameters.zeros(SMALL, "float64")
    create(Recipe(optimizer=optimizer, weight_decay=0.5), parameters).update(parameters, nothing, 0.1)
    for name, values in start().items():
        np.testing.assert_allclose(parameters[name], values * (0.95 if is_decayed(name) else 1), rtol=1e-12)
    assert {name for name in parameters if not is_decayed(name)} == {"alpha1", "alpha2", "b1", "b2"}


def test_the_weights_of_a_wide_layer_learn_slowly() -> None:
    """A first step of AdamW has the size of the rate; 4 · 24 · 32 = 3,072 inputs get (3/4)² of it."""
    wide = Architecture(input_shape=(12, 52, 1), classes=2, stages=((1, 32),), hidden=(3,))
    parameters = Parameters.zeros(wide, "float64")
    gradient = Parameters(wide, np.ones(wide.parameter_count))
    AdamW(parameters, weight_decay=0.0).update(parameters, gradient, 0.5)
    expected = {name: -0.5 * (0.5625 if name == "w1" else 1) for name in parameters}
    for name, values in parameters.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-6)


def test_the_mask_of_decay_has_the_parameters_precision() -> None:
    mask = decayed(start().astype("float32"))
    assert mask.dtype == np.float32
    assert set(mask.tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_steps_stay_in_place_and_in_precision_and_leave_the_gradient_alone(optimizer: OptimizerName) -> None:
    parameters = start().astype("float32")
    vector, gradient = parameters.vector, next(gradients()).astype("float32")
    before = gradient.vector.copy()
    create(Recipe(optimizer=optimizer), parameters).update(parameters, gradient, 0.1)
    assert parameters.vector is vector
    assert vector.dtype == np.float32
    np.testing.assert_array_equal(gradient.vector, before)


def test_a_recipe_names_its_optimizer() -> None:
    sgd = create(Recipe(optimizer="sgd", momentum=0.3), start())
    assert isinstance(sgd, SGD)
    assert sgd.momentum == 0.3
    assert isinstance(create(Recipe(optimizer="adamw"), start()), AdamW)
