"""Figures of predicted probabilities against labels, by scikit-learn."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.typing import Array


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """Precision, recall and F1 of one class, and its number of images."""

    name: str
    precision: float
    recall: float
    f1: float
    images: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """How well probabilities fit labels.

    Parameters
    ----------
    images : int
        Number of images.
    accuracy, balanced_accuracy : float
        Share of images, and mean over the classes of the share of each, that are right.
    classes : tuple of ClassMetrics
    confusion_matrix : list of list of int
        Rows are the expected classes, columns the predicted ones.
    """

    images: int
    accuracy: float
    balanced_accuracy: float
    classes: tuple[ClassMetrics, ...]
    confusion_matrix: list[list[int]]

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, for JSON."""
        return asdict(self)


def measure(probabilities: Array, labels: NDArray[np.int64], classes: tuple[str, ...]) -> Metrics:
    """Compare predictions with labels.

    Parameters
    ----------
    probabilities : array, shape (count, classes)
    labels : array of int64, shape (count,)
    classes : tuple of str
        Name of each class number.

    Returns
    -------
    Metrics
        Of the classes that the labels hold, balanced accuracy is the mean recall; the others count 0 images.

    Examples
    --------
    >>> metrics = measure(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), np.array([0, 1, 1]), ("free", "defect"))
    >>> metrics.balanced_accuracy, metrics.confusion_matrix
    (0.75, [[1, 0], [1, 1]])
    """
    # Imported here, since scikit-learn takes a second to import and not every command needs it.
    from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

    predicted = probabilities.argmax(axis=1)
    numbers = np.arange(len(classes))
    scores = precision_recall_fscore_support(labels, predicted, labels=numbers, zero_division=0.0)
    present = np.flatnonzero(scores[3])
    return Metrics(
        images=len(labels),
        accuracy=float(accuracy_score(labels, predicted)),
        balanced_accuracy=float(scores[1][present].mean()),
        classes=tuple(
            ClassMetrics(name, float(precision), float(recall), float(f1), int(images))
            for name, precision, recall, f1, images in zip(classes, *scores, strict=True)
        ),
        confusion_matrix=confusion_matrix(labels, predicted, labels=numbers).tolist(),
    )
