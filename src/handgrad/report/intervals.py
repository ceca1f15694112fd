"""95 % confidence intervals in closed form.

Wilson's for a proportion; the same for F1, which is a function of one proportion; and the interval of a mean of
proportions from their own. None of them shrinks to a point if all or none of the images are correct.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handgrad.typing import Array

CONFIDENCE = 0.95
_Z = 1.959963984540054
"""The normal distribution's quantile at (1 + 0.95) / 2."""


def wilson(part: NDArray[np.int64], whole: NDArray[np.int64]) -> tuple[Array, Array]:
    """Compute Wilson's score interval (1927) of each proportion ``part / whole``; from 0 to 1 if the whole is 0.

    >>> low, high = wilson(np.array([9, 10]), np.array([10, 10]))
    >>> low.round(3), high.round(3)
    (array([0.596, 0.722]), array([0.982, 1.   ]))
    """
    known = whole > 0
    n = np.maximum(whole, 1)
    proportion = part / n
    center = proportion + _Z**2 / (2 * n)
    reach = _Z * np.sqrt(proportion * (1 - proportion) / n + (_Z / (2 * n)) ** 2)
    scale = 1 + _Z**2 / n
    # The ends are exact for none and all of the images, which rounding would miss.
    low = np.where(known & (part > 0), (center - reach) / scale, 0.0)
    high = np.where(known & (part < whole), (center + reach) / scale, 1.0)
    return low, high


def f1(correct: NDArray[np.int64], images: NDArray[np.int64], predicted: NDArray[np.int64]) -> tuple[Array, Array]:
    """Compute the interval of each class's F1 from Wilson's.

    Among the images that belong to a class or are predicted to, the proportion J of those that do both (the Jaccard
    index) has a Wilson interval. F1 = 2 · J / (1 + J) grows with J, so the ends of that interval give those of F1's.

    >>> low, high = f1(np.array([9]), np.array([10]), np.array([9]))
    >>> low.round(3), high.round(3)
    (array([0.747]), array([0.991]))
    """
    low, high = wilson(correct, images + predicted - correct)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def mean(shares: Array, low: Array, high: Array) -> tuple[float, float]:
    """Compute the interval of the mean of independent proportions from their own intervals.

    The squared distances to their ends add up (MOVER; Zou and Donner, Statistics in Medicine 27, 2008).

    >>> shares = np.array([0.9, 1.0])
    >>> low, high = mean(shares, *wilson(np.array([9, 10]), np.array([10, 10])))
    >>> round(low, 3), round(high, 3)
    (0.744, 0.991)
    """
    center, count = float(shares.mean()), len(shares)
    down = float(np.sqrt(((shares - low) ** 2).sum())) / count
    up = float(np.sqrt(((high - shares) ** 2).sum())) / count
    return max(0.0, center - down), min(1.0, center + up)
