"""An image and its probabilities by the notes, against which the C program tests itself."""

from __future__ import annotations

import numpy as np

from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.notes import network
from handgrad.parameters import Parameters
from handgrad.typing import Array, Pixels

_CANDIDATES = 64
_DOT = 4


def parity(model: Model, parameters: Parameters) -> tuple[Pixels, Array]:
    """Return the image, of several random ones, that these parameters are least sure of, and its float64 probabilities.

    A probability of 1 would hide mistakes that one of a half brings to light. The images are coarse dots with the mean
    and std of the training pixels, always the same. A model for which sums of floats overflow is refused.
    """
    rng = np.random.default_rng(0)
    height, width, channels = model.architecture.input_shape
    figures = model.standardization
    coarse = rng.normal(figures.mean, figures.std, (_CANDIDATES, -(-height // _DOT), -(-width // _DOT), channels))
    dots = coarse.repeat(_DOT, axis=1).repeat(_DOT, axis=2)[:, :height, :width]
    images = np.clip(np.rint(dots), 0, 255).astype(np.uint8)
    black_and_white = np.broadcast_to(np.array([[[[0]]], [[[255]]]], np.uint8), (2, *images.shape[1:]))
    with np.errstate(over="ignore", invalid="ignore"):
        probabilities = network.predict(parameters.astype("float64"), figures.apply(images, "float64"))
        single = [
            network.predict(parameters.astype("float32"), figures.apply(each, "float32"))
            for each in (images, black_and_white)
        ]
    if not all(np.isfinite(found).all() for found in (probabilities, *single)):
        rule = "are not numbers for every image: its weights are so large that sums of floats overflow"
        raise InputError("model", "its probabilities", rule, "train it with a smaller learning rate")
    least_sure = int(probabilities.max(axis=1).argmin())
    return images[least_sure], probabilities[least_sure]
