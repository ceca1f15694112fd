"""Inputs brought to mean 0 and deviation 1, by the training set's figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from handgrad.errors import InputError
from handgrad.typing import Array, Pixels


@dataclass(frozen=True)
class Standardisation:
    """``(pixel − mean) / deviation``, with one mean and one deviation for each depth.

    Parameters
    ----------
    mean, deviation : tuple of float
        In units of pixel values, 0 to 255; one entry for each depth.

    Raises
    ------
    InputError
        If the two differ in length, or a deviation is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> pixels = np.array([0, 0, 20, 20], np.uint8).reshape(1, 2, 2, 1)
    >>> Standardisation.of(pixels)
    Standardisation(mean=(10.0,), deviation=(10.0,))
    >>> Standardisation.of(pixels).apply(pixels, "float64").ravel()
    array([-1., -1.,  1.,  1.])
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __post_init__(self) -> None:
        numbers = (*self.mean, *self.deviation)
        if (
            len(self.mean) != len(self.deviation)
            or not all(np.isfinite(numbers))
            or min(self.deviation, default=0) <= 0
        ):
            raise InputError(
                "standardisation",
                f"mean {self.mean}, deviation {self.deviation}",
                "needs one finite mean and one positive deviation for each depth",
                "use the figures of the training set",
            )

    @classmethod
    def of(cls, images: Pixels) -> Standardisation:
        """The exact figures of images (count, height, width, depth); where all pixels are equal the deviation is 1."""
        means, deviations = [], []
        values = np.arange(256)
        for depth in range(images.shape[3]):
            # Counted a piece at a time, so that no integer copy of the whole set is made.
            pieces = np.array_split(images[..., depth], -(-len(images) // 4096))
            counts = sum(np.bincount(piece.ravel(), minlength=256) for piece in pieces)
            mean = float(np.average(values, weights=counts))
            means.append(mean)
            deviations.append(float(np.sqrt(np.average((values - mean) ** 2, weights=counts))) or 1.0)
        return cls(tuple(means), tuple(deviations))

    def apply(self, images: Pixels, dtype: DTypeLike) -> Array:
        """Standardised images of the given precision.

        Raises
        ------
        InputError
            If the images are not uint8.
        """
        if images.dtype != np.uint8:
            raise InputError(
                "images", images.dtype, "pixels must be uint8, 0 to 255", "scale them to that and use .astype(np.uint8)"
            )
        mean, deviation = np.asarray(self.mean, dtype), np.asarray(self.deviation, dtype)
        result: Array = (images.astype(dtype) - mean) / deviation
        return result

    @classmethod
    def from_dict(cls, figures: dict[str, Any]) -> Standardisation:
        """The standardisation of ``to_dict``'s values."""
        return cls(tuple(map(float, figures["mean"])), tuple(map(float, figures["deviation"])))

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, for JSON; ``Standardisation.from_dict`` reads them."""
        return {"mean": list(self.mean), "deviation": list(self.deviation)}
