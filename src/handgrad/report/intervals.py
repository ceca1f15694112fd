"""How far figures of so many images can be trusted: 95 % confidence intervals in closed form.

Wilson's for a share of images; the same carried over to F1, which is a function of one share; and the interval of a
mean of shares from those of the shares. None of them shrinks to a point where all or none of the images are right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handgrad.typing import Array

CONFIDENCE = 0.95
_Z = 1.959963984540054
"""The normal distribution's quantile at (1 + 0.95) / 2."""


def wilson(part: NDArray[np.int64], whole: NDArray[np.int64]) -> tuple[Array, Array]:
    """Wilson's score interval (1927) of each share ``part / whole``.

    Parameters
    ----------
    part, whole : array of int64, shape (count,)
        0 ≤ part ≤ whole.

    Returns
    -------
    low, high : array, shape (count,)
        From 0 to 1; 0 and 1 where the whole is 0, since then nothing is known.

    Examples
    --------
    >>> low, high = wilson(np.array([9, 10]), np.array([10, 10]))
    >>> low.round(3), high.round(3)
    (array([0.596, 0.722]), array([0.982, 1.   ]))
    """
    known = whole > 0
    n = np.maximum(whole, 1)
    share = part / n
    center = share + _Z**2 / (2 * n)
    reach = _Z * np.sqrt(share * (1 - share) / n + (_Z / (2 * n)) ** 2)
    scale = 1 + _Z**2 / n
    # None and all of the images are ends by definition, which rounding would miss.
    low = np.where(known & (part > 0), (center - reach) / scale, 0.0)
    high = np.where(known & (part < whole), (center + reach) / scale, 1.0)
    return low, high


def f1(right: NDArray[np.int64], images: NDArray[np.int64], predicted: NDArray[np.int64]) -> tuple[Array, Array]:
    """Interval of each class's F1, by Wilson.

    Of the images that are of a class or are taken for it, the share J that is both (the Jaccard index) is a share like
    any other, and F1 = 2 · J / (1 + J) grows with it: the ends of J's interval give those of F1's.

    Parameters
    ----------
    right, images, predicted : array of int64, shape (classes,)
        Images of each class that are predicted so, that there are, and that are predicted so at all.

    Returns
    -------
    low, high : array, shape (classes,)

    Examples
    --------
    >>> low, high = f1(np.array([9]), np.array([10]), np.array([9]))
    >>> low.round(3), high.round(3)
    (array([0.747]), array([0.991]))
    """
    low, high = wilson(right, images + predicted - right)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def mean(shares: Array, low: Array, high: Array) -> tuple[float, float]:
    """Interval of the mean of independent shares from their own intervals.

    The distances of their ends add up in squares (MOVER; Zou and Donner, Statistics in Medicine 27, 2008).

    Parameters
    ----------
    shares, low, high : array, shape (count,)
        Each share and the ends of its interval.

    Returns
    -------
    low, high : float

    Examples
    --------
    >>> shares = np.array([0.9, 1.0])
    >>> low, high = mean(shares, *wilson(np.array([9, 10]), np.array([10, 10])))
    >>> round(low, 3), round(high, 3)
    (0.744, 0.991)
    """
    center, count = float(shares.mean()), len(shares)
    down = float(np.sqrt(((shares - low) ** 2).sum())) / count
    up = float(np.sqrt(((high - shares) ** 2).sum())) / count
    return max(0.0, center - down), min(1.0, center + up)
