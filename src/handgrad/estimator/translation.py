"""A classifier's parameters, under scikit-learn's names, as an architecture and a recipe."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.estimator.inputs import Shape
from handgrad.training import Recipe

_NAMES = {
    "hidden": "hidden_layer_sizes",
    "input_shape": "image_shape",
    "optimizer": "solver",
    "schedule": "learning_rate",
    "learning_rate": "learning_rate_init",
    "epochs": "max_iter",
    "patience": "n_iter_no_change",
    "threads": "n_threads",
}
"""scikit-learn's names of handgrad's parameters, where they differ."""

_LARGE = 1_000_000
"""Side of an image that has room for any network."""

_DENSE_HALF: dict[str, Any] = {"stages": ((1,),), "filter_size": (1, 1), "pooling": 1}
"""Convolutions that change nothing."""


def recipe_of(classifier: Any) -> Recipe:
    """Return the recipe of a classifier's parameters; raise an InputError if one breaks its rule.

    >>> from handgrad import HandgradClassifier
    >>> recipe_of(HandgradClassifier()) == Recipe()
    True
    """
    augment: Any = (classifier.augment,) if isinstance(classifier.augment, str) else classifier.augment or ()
    with own_names():
        return Recipe(
            optimizer=classifier.solver,
            schedule=classifier.learning_rate,
            learning_rate=None if classifier.learning_rate_init == "auto" else classifier.learning_rate_init,
            epochs=None if classifier.max_iter == "auto" else classifier.max_iter,
            batch_size=None if classifier.batch_size == "auto" else classifier.batch_size,
            patience=classifier.n_iter_no_change,
            augment=augment,
            weight_decay=classifier.weight_decay,
            momentum=classifier.momentum,
            early_stopping=classifier.early_stopping,
        )


def architecture_of(classifier: Any, features: int, shape: Shape | None, classes: int) -> Architecture:
    """Return the network of a classifier's parameters; raise an ArchitectureError if the sizes do not fit together.

    Without a shape, a row of features is a square gray image if it has room for the stages, else no image.

    >>> from handgrad import HandgradClassifier
    >>> [architecture_of(HandgradClassifier(), features, None, 2).input_shape for features in (20, 25, 36)]
    [(1, 20, 1), (1, 25, 1), (6, 6, 1)]
    """
    sizes: dict[str, Any] = {"classes": classes, "hidden": np.atleast_1d(classifier.hidden_layer_sizes).tolist()}
    filters = {name: getattr(classifier, name) for name in ("stages", "filter_size", "pooling", "maps")}
    with own_names():
        if shape and math.prod(shape) != features:
            raise InputError("image_shape", shape, f"is not that of {features} numbers", "give that of the images")
        side = math.isqrt(features)
        if not shape and side**2 == features:
            room = Architecture(input_shape=(_LARGE, _LARGE, 1), **sizes, **filters).smallest_image
            shape = (side, side, 1) if side >= max(room) else None
        if shape:
            return Architecture(input_shape=shape, **sizes, **filters)
        return Architecture(input_shape=(1, features, 1), **sizes, **_DENSE_HALF)


def sees_no_image(architecture: Architecture) -> bool:
    """Return whether a network is the dense half alone."""
    return all(getattr(architecture, name) == value for name, value in _DENSE_HALF.items())


@contextmanager
def own_names() -> Iterator[None]:
    """Make errors name the classifier's parameter."""
    try:
        yield
    except InputError as error:
        argument = _NAMES.get(error.argument, error.argument)
        raise type(error)(argument, error.value, error.rule, error.remedy) from None
