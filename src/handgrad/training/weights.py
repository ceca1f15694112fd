"""The weight of each image in the loss."""

from __future__ import annotations

import numpy as np

from handgrad.errors import InputError
from handgrad.training.recipe import Recipe
from handgrad.typing import Array, Integers

_LARGEST = 1e30


def weights_of(labels: Integers, recipe: Recipe, sample_weight: Array | None = None) -> Array | None:
    """Return the weight of each training image: the caller's, times its class's; None if all are equal.

    Balanced class weights are scikit-learn's: images / (classes that occur · images of the class).

    Parameters
    ----------
    labels : array of int, shape (count,)
    recipe : Recipe
        Only its ``class_weight`` is used.
    sample_weight : array, shape (count,), optional
        Numbers of at least 0, not all of them 0.

    Returns
    -------
    array of float64, shape (count,), or None

    Raises
    ------
    InputError
        If there is not one weight per image, one is negative or not finite, or all are 0.

    Examples
    --------
    >>> weights_of(np.array([0, 0, 0, 1]), Recipe(class_weight="balanced")).round(2)
    array([0.67, 0.67, 0.67, 2.  ])
    """
    if sample_weight is None and recipe.class_weight is None:
        return None
    weights = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if weights.shape != (len(labels),):
        raise InputError("sample_weight", weights.shape, f"must have the shape ({len(labels)},)", "give one per image")
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.any()):
        raise InputError(
            "sample_weight",
            f"{weights.min():g} to {weights.max():g}",
            "weights must be finite and at least 0, and not all of them zero",
            "use 1 for an ordinary image",
        )
    if not 1 / _LARGEST <= weights.max() <= _LARGEST:
        rule = f"the largest must be from {1 / _LARGEST:g} to {_LARGEST:g}: float32 has no room for more"
        raise InputError(
            "sample_weight", f"{weights.min():g} to {weights.max():g}", rule, "use 1 for an ordinary image"
        )
    if recipe.class_weight == "balanced":
        counts = np.bincount(labels)
        weights = weights * (len(labels) / (np.count_nonzero(counts) * counts[labels]))
    return weights
