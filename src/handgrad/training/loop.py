"""Mini-batch training: yields what happens, prints nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from handgrad.data.dataset import Samples
from handgrad.engine import Engine
from handgrad.errors import DivergenceError, InputError, NotFiniteError
from handgrad.model import Model
from handgrad.optimizer import Optimizer
from handgrad.training.augmentation import Augmentation
from handgrad.training.batches import batches
from handgrad.training.interruption import uninterrupted
from handgrad.training.recipe import Recipe
from handgrad.training.schedule import learning_rate
from handgrad.training.weights import weights_of
from handgrad.training.workers import ALONE, Workers, both_passes, total_weight
from handgrad.typing import Array


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its mean loss in nats, accuracy and number of images, and the seconds of all steps so far.

    ``waiting`` is the time in seconds that this step waited for its images.
    """

    epoch: int
    step: int
    steps: int
    loss: float
    accuracy: float
    images: int
    seconds: float
    waiting: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training split: means over its steps, and the validation split after it.

    ``seconds`` is the time of all steps so far, without the validation. Without a validation split its figures are NaN.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float


Callback = Callable[[Step | Epoch], None]
"""Is called with every step and every epoch of a training, as they happen; what it raises ends the training."""


@dataclass(slots=True)
class State:
    """Where a training stands between two steps: together with the model's parameters, all that the rest depends on.

    It has no random state: each epoch draws from the seed and its own number.

    Parameters
    ----------
    optimizer : Optimizer
    step : int
        Steps taken.
    loss : float
        Weighted sum of the losses over the images of the current epoch.
    correct : int
        Correctly classified images of that epoch.
    seconds : float
        Time of all steps.
    history : list of Epoch
        The completed epochs.
    best : array, optional
        With early stopping, the vector of parameters after the best epoch so far.
    """

    optimizer: Optimizer
    step: int = 0
    loss: float = 0.0
    correct: int = 0
    seconds: float = 0.0
    history: list[Epoch] = field(default_factory=list)
    best: Array | None = None


def train(
    model: Model,
    samples: Samples,
    validation: Samples | None,
    recipe: Recipe,
    engine: Engine,
    seed: int,
    state: State | None = None,
    sample_weight: Array | None = None,
    workers: Workers = ALONE,
) -> Generator[Step | Epoch, None, None]:
    """Train a model in place.

    Whenever it yields, and wherever Ctrl-C ends it, the model's parameters and the state match: a training that
    resumes from them takes the same steps, bit for bit.

    Parameters
    ----------
    model : Model
        Its parameters are changed.
    samples : Samples
        The training split.
    validation : Samples or None
        Evaluated after each epoch, and never trained on; early stopping chooses the epoch by it.
    recipe : Recipe
    engine : Engine
    seed : int
        Draws the order of the images in each epoch.
    state : State, optional
        Where to resume, changed in place; the beginning if left out.
    sample_weight : array, shape (count,), optional
        Weight of each training image, times that of the recipe's ``class_weight``: a step descends Σ w·E / Σ w.
        The validation split is not weighted.
    workers : Workers, optional
        The processes that share each batch, and the validation split; each calls this with the same arguments.

    Yields
    ------
    Step or Epoch
        A ``Step`` after each step, an ``Epoch`` after each epoch's last.

    Raises
    ------
    DivergenceError
        If a loss is not finite.
    InputError
        If the sample weights are not one finite number of at least 0 an image, there is nothing to stop early by, or
        the engine's standardization is not the model's.
    """
    if recipe.early_stopping and not validation:
        raise InputError("early_stopping", True, "chooses the epoch by a validation split", "give one")
    model.check_engine(engine)
    weights = weights_of(samples.labels, recipe, sample_weight)
    total = len(samples) if weights is None else float(weights.sum())
    state = state or State(engine.optimizer(recipe, model.parameters))
    per_epoch, batch_size = recipe.batches_of(len(samples)), recipe.batch_size_for(len(samples))
    epochs, highest = recipe.epochs_for(len(samples)), recipe.learning_rate_for(len(samples))
    steps = per_epoch * epochs
    while len(state.history) < epochs and not stopped(recipe, state.history):
        epoch = len(state.history) + 1
        order = shuffled(len(samples), seed, epoch)
        augmentation = Augmentation(recipe.augment, samples.images.shape, seed, epoch) if recipe.augment else None
        rest = order[(state.step - (epoch - 1) * per_epoch) * batch_size :]
        upcoming = batches(samples, rest, batch_size, augmentation, workers.share)
        for _ in range(0, len(rest), batch_size):
            with uninterrupted():
                started = time.perf_counter()
                rate = learning_rate(recipe.schedule, highest, state.step, steps)
                batch = next(upcoming)
                waiting = time.perf_counter() - started
                # An overflow makes the loss infinite or NaN, which is an error below.
                with np.errstate(over="ignore", invalid="ignore"):
                    found = both_passes(model.parameters, batch, weights, engine, workers)
                    mean = found.loss / (total_weight(batch.indices, weights) or 1)
                    if not np.isfinite(mean):
                        raise DivergenceError(state.step + 1, mean, rate)
                    state.optimizer.update(model.parameters, found.gradient, rate)
                state.step += 1
                state.loss += found.loss
                state.correct += found.correct
                state.seconds += time.perf_counter() - started
            images = len(batch.indices)
            yield Step(epoch, state.step, steps, mean, found.correct / images, images, state.seconds, waiting)
        rate = learning_rate(recipe.schedule, highest, state.step - 1, steps)
        validation_loss = validation_accuracy = math.nan
        if validation:
            with suppress(NotFiniteError), np.errstate(over="ignore", invalid="ignore"):
                validation_loss, validation_accuracy = score(model, validation, engine, workers)
        if not np.isfinite(validation_loss if validation else model.parameters.vector).all():
            raise DivergenceError(state.step, validation_loss, rate)
        figures = state.loss / total, state.correct / len(samples), validation_loss, validation_accuracy
        with uninterrupted():
            state.history.append(Epoch(epoch, epochs, *figures, rate, state.seconds))
            state.loss, state.correct = 0.0, 0
            if recipe.early_stopping and best_epoch(state.history) == epoch:
                state.best = model.parameters.vector.copy()
        yield state.history[-1]
    if state.best is not None:
        model.parameters.vector[:] = state.best


def shuffled(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the order of the images in an epoch.

    Examples
    --------
    >>> shuffled(5, seed=0, epoch=1), shuffled(5, seed=0, epoch=2)
    (array([1, 4, 3, 0, 2]), array([4, 2, 1, 0, 3]))
    """
    return np.random.default_rng((seed, epoch)).permutation(count)


def best_epoch(history: Sequence[Epoch]) -> int:
    """Return the first epoch with the highest validation accuracy and, among those, the smallest validation loss."""
    return max(history, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss)).epoch


def stopped(recipe: Recipe, history: list[Epoch]) -> bool:
    """Return whether early stopping ends a training after these epochs."""
    return recipe.early_stopping and bool(history) and history[-1].epoch - best_epoch(history) >= recipe.patience


def score(model: Model, samples: Samples, engine: Engine, workers: Workers = ALONE) -> tuple[float, float]:
    """Return mean cross entropy in nats and accuracy; each worker evaluates its share of the samples."""
    own = samples.subset(workers.share(len(samples)))
    probabilities = model.predict(own.images, engine)
    expected = probabilities[np.arange(len(own)), own.labels].astype(np.float64)
    # A probability that underflowed to 0 counts as the smallest float32.
    losses = -np.log(np.maximum(expected, np.finfo(np.float32).tiny))
    sums = np.array([losses.sum(), (probabilities.argmax(axis=1) == own.labels).sum()])
    workers.add(sums)
    loss, accuracy = sums / len(samples)
    return float(loss), float(accuracy)
