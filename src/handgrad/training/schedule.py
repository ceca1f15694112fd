"""The learning rate of each step."""

from __future__ import annotations

import math

from handgrad.training.recipe import Recipe

_RISE = 0.25
_START = 0.04


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate η of a step.

    Parameters
    ----------
    recipe : Recipe
        Gives the schedule and the highest rate.
    step : int
        The step, from 0.
    steps : int
        Steps in all.

    Returns
    -------
    float
        Positive at every step from 0 to ``steps − 1``.

    Examples
    --------
    >>> recipe = Recipe(learning_rate=1.0)
    >>> [round(learning_rate(recipe, step, 8), 2) for step in range(8)]
    [0.04, 0.52, 1.0, 0.93, 0.75, 0.5, 0.25, 0.07]
    """
    if recipe.schedule == "constant":
        return recipe.learning_rate
    rise = _RISE * steps
    if step < rise:
        return recipe.learning_rate * (_START + (1 - _START) * step / rise)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / (steps - rise)))
