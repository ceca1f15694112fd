"""Whether a predicted probability is worth what it says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.report.intervals import wilson
from handgrad.typing import Array

_BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The predictions whose probability lies in [low, high): how sure they are on average, and how often right.

    ``confidence`` and ``accuracy`` are None where there is no such prediction.
    """

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None
    accuracy_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How probabilities fit labels.

    Parameters
    ----------
    bins : tuple of Bin
        Ten of equal width, by the probability of the predicted class; the last holds 1.
    expected_calibration_error : float
        Mean over the images of their bin's distance between confidence and accuracy (Naeini et al., AAAI 2015).
    mean_confidence : float
        Mean probability of the predicted class.
    brier_score : float
        Mean over the images of the sum over the classes of (probability − truth)², 0 to 2 (Brier, 1950).
    log_loss : float
        Mean over the images of −log of the probability of the expected class, in nats.
    brier_score_of_the_frequencies, log_loss_of_the_frequencies : float
        The same of a forecast that knows how frequent each class is among these images, and nothing else.
    """

    bins: tuple[Bin, ...]
    expected_calibration_error: float
    mean_confidence: float
    brier_score: float
    log_loss: float
    brier_score_of_the_frequencies: float
    log_loss_of_the_frequencies: float

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, for JSON."""
        return asdict(self)


def calibrate(probabilities: Array, labels: NDArray[np.int64]) -> Calibration:
    """Compare probabilities with how often they come true.

    Parameters
    ----------
    probabilities : array, shape (count, classes)
    labels : array of int64, shape (count,)

    Returns
    -------
    Calibration

    Examples
    --------
    >>> found = calibrate(np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]]), np.array([0, 1, 1]))
    >>> round(found.expected_calibration_error, 3), round(found.brier_score, 3), found.bins[-1].images
    (0.233, 0.553, 3)
    """
    probabilities = probabilities.astype(np.float64)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    images = np.bincount(place, minlength=_BINS)
    correct, sums = (np.bincount(place, weights=each, minlength=_BINS) for each in (right, confidence))
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
        # A probability that underflowed to 0 counts as the smallest float32, as in training.
        log_loss=float(-np.log(np.maximum(expected, np.finfo(np.float32).tiny)).mean()),
        brier_score_of_the_frequencies=float(1 - (frequencies**2).sum()),
        log_loss_of_the_frequencies=float(-(occurring * np.log(occurring)).sum()),
    )
