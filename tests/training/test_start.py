"""No start is dead: a network of few neurons on big pictures keeps learning, whatever the seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from handgrad import engine as engines
from handgrad import optimizer as optimizers
from handgrad.architecture import Architecture
from handgrad.data import Samples
from handgrad.model import Model
from handgrad.notes import network
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.training import Epoch, Recipe, train

SIDE, COUNT = 100, 128


def pictures() -> Samples:
    """Rough surfaces under lamps of different strength, every other one with a dark stripe somewhere."""
    rng = np.random.default_rng(5)
    light = rng.uniform(60, 200, (COUNT, 1, 1))
    images = light + rng.normal(0, 12, (COUNT, SIDE, SIDE))
    labels = np.arange(COUNT) % 2
    for image, label in zip(images, labels, strict=True):
        if label:
            row = rng.integers(0, SIDE - 12)
            image[row : row + 12] *= 0.6
    return Samples(images.clip(0, 255).astype(np.uint8)[..., np.newaxis], labels)


PICTURES = pictures()


def last_epoch(seed: int) -> tuple[Epoch, int]:
    """The end of a training, and the hidden neurons that answer to any picture then."""
    architecture = Architecture(input_shape=(SIDE, SIDE, 1), stages=((8, 8),), hidden=(10,))
    standardization = Standardization.of(PICTURES.images)
    parameters = Parameters.draw(architecture, np.random.default_rng(seed))
    model = Model(parameters, ("plain", "stripe"), standardization)
    engine = engines.create("fused", standardization)
    epochs: Iterator[Epoch] = (
        event for event in train(model, PICTURES, PICTURES, Recipe(epochs=25), engine, seed) if isinstance(event, Epoch)
    )
    *_, last = epochs
    X = standardization.apply(np.asarray(PICTURES.images), "float32")
    hidden = network.forward(parameters, X, PICTURES.labels)["h1'"]
    return last, int((hidden > 0).any(axis=0).sum())


@pytest.mark.parametrize("seed", range(10))
def test_ten_hidden_neurons_learn_from_big_pictures(seed: int) -> None:
    last, alive = last_epoch(seed)
    assert last.loss < 0.99 * np.log(2)
    assert last.accuracy > 0.54
    assert alive >= 2


def test_at_the_full_rate_they_die(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimizers, "rate_scale", lambda parameters: np.ones_like(parameters.vector))
    for seed in range(2):
        last, alive = last_epoch(seed)
        assert last.loss > 0.999 * np.log(2)
        assert alive == 0
