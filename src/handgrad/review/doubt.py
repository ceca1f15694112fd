"""Which labels to doubt: those that contradict networks that did not learn them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.typing import Array


@dataclass(frozen=True, eq=False)
class Doubts:
    """Doubted labels, the most doubtful first.

    Parameters
    ----------
    indices : array of int64, shape (count,)
        Of the images.
    answers : array of int64, shape (count,)
        The class that the networks give instead.
    expected : int
        About how many labels are wrong.
    """

    indices: NDArray[np.int64]
    answers: NDArray[np.int64]
    expected: int


def doubts(probabilities: Array, labels: NDArray[np.int64], judged: NDArray[np.bool_] | None = None) -> Doubts:
    """Find the labels that out-of-fold probabilities contradict, by confident learning.

    A class's threshold is the mean probability that images with its label are given for it. A label is contradicted
    with confidence where another class reaches its own threshold and is the most probable of those that do: the number
    of such labels estimates how many are wrong. All of them are doubted, and so is every label that is not the most
    probable class. The smaller the probability of the label itself, the more doubtful it is.

    Parameters
    ----------
    probabilities : array, shape (count, classes)
        Each row from a network that was not trained on its image.
    labels : array of int64, shape (count,)
    judged : array of bool, shape (classes,), optional
        Classes whose labels can be judged; all by default.

    References
    ----------
    C. G. Northcutt, L. Jiang and I. L. Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, Journal
    of Artificial Intelligence Research 70, 2021: thresholds and count are its confident joint, the order is its
    self-confidence.

    Examples
    --------
    >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.95, 0.05], [0.1, 0.9], [0.3, 0.7]])
    >>> found = doubts(probabilities, np.array([0, 0, 1, 1, 1]))
    >>> found.indices, found.answers, found.expected
    (array([2]), array([0]), 1)
    """
    rows, numbers = np.arange(len(labels)), probabilities.astype(np.float64)
    reached = numbers >= thresholds(numbers, labels)
    confident = np.where(reached, numbers, -1.0).argmax(axis=1)
    contradicted = reached[rows, confident] & (confident != labels)
    answers = np.where(contradicted, confident, numbers.argmax(axis=1))
    doubted = answers != labels
    if judged is not None:
        contradicted &= judged[labels]
        doubted &= judged[labels]
    found = np.flatnonzero(doubted)
    order = found[np.argsort(numbers[found, labels[found]], kind="stable")]
    return Doubts(order, answers[order], int(contradicted.sum()))


def thresholds(probabilities: Array, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean probability of each class over the images that have its label; 1 for a class without any.

    Examples
    --------
    >>> thresholds(np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]]), np.array([0, 0, 1])).round(2)
    array([0.8, 0.6])
    """
    own = probabilities[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    sums = np.bincount(labels, own, minlength=probabilities.shape[1])
    means: NDArray[np.float64] = np.where(counts > 0, sums / np.maximum(counts, 1), 1.0)
    return means
