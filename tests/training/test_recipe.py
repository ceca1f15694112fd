"""The choices of a training, and what breaks their rules."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.errors import InputError
from handgrad.training import Recipe


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("epochs", [0, -1, 1.0, True], "must be an integer of at least 1; try 1 or more"),
        ("batch_size", [0, -128, 2.5], "must be an integer of at least 1; try 1 or more"),
        ("learning_rate", [0.0, -0.1, float("nan"), float("inf"), "x"], "must be a positive number; try 0.001"),
        ("weight_decay", [-0.1, float("nan"), float("inf"), None], "must be 0 or more; try 0.01"),
        ("momentum", [-0.1, 1.0, 2.0, float("nan"), [0.9]], "must be from 0 to below 1; try 0.9"),
        ("optimizer", ["adam", "SGD", ""], "must be one of adamw, sgd; try adamw"),
        ("schedule", ["onecycle", "cosine", ""], "must be one of one-cycle, constant; try one-cycle"),
        ("class_weight", ["Balanced", ""], "must be one of balanced; try balanced"),
    ],
)
def test_wrong_choices_are_refused_with_value_rule_and_remedy(name: str, values: list[Any], words: str) -> None:
    for value in values:
        with pytest.raises(InputError) as caught:
            Recipe(**{name: value})
        assert str(caught.value) == f"{name}={value}: {words}"


@given(st.integers(1, 100_000), st.integers(1, 4096))
def test_enough_epochs_for_the_least_steps_and_no_more(images: int, batch_size: int) -> None:
    recipe = Recipe(batch_size=batch_size)
    epochs, batches = recipe.epochs_for(images), recipe.batches_of(images)
    assert (batches - 1) * batch_size < images <= batches * batch_size
    assert epochs >= recipe.least_epochs
    assert epochs * batches >= recipe.least_steps
    assert epochs == recipe.least_epochs or (epochs - 1) * batches < recipe.least_steps


def test_a_given_number_of_epochs_is_taken() -> None:
    assert Recipe(epochs=1).epochs_for(10) == 1


def test_numbers_of_numpy_become_plain_ones() -> None:
    choices: dict[str, Any] = {"epochs": np.int64(3), "learning_rate": np.float32(0.5), "momentum": np.float64(0.5)}
    recipe = Recipe(**choices)
    assert recipe == Recipe(epochs=3, learning_rate=0.5, momentum=0.5)
    assert json.loads(json.dumps(recipe.to_dict()))["learning_rate"] == 0.5


def test_the_choices_as_plain_values() -> None:
    recipe = Recipe(epochs=3, optimizer="sgd")
    assert Recipe(**json.loads(json.dumps(recipe.to_dict()))) == recipe
