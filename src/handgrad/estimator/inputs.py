"""The caller's input: images of any shape as rows, and rows with labels and weights as samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight

from handgrad.data import Samples
from handgrad.errors import InputError
from handgrad.pixel_range import PIXELS, Extent, PixelRange, Ranges
from handgrad.training import Callback, Recipe
from handgrad.training.weights import weights_of
from handgrad.typing import Array, Images

Shape = tuple[int, int, int]
"""(height, width, channels) of an image."""


def as_rows(X: Any, expected: Shape | None) -> tuple[Any, Shape | None]:
    """Return images as rows, and the shape of an image if it is known; rows, and what is not an array, are unchanged.

    Images of another shape than the expected one raise an InputError.

    >>> rows, shape = as_rows(np.zeros((5, 8, 9)), None)
    >>> rows.shape, shape
    ((5, 72), (8, 9, 1))
    """
    dimensions = np.ndim(X) if isinstance(X, list | tuple) else getattr(X, "ndim", 2)
    if dimensions > 4:
        rule = "must have 2 dimensions (rows), 3 (gray images) or 4 (images with channels)"
        raise InputError("X", f"{dimensions} dimensions", rule, "give one image or row per sample")
    if dimensions not in (3, 4):
        return X, expected
    X = np.asarray(X)
    shape = with_channels(X.shape[1:])
    if expected not in (None, shape):
        raise InputError("X", f"images of {shape}", f"those of this classifier are {expected}", "resize them")
    return X.reshape(len(X), math.prod(X.shape[1:])), shape


def with_channels(shape: Any) -> Any:
    """Return (height, width, 1) for (height, width), which is gray; None for None.

    >>> with_channels([8, 9])
    (8, 9, 1)
    """
    if shape is None:
        return None
    sizes = np.atleast_1d(shape).tolist()
    return (*sizes, 1) if len(sizes) == 2 else tuple(sizes)


def ranges_of(wanted: Any, images: Images) -> tuple[PixelRange | None, Ranges]:
    """Return what is black and white in training images, as a person wants it or by themselves, and in such files.

    >>> ranges_of("auto", np.array([0.0, 0.9]))
    (PixelRange(black=0.0, white=1.0), {'floats': PixelRange(black=0.0, white=1.0)})
    >>> ranges_of((-1, 1), np.array([-1.0, 0.9]))[0], ranges_of("auto", np.array([-1.0, 0.9]))[0]
    (PixelRange(black=-1.0, white=1.0), None)
    """
    if wanted is None:
        return None, {}
    if isinstance(wanted, str) and wanted == "auto":
        found = PixelRange.known(images)
    else:
        found, extent = PixelRange.of(wanted), Extent.of(images)
        if extent.low < found.black or extent.high > found.white:
            rule = f"the numbers of X run from {extent.low:g} to {extent.high:g}"
            raise InputError("pixel_range", wanted, rule, 'give black and white of X, or "auto"')
    if found is None:
        return None, {}
    kinds = ("uint8",) if images.dtype == np.uint8 else ("floats", "integers", "uint16")
    # Fewer bits than a file of integers usually has are no reason to refuse it.
    return found, {kind: found for kind in kinds if kind in ("uint8", "floats") or found.white > PIXELS.white}


@dataclass(frozen=True, eq=False)
class Labeled:
    """Images with the indices of their classes, and the weight of each, or None if all are equal."""

    samples: Samples
    classes: NDArray[Any]
    weights: Array | None

    @classmethod
    def of(
        cls, rows: NDArray[Any], y: NDArray[Any], classes: NDArray[Any], shape: Shape, sample_weight: Any
    ) -> Labeled:
        """Make labeled images from rows of numbers and their classes, after checking labels and weights."""
        unknown = np.setdiff1d(y, classes)
        if len(unknown):
            raise InputError("y", unknown, f"the classes are {classes}", "leave out images of other classes")
        samples = Samples(rows.reshape(-1, *shape), np.searchsorted(classes, y))
        return cls(samples, classes, weights_of(samples.labels, Recipe(), sample_weight))

    def __getitem__(self, indices: NDArray[np.int64]) -> Labeled:
        """Return a subset."""
        return Labeled(self.samples[indices], self.classes, None if self.weights is None else self.weights[indices])

    def weighted(self, class_weight: Any) -> Array | None:
        """Return each image's weight, times that of its class."""
        if class_weight is None:
            return self.weights
        labels = self.samples.labels
        weights: Array = compute_class_weight(class_weight, classes=self.classes, y=self.classes[labels])[labels]
        product = weights if self.weights is None else weights * self.weights
        if not (np.isfinite(product).all() and product.min() >= 0 and product.any()):
            rule = "weights must be finite and at least 0, and not all of them zero"
            raise InputError("class_weight", class_weight, rule, 'give numbers around 1, or "balanced"')
        return product


def callables_of(callbacks: Callback | Sequence[Callback]) -> Sequence[Callback]:
    """Return callbacks as a sequence, be it one or several."""
    if callable(callbacks):
        return (callbacks,)
    if not isinstance(callbacks, (list, tuple)) or not all(map(callable, callbacks)):
        raise InputError("callbacks", callbacks, "must be callables", "give functions of one argument, the event")
    return callbacks
