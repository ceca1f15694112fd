"""A classifier's parameters, under scikit-learn's names, as an architecture and a recipe."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from handgrad import effects
from handgrad.architecture import Architecture
from handgrad.errors import HandgradWarning, InputError
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


def held_out(classifier: Any, y: NDArray[Any], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the images to train on and of those for early stopping, stratified by class.

    >>> from handgrad import HandgradClassifier
    >>> kept, held = held_out(HandgradClassifier(validation_fraction=0.25), np.array([0, 1] * 4), seed=0)
    >>> len(kept), len(held)
    (6, 2)
    """
    share = classifier.validation_fraction
    if isinstance(share, bool) or not isinstance(share, Real) or not 0 < float(share) < 1:
        raise InputError("validation_fraction", share, "must be a number between 0 and 1", "try 0.1")
    counts = np.unique(y, return_counts=True)[1]
    held = math.ceil(float(share) * len(y))
    if counts.min() < 2 or min(held, len(y) - held) < len(counts):
        rule = f"validation_fraction={share} holds out {held} of {len(y)} images, and each of {len(counts)} classes"
        remedy = "add images, change validation_fraction, or turn it off"
        raise InputError("early_stopping", True, f"{rule} needs one on either side", remedy)
    kept, chosen = train_test_split(np.arange(len(y)), test_size=float(share), random_state=seed, stratify=y)
    return kept, chosen


def warn_of_no_effect(classifier: Any, image: bool) -> None:
    """Warn of parameters that were changed and have no effect beside the others; `image` is whether X has images."""
    library = {own: name for name, own in _NAMES.items()}
    values = classifier.get_params()
    defaults = type(classifier)().get_params()
    changed = {name for name, value in values.items() if not _same(value, defaults[name])}
    known = {library.get(name, name): value for name, value in values.items()} | {"image": image}
    given = {name: value for name, value in known.items() if _NAMES.get(name, name) in changed}
    with own_names():
        for error in effects.without_effect(effects.CLASSIFIER, given, known, _shown):
            error.argument = _NAMES.get(error.argument, error.argument)
            warnings.warn(str(error), HandgradWarning, stacklevel=4)


def _shown(name: str, value: Any) -> str:
    name = _NAMES.get(name, name)
    return name if value is None else f"{name}={value}"


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and bool(np.all(one == other)))


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


def introduction(sizes: Architecture, images: int) -> str:
    """Say what is trained on what, before it begins; in ASCII, which every terminal has.

    >>> introduction(Architecture(input_shape=(8, 8, 1), classes=10), 360)
    '360 images of 8x8x1, 10 classes; 1,048 parameters'
    """
    shown = f"images of {'x'.join(map(str, sizes.input_shape))}"
    seen = f"rows of {sizes.flat} numbers" if sees_no_image(sizes) else shown
    return f"{images} {seen}, {sizes.classes} classes; {sizes.parameter_count:,} parameters"
