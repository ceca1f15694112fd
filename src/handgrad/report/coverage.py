"""Answers only above a probability: how many pictures are then answered, and how many of the answers are correct."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.report.intervals import wilson
from handgrad.typing import Array

UNKNOWN = "don't know"
"""The answer below the threshold."""

THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""Where the curve is measured."""

GOALS = (0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""Accuracies for which a threshold is looked for."""

Predicted: TypeAlias = tuple[Array, NDArray[np.int64]]
"""Probabilities of shape (count, classes), and labels."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What remains of some images if only those of at least a probability are answered.

    ``coverage`` is their share, ``accuracy`` the share of the answers that are correct, None if there are none.
    """

    threshold: float
    images: int
    coverage: float
    coverage_interval: tuple[float, float]
    accuracy: float | None
    accuracy_interval: tuple[float, float]


def check_threshold(threshold: float | None, classes: Iterable[str] = ()) -> None:
    """Raise an InputError unless a threshold is a share, and no class has the name of the answer below it.

    >>> check_threshold(70)
    Traceback (most recent call last):
        ...
    handgrad.errors.InputError: threshold=70: must be a probability from 0 to 1; write 70 percent as 0.7
    """
    if threshold is None:
        return
    if not 0 <= threshold <= 1:
        rule = "must be a probability from 0 to 1"
        remedy = f"write {threshold:g} percent as {threshold / 100:g}" if 1 < threshold <= 100 else "use e.g. 0.9"
        raise InputError("threshold", f"{threshold:g}", rule, remedy)
    if UNKNOWN in classes:
        rule = f"the model has a class named {UNKNOWN!r}, which is also the answer below the threshold"
        raise InputError("threshold", f"{threshold:g}", rule, "leave it out, or train with another name")


def answered(probabilities: Array, threshold: float) -> NDArray[np.bool_]:
    """Return which images of these probabilities, shape (count, classes), are answered: the highest is at least that.

    The threshold is compared in the precision of the probabilities: 0.7 as it is printed is at least 0.7.

    >>> answered(np.array([[0.7, 0.3], [0.4, 0.6]], np.float32), 0.7)
    array([ True, False])
    """
    highest = probabilities.max(axis=1)
    return highest >= highest.dtype.type(threshold)


def at(predicted: Predicted, threshold: float) -> Answered:
    """Measure what a threshold leaves.

    >>> found = at((np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]]), np.array([0, 1, 1])), 0.7)
    >>> found.images, round(found.coverage, 2), found.accuracy
    (2, 0.67, 0.5)
    """
    probabilities, labels = predicted
    chosen = answered(probabilities, threshold)
    images, correct = int(chosen.sum()), int((probabilities.argmax(axis=1) == labels)[chosen].sum())
    low, high = wilson(np.array([images, correct]), np.array([len(labels), images]))
    return Answered(
        threshold=threshold,
        images=images,
        coverage=images / len(labels),
        coverage_interval=(float(low[0]), float(high[0])),
        accuracy=correct / images if images else None,
        accuracy_interval=(float(low[1]), float(high[1])),
    )


def lowest_threshold(predicted: Predicted, accuracy: float) -> float | None:
    """Return the lowest threshold whose answers have at least this accuracy, with few digits; None without any.

    >>> probabilities = np.array([[0.6, 0.4], [0.7, 0.3], [0.91234, 0.08766], [0.99, 0.01]])
    >>> lowest_threshold((probabilities, np.array([0, 1, 0, 0])), 0.9)
    0.9
    """
    probabilities, labels = predicted
    highest = probabilities.max(axis=1)
    order = np.argsort(-highest, kind="stable")
    ranked = highest[order]
    shares = np.cumsum((probabilities.argmax(axis=1) == labels)[order]) / np.arange(1, len(labels) + 1)
    # Images of one probability are answered together or not at all.
    last = np.append(ranked[1:] != ranked[:-1], True)
    enough = np.flatnonzero(last & (shares >= accuracy))
    if not len(enough):
        return None
    count = int(enough[-1]) + 1
    return 0.0 if count == len(labels) else _between(ranked[count], ranked[count - 1])


def coverage(splits: Mapping[str, Predicted], chosen_on: str | None = None) -> dict[str, Any]:
    """Return the curve over the thresholds on each of the splits, as plain values for report.json.

    The lowest thresholds that reach the goals are chosen on one split, never the test split, where they are measured.
    """
    found: dict[str, Any] = {"curve": [_measured(splits, threshold) for threshold in THRESHOLDS]}
    if chosen_on:
        lowest = [(goal, lowest_threshold(splits[chosen_on], goal)) for goal in GOALS]
        found |= {
            "chosen_on": chosen_on,
            "suggested": [
                {"goal": goal} | ({"threshold": None} if threshold is None else _measured(splits, threshold))
                for goal, threshold in lowest
            ],
        }
    return found


def _measured(splits: Mapping[str, Predicted], threshold: float) -> dict[str, Any]:
    figures = {name: asdict(at(predicted, threshold)) for name, predicted in splits.items()}
    return {"threshold": threshold} | {
        name: {key: value for key, value in each.items() if key != "threshold"} for name, each in figures.items()
    }


def _between(low: np.floating[Any], high: np.floating[Any]) -> float:
    """Return the number of fewest digits above `low` and at most `high`, in their precision."""
    for digits in range(1, 18):
        scale = 10**digits
        tried = math.floor(float(high) * scale) / scale
        if low < high.dtype.type(tried) <= high:
            return tried
    return float(high)
