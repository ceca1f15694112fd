"""Mini-batch training: yields what happens, prints nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from handgrad.data.dataset import Samples
from handgrad.engine import Engine
from handgrad.errors import DivergenceError
from handgrad.model import Model
from handgrad.training import optimizer as optimizers
from handgrad.training.recipe import Recipe
from handgrad.training.schedule import learning_rate


@dataclass(frozen=True, slots=True)
class Step:
    """One step taken: its mean loss in nats, accuracy and number of images; the seconds of all steps so far."""

    epoch: int
    step: int
    steps: int
    loss: float
    accuracy: float
    images: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training part: means over its steps, and the validation part after it.

    ``seconds`` is the time of the steps alone, from the first epoch on.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float


def train(
    model: Model,
    samples: Samples,
    validation: Samples,
    recipe: Recipe,
    engine: Engine,
    rng: np.random.Generator,
) -> Iterator[Step | Epoch]:
    """Train a model in place.

    Parameters
    ----------
    model : Model
        Its parameters are changed.
    samples : Samples
        The training part.
    validation : Samples
        Looked at after each epoch, never learned from.
    recipe : Recipe
    engine : Engine
        What computes both passes.
    rng : numpy.random.Generator
        Draws the order of the images.

    Yields
    ------
    Step or Epoch
        A ``Step`` after each step, an ``Epoch`` after each epoch's last.

    Raises
    ------
    DivergenceError
        If a loss is not finite.
    """
    optimizer = optimizers.create(recipe, model.parameters, engine)
    batches, epochs = recipe.batches_of(len(samples)), recipe.epochs_for(len(samples))
    batch_size = recipe.batch_size_for(len(samples))
    steps = batches * epochs
    seconds = 0.0
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(samples))
        losses = hits = 0.0
        for batch in range(batches):
            started = time.perf_counter()
            step = (epoch - 1) * batches + batch
            rate = learning_rate(recipe, step, steps)
            chosen = samples[order[batch * batch_size : (batch + 1) * batch_size]]
            # What overflows ends in a loss that is not finite, which is told below.
            with np.errstate(over="ignore", invalid="ignore"):
                loss, probabilities, gradient = engine.loss_and_gradients(
                    model.parameters, chosen.images, chosen.labels
                )
                mean = float(loss.mean(dtype=np.float64))
                if not np.isfinite(mean):
                    raise DivergenceError(step + 1, mean, rate)
                optimizer.update(model.parameters, gradient, rate)
            correct = int((probabilities.argmax(axis=1) == chosen.labels).sum())
            losses, hits = losses + mean * len(chosen), hits + correct
            seconds += time.perf_counter() - started
            yield Step(epoch, step + 1, steps, mean, correct / len(chosen), len(chosen), seconds)
        with np.errstate(over="ignore", invalid="ignore"):
            validation_loss, validation_accuracy = score(model, validation, engine)
        if not np.isfinite(validation_loss):
            raise DivergenceError(step + 1, validation_loss, rate)
        yield Epoch(
            epoch,
            epochs,
            losses / len(samples),
            hits / len(samples),
            validation_loss,
            validation_accuracy,
            rate,
            seconds,
        )


def score(model: Model, samples: Samples, engine: Engine) -> tuple[float, float]:
    """Mean cross entropy in nats, and accuracy."""
    probabilities = model.predict(samples.images, engine)
    expected = probabilities[np.arange(len(samples)), samples.labels].astype(np.float64)
    # A probability that underflowed to 0 counts as the smallest float32.
    loss = -np.log(np.maximum(expected, np.finfo(np.float32).tiny)).mean()
    return float(loss), float((probabilities.argmax(axis=1) == samples.labels).mean())
