"""The mistakes that a model is surest of."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from handgrad.data import Samples
from handgrad.report.identity import path_of
from handgrad.typing import Array

_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Mistake:
    """One image that was taken for another class.

    Parameters
    ----------
    index : int
        Place of the image in its part, from 0.
    path : str or None
        Where the picture lies in its source: its path or, in a file of many, its place; None where that is unknown.
    expected, predicted : str
        Names of both classes.
    probability, probability_of_the_expected : float
        What the model gave them.
    """

    index: int
    path: str | None
    expected: str
    predicted: str
    probability: float
    probability_of_the_expected: float

    def to_dict(self) -> dict[str, Any]:
        """The mistake as plain values, for JSON."""
        return asdict(self)


def surest_mistakes(
    probabilities: Array, samples: Samples, classes: tuple[str, ...], count: int = _SHOWN
) -> tuple[Mistake, ...]:
    """The wrong predictions of highest probability, the surest first.

    Parameters
    ----------
    probabilities : array, shape (count, classes)
    samples : Samples
    classes : tuple of str
    count : int
        At most so many.

    Returns
    -------
    tuple of Mistake

    Examples
    --------
    >>> samples = Samples(np.zeros((2, 6, 6, 1), np.uint8), np.array([0, 1]))
    >>> surest_mistakes(np.array([[0.9, 0.1], [0.75, 0.25]]), samples, ("free", "defect"))[0].predicted
    'free'
    """
    labels = samples.labels
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    surest = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][:count]
    return tuple(
        Mistake(
            index=int(index),
            path=path_of(samples, int(index)),
            expected=classes[labels[index]],
            predicted=classes[predicted[index]],
            probability=float(probabilities[index, predicted[index]]),
            probability_of_the_expected=float(probabilities[index, labels[index]]),
        )
        for index in surest
    )
