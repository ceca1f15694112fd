"""Numbers of any kind become pixels, by one rule for files of numbers and for deep pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import DataError
from handgrad.typing import Pixels

Refusal: TypeAlias = Callable[[str, str], DataError]
"""Makes the error of one source from a rule and a cure: ``partial(DataError, "source", path)``."""


def to_images(numbers: NDArray[Any], refuse: Refusal) -> Pixels:
    """Pixels of a stack of images.

    Parameters
    ----------
    numbers : array, shape (count, height, width) or (count, height, width, 1 or 3)
        As ``to_pixels`` reads them.
    refuse : callable
        Makes the error from a rule and a cure.

    Returns
    -------
    array of uint8, shape (count, height, width, depth)

    Raises
    ------
    DataError
        If the shape is another, or the values have no meaning as pixels.

    Examples
    --------
    >>> from functools import partial
    >>> to_images(np.ones((5, 28, 28)), partial(DataError, "source", "a.npz")).shape
    (5, 28, 28, 1)
    """
    stacked = numbers[..., np.newaxis] if numbers.ndim == 3 else numbers
    if stacked.ndim != 4 or stacked.shape[3] not in (1, 3) or 0 in stacked.shape:
        raise refuse(
            f"its images have the shape {numbers.shape}; they must be (count, height, width) "
            "or (count, height, width, depth) with depth 1 or 3, none of them 0",
            "reshape them, or move the depth last with numpy.moveaxis",
        )
    return np.ascontiguousarray(to_pixels(stacked, refuse))


def to_pixels(numbers: NDArray[Any], refuse: Refusal) -> Pixels:
    """Numbers as pixels from 0 to 255, the shape kept.

    Parameters
    ----------
    numbers : array of numbers, not empty
        Floats in [0, 1] are scaled by 255, 16-bit integers by 1/257, booleans become 0 and 255; any other numbers
        in [0, 255] are rounded and taken as they are.
    refuse : callable
        Makes the error from a rule and a cure.

    Returns
    -------
    array of uint8

    Raises
    ------
    DataError
        If the values are no real numbers, not finite, or outside these ranges.

    Examples
    --------
    >>> from functools import partial
    >>> refuse = partial(DataError, "source", "a.npz")
    >>> to_pixels(np.array([0.0, 0.5, 1.0]), refuse), to_pixels(np.array([0, 128, 255]), refuse)
    (array([  0, 128, 255], dtype=uint8), array([  0, 128, 255], dtype=uint8))
    """
    kind, size = numbers.dtype.kind, numbers.dtype.itemsize
    if (kind, size) == ("u", 1):
        return numbers
    if kind == "b":
        return np.where(numbers, np.uint8(255), np.uint8(0))
    if kind not in "uif":
        raise refuse(f"its images are of type {numbers.dtype}; they must be numbers", "save them as uint8")
    low, high = numbers.min(), numbers.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        wrong = np.count_nonzero(~np.isfinite(numbers))
        raise refuse(f"{wrong} of its {numbers.size} values are NaN or infinite", "replace or remove them")
    sixteen_bits = (kind, size) == ("u", 2)
    if low < 0 or high > (65535 if sixteen_bits else 255):
        raise refuse(
            f"its values run from {low:g} to {high:g}; they must lie in 0 to 1 (floats), 0 to 255, or be uint16",
            "scale them, or save them as uint8",
        )
    if sixteen_bits and high > 255:
        return from_16_bits(numbers)
    return np.rint(numbers * 255 if kind == "f" and high <= 1 else numbers).astype(np.uint8)


def from_16_bits(numbers: NDArray[Any]) -> Pixels:
    """Integers from 0 to 65535 as pixels: a 257th of each, rounded.

    Examples
    --------
    >>> from_16_bits(np.array([0, 128, 129, 65535]))
    array([  0,   0,   1, 255], dtype=uint8)
    """
    return ((numbers.astype(np.uint32) + 128) // 257).astype(np.uint8)
