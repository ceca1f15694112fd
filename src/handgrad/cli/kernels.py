"""The fused engine's kernels, compiled before the work that needs them: what it shows and measures is its own."""

from __future__ import annotations

import numpy as np

from handgrad.cli import display
from handgrad.data import Samples
from handgrad.engine import Engine
from handgrad.model import Model
from handgrad.training import Recipe
from handgrad.training import optimizer as optimizers
from handgrad.training.augmentation import Augmentation
from handgrad.typing import Images

_FEW = 16
"""Images of a trial: enough to take the way of a whole batch, whose kernels one picture alone would not need."""


def compile_for_predictions(model: Model, images: Images, engine: Engine) -> None:
    """Have the kernels of predictions ready, telling of it where that takes a while."""
    if engine.name == "fused" and len(images):
        with display.compilation():
            engine.predict(model.parameters, images[np.arange(_FEW) % len(images)])


def compile_for_training(model: Model, samples: Samples, recipe: Recipe, engine: Engine) -> None:
    """Have the kernels of a training ready: a trial step on a copy of the model, and a prediction."""
    if engine.name == "fused":
        few, trial = samples[:_FEW], model.parameters.copy()
        pixels = np.asarray(few.images)
        with display.compilation():
            if recipe.augment:
                Augmentation(recipe.augment, pixels.shape, 0, 1).apply(pixels, np.arange(len(pixels)))
            engine.predict(trial, pixels)
            _, _, gradient = engine.loss_and_gradients(trial, pixels, few.labels)
            optimizers.create(recipe, trial, engine).update(trial, gradient, recipe.learning_rate_for(len(samples)))
