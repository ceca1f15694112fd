"""Out-of-fold probabilities: one training for each fold, kept on disk for the next time."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad import __version__, atomic
from handgrad import engine as engines
from handgrad.architecture import Architecture
from handgrad.data import Samples
from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.standardization import Standardization
from handgrad.training import Recipe, Step, train
from handgrad.typing import Array, Progress

FILE_NAME = "out-of-fold.npz"


@dataclass(frozen=True)
class Plan:
    """What is trained for each fold: the result depends on this, the images and their folds alone."""

    architecture: Architecture
    recipe: Recipe
    seed: int = 0
    engine: str = engines.ENGINES[0]


def plan_of(model: Model, classes: int, engine: str = engines.ENGINES[0]) -> tuple[Plan, list[str]]:
    """Return the plan that repeats a model's own training on images of this many classes, and what differs from it.

    Examples
    --------
    >>> from handgrad import Parameters
    >>> network = Parameters.zeros(Architecture(input_shape=(8, 8, 1), classes=10))
    >>> model = Model(network, tuple("0123456789"), Standardization((0.0,), (1.0,)), {"recipe": {"epochs": 3}})
    >>> plan, notices = plan_of(model, 4)
    >>> plan.architecture.classes, plan.recipe.epochs, notices
    (4, 3, [])
    """
    sizes, notices, recipe = model.architecture.to_dict(), [], Recipe()
    try:
        recipe = Recipe(**model.provenance["recipe"])
    except (KeyError, TypeError, InputError):
        notices.append("the model's file tells no recipe that this handgrad knows; the default recipe is used")
    seed = model.provenance.get("seed")
    seed = seed if type(seed) is int and 0 <= seed < 2**32 else 0
    return Plan(Architecture(**sizes | {"classes": classes}), recipe, seed, engine), notices


def out_of_fold(
    samples: Samples,
    classes: tuple[str, ...],
    assigned: NDArray[np.int64],
    plan: Plan,
    folder: Path | None = None,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Array:
    """Return the probabilities of each image by a network that was trained on the other folds.

    With early stopping, the next fold is left out of the training too, and chooses the epoch.

    Parameters
    ----------
    samples : Samples
    classes : tuple of str
    assigned : array of int64, shape (count,)
        The fold of each image, as ``folds.folds_of`` returns it.
    plan : Plan
    folder : Path, optional
        Where the result is kept after each fold. What it holds of the same images, labels, folds and plan is not
        computed again.
    threads : int, optional
        Of the fused engine.
    progress : callable, optional
        Called with the steps done and their total.

    Returns
    -------
    array of float32, shape (count, classes)
    """
    folds, recipe = int(assigned.max()) + 1, plan.recipe
    if recipe.early_stopping and folds < 3:
        raise InputError("folds", folds, "early stopping needs a fold of its own: at least 3", "try 5")
    kept = _Kept(folder, _key(samples, classes, assigned, plan), (len(samples), len(classes)), folds)
    for fold in np.flatnonzero(~kept.done).tolist():
        following = (fold + 1) % folds if recipe.early_stopping else fold
        training = samples.subset(np.flatnonzero((assigned != fold) & (assigned != following)))
        validation = samples.subset(np.flatnonzero(assigned == following)) if recipe.early_stopping else None
        model = Model.initial(plan.architecture, classes, _standardization(training), plan.seed)
        engine = engines.create(plan.engine, model.standardization, threads, plan.architecture)
        for event in train(model, training, validation, recipe, engine, plan.seed):
            if progress and isinstance(event, Step):
                progress(fold * event.steps + event.step, folds * event.steps)
        held_out = np.flatnonzero(assigned == fold)
        kept.keep(fold, held_out, model.predict(samples.subset(held_out).images, engine))
    return kept.probabilities


def is_known(samples: Samples, classes: tuple[str, ...], assigned: NDArray[np.int64], plan: Plan, folder: Path) -> bool:
    """Return whether a folder holds all that ``out_of_fold`` would compute."""
    kept = _Kept(folder, _key(samples, classes, assigned, plan), (len(samples), len(classes)), int(assigned.max()) + 1)
    return bool(kept.done.all())


class _Kept:
    """The probabilities of the folds that are done, in a file that names what they are of."""

    def __init__(self, folder: Path | None, key: str, shape: tuple[int, int], folds: int) -> None:
        self.folder, self.key = folder, key
        self.probabilities, self.done = np.full(shape, np.nan, np.float32), np.zeros(folds, bool)
        # A damaged file, on which NumPy and zip fail in many ways, is as good as none.
        try:
            assert folder
            with np.load(folder / FILE_NAME, allow_pickle=False) as found:
                probabilities, done = found["probabilities"], found["done"]
                fits = str(found["key"]) == key and probabilities.shape == shape and done.shape == (folds,)
            if fits and probabilities.dtype == np.float32 and done.dtype == bool:
                self.probabilities, self.done = probabilities, done
        except Exception:
            return

    def keep(self, fold: int, indices: NDArray[np.int64], probabilities: Array) -> None:
        self.probabilities[indices] = probabilities
        self.done[fold] = True
        if self.folder:
            content = io.BytesIO()
            np.savez(content, key=np.array(self.key), probabilities=self.probabilities, done=self.done)
            atomic.write_files(self.folder, {FILE_NAME: content.getvalue()})


def _key(samples: Samples, classes: tuple[str, ...], assigned: NDArray[np.int64], plan: Plan) -> str:
    made_of: tuple[Any, ...] = (__version__, samples.checksum(), classes, plan, assigned.tobytes())
    return hashlib.sha256(repr(made_of).encode("utf-8", "surrogateescape")).hexdigest()


def _standardization(samples: Samples) -> Standardization:
    count, height, width, _ = samples.images.shape
    sums, squares = (moments.sum(axis=0).tolist() for moments in samples.figures[1:])
    return Standardization.of_moments(count * height * width, sums, squares)
