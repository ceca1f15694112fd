"""Workers that share each batch: what they learn together is what one learns alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from handgrad import engine as engines
from handgrad.data import Samples
from handgrad.errors import DivergenceError
from handgrad.model import Model
from handgrad.training import Epoch, Recipe, Step, train
from handgrad.training.workers import Alone, share_of
from handgrad.typing import Array
from tests.training.test_loop import TRAIN, VALIDATION, new_model


class Together:
    """Workers as threads of one process, which add up in their order."""

    def __init__(self, count: int) -> None:
        self.numbers: list[Any] = [None] * count
        self.barrier = threading.Barrier(count, timeout=60)
        self.sums = 0

    def sum(self, number: int, numbers: Array) -> Array:
        self.numbers[number] = numbers.copy()
        self.barrier.wait()
        total = np.add.reduce(self.numbers, axis=0)
        self.sums += number == 0
        self.barrier.wait()
        return np.asarray(total)


class Thread:
    """One of them."""

    def __init__(self, number: int, together: Together) -> None:
        self.number, self.together, self.count = number, together, len(together.numbers)

    def share(self, images: int) -> slice:
        return share_of(self.number, self.count, images)

    def add(self, numbers: Array) -> None:
        numbers[:] = self.together.sum(self.number, numbers)


def trained(
    workers: int, recipe: Recipe, samples: Samples = TRAIN, dtype: str = "float64", **options: Any
) -> list[tuple[Model, list[Step | Epoch]]]:
    """The model of each worker, and what happened to it."""
    together = Together(workers)

    def work(number: int) -> tuple[Model, list[Step | Epoch]]:
        model = new_model(dtype=dtype)
        engine = engines.create("notes", model.standardization)
        arguments = (model, samples, VALIDATION, recipe, engine, 7)
        return model, list(train(*arguments, workers=Thread(number, together), **options))

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(workers)))


def alone(recipe: Recipe, samples: Samples = TRAIN, **options: Any) -> tuple[Model, list[Step | Epoch]]:
    model = new_model(dtype="float64")
    engine = engines.create("notes", model.standardization)
    return model, list(train(model, samples, VALIDATION, recipe, engine, 7, workers=Alone(), **options))


def comparable(events: list[Step | Epoch]) -> list[Any]:
    """All but the time it took."""
    return [
        tuple(getattr(event, name) for name in ("epoch", "loss", "accuracy"))
        + ((event.step, event.images) if isinstance(event, Step) else (event.validation_loss, event.learning_rate))
        for event in events
    ]


RECIPES = [
    Recipe(epochs=2, batch_size=32, optimizer="sgd", learning_rate=0.05),
    Recipe(epochs=2, batch_size=32, class_weight="balanced", augment=("shift", "contrast")),
    Recipe(epochs=3, batch_size=40, early_stopping=True, patience=1),
]


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("workers", [2, 3])
def test_workers_take_the_steps_that_one_takes_alone(recipe: Recipe, workers: int) -> None:
    model, expected = alone(recipe)
    for own, events in trained(workers, recipe):
        assert len(events) == len(expected)
        for found, wanted in zip(comparable(events), comparable(expected), strict=True):
            assert found == pytest.approx(wanted, rel=1e-9)
        np.testing.assert_allclose(own.parameters.vector, model.parameters.vector, rtol=1e-6, atol=1e-9)


def test_all_workers_have_the_same_parameters_bit_for_bit() -> None:
    first, *others = trained(3, replace(RECIPES[0], batch_size=64), dtype="float32")
    for model, events in others:
        assert np.array_equal(model.parameters.vector, first[0].parameters.vector)
        assert comparable(events) == comparable(first[1])


def test_a_step_needs_one_sum() -> None:
    together = Together(1)
    thread = Thread(0, together)
    thread.count = 2  # as if there were another, which found nothing
    model = new_model()
    engine = engines.create("notes", model.standardization)
    events = list(train(model, TRAIN, VALIDATION, Recipe(epochs=1, batch_size=50), engine, 0, workers=thread))
    steps = sum(isinstance(event, Step) for event in events)
    assert together.sums == steps + 1  # the validation's


def test_a_batch_of_fewer_images_than_workers() -> None:
    recipe = Recipe(epochs=1, batch_size=10, optimizer="sgd", learning_rate=0.05)
    few = TRAIN[:11]  # a last batch of one image
    model, _ = alone(recipe, few)
    for own, _ in trained(3, recipe, few):
        np.testing.assert_allclose(own.parameters.vector, model.parameters.vector, rtol=1e-9, atol=1e-12)


def test_weights_of_the_caller_count_in_every_share() -> None:
    weight = np.random.default_rng(0).random(len(TRAIN))
    weight[:100] = 0
    recipe = Recipe(epochs=1, batch_size=8, optimizer="sgd", learning_rate=0.05)
    model, _ = alone(recipe, sample_weight=weight)
    for own, _ in trained(2, recipe, sample_weight=weight):
        np.testing.assert_allclose(own.parameters.vector, model.parameters.vector, rtol=1e-9, atol=1e-12)


def test_a_loss_that_is_not_finite_ends_all_of_them() -> None:
    recipe = Recipe(epochs=3, optimizer="sgd", learning_rate=1e6, momentum=0.0, schedule="constant")
    with pytest.raises(DivergenceError):
        trained(2, recipe, dtype="float32")
