"""Random changes of training images: shift, mirror, rotate, change the contrast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.fused import missing_compiler
from handgrad.typing import Integers, Pixels

AugmentationName: TypeAlias = Literal["shift", "flip", "rotate", "contrast"]
AUGMENTATIONS: tuple[AugmentationName, ...] = get_args(AugmentationName)
LARGEST_SHIFT, LARGEST_ANGLE, LARGEST_CONTRAST = 0.1, 10.0, 0.3
"""A fraction of the side; degrees; a fraction of the contrast. All are drawn uniformly, in both directions."""

_STREAM = 1


class Augmentation:
    """The changes of every training image in one epoch.

    They depend only on the seed, the epoch and the image's index: neither on its batch, nor on the thread that prepares
    it, nor on the other kinds.

    Parameters
    ----------
    kinds : sequence of str
        Of ``AUGMENTATIONS``: ``shift`` by whole pixels, up to a tenth of the side; ``flip`` left and right, half of
        the images; ``rotate`` by up to 10°; ``contrast`` by up to 30 %, around the image's mean.
    shape : tuple of int
        (count, height, width, channels) of the training images.
    seed, epoch : int

    Examples
    --------
    >>> images = np.arange(8, dtype=np.uint8).reshape(2, 1, 4, 1)
    >>> Augmentation(["flip"], images.shape, seed=3, epoch=1).apply(images, np.arange(2))[..., 0]  # doctest: +SKIP
    array([[[0, 1, 2, 3]], [[7, 6, 5, 4]]], dtype=uint8)
    """

    def __init__(self, kinds: Sequence[str], shape: tuple[int, ...], seed: int, epoch: int) -> None:
        if lack := missing_compiler():
            raise InputError("augment", ",".join(kinds), *lack)
        count, height, width, _ = shape
        rng = np.random.default_rng((seed, epoch, _STREAM))
        # All are drawn, so that another kind does not change these; one row per image, from -1 to 1.
        right, down, mirror, turn, contrast = 2 * rng.random((count, 5), np.float32).T - 1
        used = {kind: kind in kinds for kind in AUGMENTATIONS}
        angle = np.deg2rad(LARGEST_ANGLE * turn) * used["rotate"]
        flip = np.where(mirror < 0, -1, 1) if used["flip"] else np.ones(count)
        dx, dy = (_whole(drawn, side) * used["shift"] for drawn, side in ((right, width), (down, height)))
        cos, sin = np.cos(angle), np.sin(angle)
        x, y = (width - 1) / 2, (height - 1) / 2
        # From a pixel of the result to its origin: shifted back, rotated and mirrored around the center.
        a, b, c, d = flip * cos, flip * sin, -sin, cos
        tx, ty = (x - a * (x + dx) - b * (y + dy)), (y - c * (x + dx) - d * (y + dy))
        factor = 1 + LARGEST_CONTRAST * contrast * used["contrast"]
        self._numbers: NDArray[np.float32] = np.stack([a, b, tx, c, d, ty, factor], axis=1).astype(np.float32)

    def apply(self, images: Pixels, indices: Integers) -> Pixels:
        """Return images of the training split, given with their indices, as they are in this epoch.

        Raises
        ------
        InputError
            If they are not uint8.
        """
        if images.dtype != np.uint8:
            raise InputError("augment", images.dtype, "changes pixels, uint8 from 0 to 255", "give them as stored")
        # Imported here, since it brings Numba.
        from handgrad.fused.warping import warped

        return warped(np.ascontiguousarray(images), self._numbers[indices])


def _whole(drawn: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return whole pixels, equally likely, up to at least one."""
    most = max(round(LARGEST_SHIFT * side), 1)
    return np.clip(np.floor((drawn + 1) / 2 * (2 * most + 1)), 0, 2 * most) - most
