"""An image and its probabilities by the notes, with which the C program checks itself."""

from __future__ import annotations

import numpy as np

from handgrad.model import Model
from handgrad.notes import network
from handgrad.parameters import Parameters
from handgrad.typing import Array, Pixels

_CANDIDATES = 64
_DOT = 4


def parity(model: Model, parameters: Parameters) -> tuple[Pixels, Array]:
    """Return the image that the network is least sure of, among some random ones, and its probabilities in float64.

    A probability of 1 would hide mistakes that one of a half reveals. The images are coarse dots with the training
    pixels' mean and std, always the same.
    """
    rng = np.random.default_rng(0)
    height, width, channels = model.architecture.input_shape
    figures = model.standardization
    coarse = rng.normal(figures.mean, figures.std, (_CANDIDATES, -(-height // _DOT), -(-width // _DOT), channels))
    dots = coarse.repeat(_DOT, axis=1).repeat(_DOT, axis=2)[:, :height, :width]
    images = np.clip(np.rint(dots), 0, 255).astype(np.uint8)
    probabilities = network.predict(parameters.astype("float64"), figures.apply(images, "float64"))
    least_sure = int(probabilities.max(axis=1).argmin())
    return images[least_sure], probabilities[least_sure]
