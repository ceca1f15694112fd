"""The mistakes that a model is surest of."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.typing import Array

_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Mistake:
    """One image that was taken for another class.

    Parameters
    ----------
    index : int
        Place of the image in its part, from 0.
    expected, predicted : str
        Names of both classes.
    probability, probability_of_the_expected : float
        What the model gave them.
    """

    index: int
    expected: str
    predicted: str
    probability: float
    probability_of_the_expected: float

    def to_dict(self) -> dict[str, Any]:
        """The mistake as plain values, for JSON."""
        return asdict(self)


def surest_mistakes(
    probabilities: Array, labels: NDArray[np.int64], classes: tuple[str, ...], count: int = _SHOWN
) -> tuple[Mistake, ...]:
    """The wrong predictions of highest probability, the surest first.

    Parameters
    ----------
    probabilities : array, shape (count, classes)
    labels : array of int64, shape (count,)
    classes : tuple of str
    count : int
        At most so many.

    Returns
    -------
    tuple of Mistake

    Examples
    --------
    >>> surest_mistakes(np.array([[0.9, 0.1], [0.75, 0.25]]), np.array([0, 1]), ("free", "defect"))[0].predicted
    'free'
    """
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    surest = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][:count]
    return tuple(
        Mistake(
            index=int(index),
            expected=classes[labels[index]],
            predicted=classes[predicted[index]],
            probability=float(probabilities[index, predicted[index]]),
            probability_of_the_expected=float(probabilities[index, labels[index]]),
        )
        for index in surest
    )
