"""Inputs scaled to mean 0 and std 1, by the training set's statistics."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from handgrad.errors import InputError
from handgrad.pixel_range import PIXELS, PixelRange
from handgrad.typing import Array, Images, Pixels, Stored

_PIECE = 256
LARGEST = 1e30
"""Of what a network's numbers are standardized with: its square root is far from the ends of float32."""


@dataclass(frozen=True)
class Standardization:
    """``(pixel − mean) / std``, with one mean and one std for each channel.

    Parameters
    ----------
    mean, std : tuple of float
        In units of pixel values, 0 to 255, or of the numbers used instead; one entry for each channel.

    Raises
    ------
    InputError
        If the two differ in length, a std is not positive, or a number is too large or too small for float32.

    Examples
    --------
    >>> import numpy as np
    >>> pixels = np.array([0, 0, 20, 20], np.uint8).reshape(1, 2, 2, 1)
    >>> Standardization.of(pixels)
    Standardization(mean=(10.0,), std=(10.0,))
    >>> Standardization.of(pixels).apply(pixels, "float64").ravel()
    array([-1., -1.,  1.,  1.])
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        numbers = (*self.mean, *self.std)
        if len(self.mean) != len(self.std) or not all(np.isfinite(numbers)) or min(self.std, default=0) <= 0:
            rule = "needs one finite mean and one positive std for each channel"
            remedy = "use those of the training set"
            raise InputError("standardization", f"mean {self.mean}, std {self.std}", rule, remedy)
        if max(map(abs, numbers)) > LARGEST or min(self.std) < 1 / LARGEST:
            rule = f"no number may be above {LARGEST:g}, and no std below {1 / LARGEST:g}: float32 has no room for more"
            raise InputError("standardization", f"mean {self.mean}, std {self.std}", rule, "scale the images to 0 to 1")

    @classmethod
    def of(cls, images: Images, sample_weight: Array | None = None) -> Standardization:
        """Compute the mean and std of images; the std is 1 where all pixels are equal.

        They are exact for pixels; for other numbers, and with weights, they are computed in float64.

        Parameters
        ----------
        images : array of uint8, float32 or float64, shape (count, height, width, channels)
        sample_weight : array, shape (count,), optional
            Weight of each image: numbers of at least 0, not all of them 0.

        Examples
        --------
        >>> numbers = np.array([-1.0, 3.0]).reshape(2, 1, 1, 1)
        >>> Standardization.of(numbers), Standardization.of(numbers, np.array([0.0, 2.0]))
        (Standardization(mean=(1.0,), std=(2.0,)), Standardization(mean=(3.0,), std=(1.0,)))
        """
        if images.dtype != np.uint8 or sample_weight is not None:
            return cls._of_numbers(images, np.ones(len(images)) if sample_weight is None else sample_weight)
        # A piece at a time, so that no copy of the whole set is made.
        pieces = [moments(images[start : start + _PIECE]) for start in range(0, len(images), _PIECE)]
        sums, squares = (sum(each.sum(axis=0) for each in kind).tolist() for kind in zip(*pieces, strict=True))
        return cls.of_moments(len(images) * images.shape[1] * images.shape[2], sums, squares)

    @classmethod
    def of_moments(cls, pixels: int, sums: Sequence[int], squares: Sequence[int]) -> Standardization:
        """Compute the exact mean and std of channels from the number of pixels, their sums and sums of squares."""
        # In integers of any size: nothing is rounded before the root.
        spread = (pixels * square - total * total for total, square in zip(sums, squares, strict=True))
        return cls(tuple(total / pixels for total in sums), tuple(math.sqrt(each) / pixels or 1.0 for each in spread))

    @classmethod
    def _of_numbers(cls, images: Images, weights: Array) -> Standardization:
        pixels = weights.sum(dtype=np.float64) * math.prod(images.shape[1:3])

        def mean(of: Callable[[Array], Array]) -> NDArray[np.float64]:
            pieces = (slice(start, start + _PIECE) for start in range(0, len(images), _PIECE))
            wide = ((weights[piece], images[piece].astype(np.float64)) for piece in pieces)
            return sum(np.einsum("n,nhwd->d", weight, of(numbers)) for weight, numbers in wide) / pixels

        with np.errstate(over="ignore", invalid="ignore"):  # results that are not finite are refused
            center = mean(lambda numbers: numbers)
            std = np.sqrt(mean(lambda numbers: (numbers - center) ** 2))
        # Equal numbers differ from their mean by rounding alone.
        std[std <= 8 * np.finfo(np.float64).eps * np.abs(center)] = 1
        return cls(tuple(center.tolist()), tuple(std.tolist()))

    def apply(self, images: Stored, dtype: DTypeLike) -> Array:
        """Standardize images to the given precision, floats in float64 first; refuse what is not uint8 or floats."""
        if images.dtype != np.uint8 and images.dtype.kind != "f":
            rule = "must be pixels (uint8, 0 to 255) or floats"
            raise InputError("images", images.dtype, rule, "use .astype(np.uint8)")
        wide = dtype if images.dtype == np.uint8 else np.float64
        mean, std = np.asarray(self.mean, wide), np.asarray(self.std, wide)
        return ((images.astype(wide) - mean) / std).astype(dtype, copy=False)

    def of_pixels(self, pixel_range: PixelRange) -> Standardization:
        """Return the one that does the same to pixels, 0 to 255, as this one does to numbers of a range.

        Examples
        --------
        >>> Standardization((0.5,), (0.25,)).of_pixels(PixelRange(0, 1))
        Standardization(mean=(127.5,), std=(63.75,))
        """
        if pixel_range == PIXELS:
            return self
        scale = PIXELS.white / (pixel_range.white - pixel_range.black)
        mean = tuple((each - pixel_range.black) * scale for each in self.mean)
        return Standardization(mean, tuple(each * scale for each in self.std))

    @classmethod
    def from_dict(cls, figures: dict[str, Any]) -> Standardization:
        """Restore a standardization from the values of ``to_dict``."""
        return cls(tuple(map(float, figures["mean"])), tuple(map(float, figures["std"])))

    def to_dict(self) -> dict[str, Any]:
        """Return the mean and std as plain values, for JSON."""
        return {"mean": list(self.mean), "std": list(self.std)}


def moments(images: Pixels) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Compute each image's sum of pixels and sum of squared pixels, both of shape (count, channels)."""
    wide: Any = {"dtype": np.uint64, "casting": "unsafe"}
    area = images.shape[1] * images.shape[2]
    # A channel at a time, its pixels side by side: in place they would take three times as long.
    planes = [np.ascontiguousarray(images[..., k]).reshape(len(images), area) for k in range(images.shape[3])]
    sums = [np.einsum("np->n", plane, **wide) for plane in planes]
    squares = [np.einsum("np,np->n", plane, plane, **wide) for plane in planes]
    return np.stack(sums, axis=1), np.stack(squares, axis=1)
