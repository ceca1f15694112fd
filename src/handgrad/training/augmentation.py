"""Images as they might have been taken as well: shifted, mirrored, turned, of another contrast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.typing import Integers, Pixels

AugmentationName: TypeAlias = Literal["shift", "flip", "rotate", "contrast"]
AUGMENTATIONS: tuple[AugmentationName, ...] = get_args(AugmentationName)
LARGEST_SHIFT, LARGEST_ANGLE, LARGEST_CONTRAST = 0.1, 10.0, 0.3
"""A share of the side; degrees; a share of the contrast. All are drawn evenly, to either side."""

_STREAM = 1


class Augmentation:
    """What becomes of each training image in one epoch.

    It depends on the seed, the epoch and the image's place alone: neither on the batch that the image is in, nor on
    the thread that prepares it, nor on what else is drawn.

    Parameters
    ----------
    kinds : sequence of str
        Of ``AUGMENTATIONS``: ``shift`` by whole pixels, up to a tenth of the side; ``flip`` left and right, every other
        image; ``rotate`` by up to 10°; ``contrast`` by up to 30 %, about the image's mean.
    shape : tuple of int
        (count, height, width, depth) of the training images.
    seed, epoch : int

    Examples
    --------
    >>> images = np.arange(8, dtype=np.uint8).reshape(2, 1, 4, 1)
    >>> Augmentation(["flip"], images.shape, seed=3, epoch=1).apply(images, np.arange(2))[..., 0]  # doctest: +SKIP
    array([[[0, 1, 2, 3]], [[7, 6, 5, 4]]], dtype=uint8)
    """

    def __init__(self, kinds: Sequence[str], shape: tuple[int, ...], seed: int, epoch: int) -> None:
        count, height, width, _ = shape
        rng = np.random.default_rng((seed, epoch, _STREAM))
        # All are drawn, so that one kind more changes nothing of the others; a row an image: -1 to 1.
        right, down, mirror, turn, contrast = 2 * rng.random((count, 5), np.float32).T - 1
        used = {kind: kind in kinds for kind in AUGMENTATIONS}
        angle = np.deg2rad(LARGEST_ANGLE * turn) * used["rotate"]
        flip = np.where(mirror < 0, -1, 1) if used["flip"] else np.ones(count)
        dx, dy = (_whole(drawn, side) * used["shift"] for drawn, side in ((right, width), (down, height)))
        cos, sin = np.cos(angle), np.sin(angle)
        x, y = (width - 1) / 2, (height - 1) / 2
        # From a pixel of the result to where it comes from: shifted back, turned and mirrored about the middle.
        a, b, c, d = flip * cos, flip * sin, -sin, cos
        tx, ty = (x - a * (x + dx) - b * (y + dy)), (y - c * (x + dx) - d * (y + dy))
        factor = 1 + LARGEST_CONTRAST * contrast * used["contrast"]
        self._numbers: NDArray[np.float32] = np.stack([a, b, tx, c, d, ty, factor], axis=1).astype(np.float32)

    def apply(self, images: Pixels, places: Integers) -> Pixels:
        """These images, which are the training part's at these places, as they are in this epoch.

        Raises
        ------
        InputError
            If they are not uint8.
        """
        if images.dtype != np.uint8:
            raise InputError("augment", images.dtype, "changes pixels, uint8 from 0 to 255", "give them as stored")
        # Imported here, since it brings Numba.
        from handgrad.fused.warping import warped

        return warped(np.ascontiguousarray(images), self._numbers[places])


def _whole(drawn: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Whole pixels, each of them as likely: at least one where there is room for it."""
    most = max(round(LARGEST_SHIFT * side), 1)
    return np.clip(np.floor((drawn + 1) / 2 * (2 * most + 1)), 0, 2 * most) - most
