"""A picture and what the notes make of it, for the C program to try itself on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from handgrad.model import Model
from handgrad.notes import network
from handgrad.parameters import Parameters
from handgrad.typing import Array, Pixels

_CANDIDATES = 64
_DOT = 4


class Parity(NamedTuple):
    """A parity vector.

    Attributes
    ----------
    pixels : array of uint8, shape (height, width, depth)
    probabilities : array of float64, shape (classes,)
        By the notes in float64.
    """

    pixels: Pixels
    probabilities: Array


def parity(model: Model, parameters: Parameters) -> Parity:
    """The parity vector of these parameters: of several random pictures the one that the network is least sure of.

    A probability of 1 would hide mistakes that one of a half brings to light. The pictures are coarse dots of the
    training pixels' mean and std, always the same.
    """
    rng = np.random.default_rng(0)
    height, width, depth = model.architecture.input_shape
    figures = model.standardization
    coarse = rng.normal(figures.mean, figures.std, (_CANDIDATES, -(-height // _DOT), -(-width // _DOT), depth))
    dots = coarse.repeat(_DOT, axis=1).repeat(_DOT, axis=2)[:, :height, :width]
    pictures = np.clip(np.rint(dots), 0, 255).astype(np.uint8)
    probabilities = network.predict(parameters.astype("float64"), figures.apply(pictures, "float64"))
    least_sure = int(probabilities.max(axis=1).argmin())
    return Parity(pictures[least_sure], probabilities[least_sure])
