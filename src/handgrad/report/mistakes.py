"""The mistakes that a model is most confident of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handgrad.data import Samples
from handgrad.typing import Array

_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong prediction, with the probabilities that the model gave to both classes.

    ``index`` is that of the image in its split; ``path`` is its path in the source, if that is known.
    """

    index: int
    path: str | None
    expected: str
    predicted: str
    probability: float
    probability_of_the_expected: float


def surest_mistakes(
    probabilities: Array, samples: Samples, classes: tuple[str, ...], count: int = _SHOWN
) -> tuple[Mistake, ...]:
    """Return up to `count` wrong predictions, those of highest probability first."""
    labels = samples.labels
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    surest = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][:count]
    return tuple(
        Mistake(
            index=int(index),
            path=None if samples.names is None else str(samples.names[index]),
            expected=classes[labels[index]],
            predicted=classes[predicted[index]],
            probability=float(probabilities[index, predicted[index]]),
            probability_of_the_expected=float(probabilities[index, labels[index]]),
        )
        for index in surest
    )
