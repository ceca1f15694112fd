"""Figures of predicted probabilities against labels.

scikit-learn's, which the tests hold them to: to import it takes longer than to train on digits.
"""

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
    count = len(classes)
    confusion = np.bincount(labels * count + probabilities.argmax(axis=1), minlength=count * count)
    confusion = confusion.reshape(count, count)
    right, images = confusion.diagonal(), confusion.sum(axis=1)
    precision, recall = _share(right, confusion.sum(axis=0)), _share(right, images)
    f1 = _share(2 * right, images + confusion.sum(axis=0))
    return Metrics(
        images=len(labels),
        accuracy=float(right.sum() / len(labels)),
        balanced_accuracy=float(recall[images > 0].mean()),
        classes=tuple(
            ClassMetrics(name, float(precision[k]), float(recall[k]), float(f1[k]), int(images[k]))
            for k, name in enumerate(classes)
        ),
        confusion_matrix=confusion.tolist(),
    )


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """0 where there is nothing to have a share of."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
