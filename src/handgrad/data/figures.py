"""What is known of every image without looking at it again: a digest of its pixels, and their moments."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handgrad.standardization import moments
from handgrad.typing import Images, Pixels

_PIECE = 256
DIGEST = 16


class Figures(NamedTuple):
    """Figures of images, one row each.

    The digests, of shape (count, 16), are equal for two images with the same pixels, whether grey or grey in RGB. The
    sums of the pixels and of their squares have the shape (count, channels).
    """

    digests: NDArray[np.uint8]
    sums: NDArray[np.uint64]
    squares: NDArray[np.uint64]

    def subset(self, chosen: Any) -> Figures:
        """Return the figures of some of the images."""
        return Figures(*(rows[chosen] for rows in self))


def measure(images: Images) -> Figures:
    """Measure all images, with only a piece of them in memory at a time."""
    measured = []
    for start in range(0, max(len(images), 1), _PIECE):
        piece = images[start : start + _PIECE]
        measured.append((_digests(piece), *moments(piece)))
    return Figures(*map(np.concatenate, zip(*measured, strict=True)))


def _digests(images: Pixels) -> NDArray[np.uint8]:
    # The shape counts too: a row of pixels is not a column.
    shape = repr(images.shape[1:3]).encode()
    found = [
        hashlib.sha256(shape + (image[..., 0] if _is_grey(image) else image).tobytes()).digest()[:DIGEST]
        for image in images
    ]
    return np.frombuffer(b"".join(found), np.uint8).reshape(-1, DIGEST)


def _is_grey(image: Pixels) -> bool:
    # One row is nearly always enough to see that it is not.
    return all(bool((rows == rows[..., :1]).all()) for rows in (image[:1], image))
