"""Classification metrics with confidence intervals.

They are scikit-learn's, as the tests check; importing scikit-learn takes longer than training on the digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.report import intervals
from handgrad.typing import Array


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """Precision, recall and F1 of one class with their 95 % intervals, and the number of its images and predictions.

    The precision of a class that is never predicted and the recall of one without images are 0, with an interval from
    0 to 1.
    """

    name: str
    precision: float
    recall: float
    f1: float
    images: int
    predicted: int
    precision_interval: tuple[float, float]
    recall_interval: tuple[float, float]
    f1_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Metrics:
    """How well predictions match labels.

    Balanced accuracy is the mean recall of the classes that have images. The rows of the confusion matrix are the
    expected classes, its columns the predicted ones.
    """

    images: int
    accuracy: float
    balanced_accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy_interval: tuple[float, float]
    classes: tuple[ClassMetrics, ...]
    confusion_matrix: list[list[int]]


def measure(probabilities: Array, labels: NDArray[np.int64], classes: tuple[str, ...]) -> Metrics:
    """Compare predicted probabilities, of shape (count, classes), with labels.

    >>> metrics = measure(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), np.array([0, 1, 1]), ("free", "defect"))
    >>> metrics.balanced_accuracy, metrics.confusion_matrix
    (0.75, [[1, 0], [1, 1]])
    """
    count = len(classes)
    confusion = np.bincount(labels * count + probabilities.argmax(axis=1), minlength=count * count)
    confusion = confusion.reshape(count, count)
    correct, images, predicted = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    recall, precision = _ratio(correct, images), _ratio(correct, predicted)
    recalls = intervals.wilson(correct, images)
    known = images > 0
    return Metrics(
        images=len(labels),
        accuracy=float(correct.sum() / len(labels)),
        balanced_accuracy=float(recall[known].mean()),
        accuracy_interval=_pairs(intervals.wilson(correct.sum(keepdims=True), images.sum(keepdims=True)))[0],
        balanced_accuracy_interval=intervals.mean(recall[known], recalls[0][known], recalls[1][known]),
        classes=tuple(
            ClassMetrics(*row)
            for row in zip(
                classes,
                precision.tolist(),
                recall.tolist(),
                _ratio(2 * correct, images + predicted).tolist(),
                images.tolist(),
                predicted.tolist(),
                _pairs(intervals.wilson(correct, predicted)),
                _pairs(recalls),
                _pairs(intervals.f1(correct, images, predicted)),
                strict=True,
            )
        ),
        confusion_matrix=confusion.tolist(),
    )


def _pairs(ends: tuple[Array, Array]) -> list[tuple[float, float]]:
    return list(zip(ends[0].tolist(), ends[1].tolist(), strict=True))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide; 0 / 0 is 0."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
