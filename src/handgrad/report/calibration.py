"""Whether predicted probabilities come true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.report.intervals import wilson
from handgrad.typing import Array

_BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The predictions with a probability in [low, high): their mean probability, and how often they are correct.

    ``confidence`` and ``accuracy`` are None if there are none.
    """

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None
    accuracy_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well probabilities match labels; the scores are means over the images.

    Scores "of the frequencies" are those of a forecast that knows only how frequent each class is among these images.
    """

    bins: tuple[Bin, ...]
    """Ten of equal width, by the probability of the predicted class; the last includes 1."""
    expected_calibration_error: float
    """Distance between the confidence and the accuracy of an image's bin (Naeini et al., AAAI 2015)."""
    mean_confidence: float
    """Probability of the predicted class."""
    brier_score: float
    """Sum over the classes of (probability − truth)², 0 to 2 (Brier, 1950)."""
    log_loss: float
    """−log of the probability of the expected class, in nats."""
    brier_score_of_the_frequencies: float
    log_loss_of_the_frequencies: float


def calibrate(probabilities: Array, labels: NDArray[np.int64]) -> Calibration:
    """Measure how well probabilities, of shape (count, classes), match labels.

    >>> found = calibrate(np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]]), np.array([0, 1, 1]))
    >>> round(found.expected_calibration_error, 3), round(found.brier_score, 3), found.bins[-1].images
    (0.233, 0.553, 3)
    """
    probabilities = probabilities.astype(np.float64)
    confidence = probabilities.max(axis=1)
    is_correct = probabilities.argmax(axis=1) == labels
    index = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    images = np.bincount(index, minlength=_BINS)
    correct, sums = (np.bincount(index, weights=each, minlength=_BINS) for each in (is_correct, confidence))
    low, high = wilson(correct.astype(np.int64), images)
    bins = tuple(
        Bin(
            low=k / _BINS,
            high=(k + 1) / _BINS,
            images=int(images[k]),
            confidence=float(sums[k] / images[k]) if images[k] else None,
            accuracy=float(correct[k] / images[k]) if images[k] else None,
            accuracy_interval=(float(low[k]), float(high[k])),
        )
        for k in range(_BINS)
    )
    expected = probabilities[np.arange(len(labels)), labels]
    frequencies = np.bincount(labels) / len(labels)
    occurring = frequencies[frequencies > 0]
    return Calibration(
        bins=bins,
        expected_calibration_error=float(np.abs(correct - sums).sum() / len(labels)),
        mean_confidence=float(confidence.mean()),
        # Σ_k (p_k − y_k)² = Σ_k p_k² − 2 p_y + 1
        brier_score=float(((probabilities**2).sum(axis=1) - 2 * expected + 1).mean()),
        # A probability that underflowed to 0 counts as the smallest normal float32, as in training.
        log_loss=float(-np.log(np.maximum(expected, np.finfo(np.float32).tiny)).mean()),
        brier_score_of_the_frequencies=float(1 - (frequencies**2).sum()),
        log_loss_of_the_frequencies=float(-(occurring * np.log(occurring)).sum()),
    )
