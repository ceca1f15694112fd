"""Numbers of any kind become pixels, by one rule for files of numbers and for deep images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from handgrad.data.stored import StoredImages
from handgrad.errors import DataError, InputError
from handgrad.pixel_range import PIXELS, Extent, PixelRange, Ranges, decide, kind_of
from handgrad.typing import Images, Pixels

Refusal: TypeAlias = Callable[[str, str], DataError]
"""Makes the error of one source from a rule and a remedy: ``partial(DataError, "source", path)``."""


def to_images(
    arrays: Sequence[NDArray[Any]], refuse: Refusal, known: Ranges | None = None
) -> tuple[list[Pixels], dict[str, PixelRange]]:
    """Convert the arrays of one source to pixels of shape (count, height, width, channels), all on one scale.

    Each has the shape (count, height, width), or that and 1, 3 or 4 channels, the last of four being opacity: such
    images are laid on white. What is black and white is the known range of their kind of numbers, else the one that
    covers all arrays (see ``PixelRange.covering``); it is returned by its kind. Booleans are black and white.

    Examples
    --------
    >>> from functools import partial
    >>> refuse = partial(DataError, "source", "a.npz")
    >>> (train, test), ranges = to_images([np.full((5, 28, 28), 255.0), np.ones((2, 28, 28))], refuse)
    >>> train.shape, train.max(), test.max(), str(ranges["floats"])
    ((5, 28, 28, 1), np.uint8(255), np.uint8(1), '0 to 255')
    """
    stacks = [_stacked(numbers, refuse) for numbers in arrays]
    range_, decided = _range(stacks, refuse, known)
    return [np.ascontiguousarray(_opaque(to_pixels(numbers, range_, refuse))) for numbers in stacks], decided


def to_pixels(numbers: NDArray[Any], range_: PixelRange, refuse: Refusal) -> Pixels:
    """Scale numbers from black to white to pixels from 0 to 255, rounded, in the same shape."""
    low, high, _ = extent_of(numbers, refuse)
    if low < range_.black or high > range_.white:
        rule = f"its values run from {low:g} to {high:g}; they must be in {range_}"
        raise refuse(rule, "scale them, or save them as uint8")
    if range_ == PIXELS:
        scaled = numbers
    else:
        # Before the scale, so that the ends become 0 and 255 exactly; integers of any size fit into a double.
        lifted = numbers - np.float64(range_.black) if range_.black else numbers
        scaled = lifted * np.float32(255 / (range_.white - range_.black))
    return (np.rint(scaled) if scaled.dtype.kind == "f" else scaled).astype(np.uint8, copy=False)


def extent_of(numbers: NDArray[Any], refuse: Refusal) -> Extent:
    """Return the extent of numbers, all of which must be finite."""
    extent = Extent.of(numbers)
    if not (np.isfinite(extent.low) and np.isfinite(extent.high)):
        wrong = np.count_nonzero(~np.isfinite(numbers))
        raise refuse(f"{wrong} of its {numbers.size} values are NaN or infinite", "replace or remove them")
    return extent


def to_channels(images: Images, channels: int, refuse: Refusal) -> Images:
    """Convert images of shape (..., 1 or 3) to a model's channels: grey ones are repeated for RGB."""
    own = images.shape[-1]
    if own > channels:
        rule = f"it is in color ({own} channels), and this model takes grey ({channels} channel)"
        raise refuse(rule, "convert it to grey, or train a model on color images")
    if isinstance(images, StoredImages):
        return images.with_channels(channels)
    return images if own == channels else np.repeat(np.asarray(images), channels, axis=-1)


def _stacked(numbers: NDArray[Any], refuse: Refusal) -> NDArray[Any]:
    stacked = numbers[..., np.newaxis] if numbers.ndim == 3 else numbers
    if stacked.ndim != 4 or stacked.shape[3] not in (1, 3, 4) or 0 in stacked.shape:
        raise refuse(
            f"its images have the shape {numbers.shape}; they must be (count, height, width) "
            "or (count, height, width, channels) with 1, 3 or 4 channels, none of them 0",
            "reshape them, or move the channels last with numpy.moveaxis",
        )
    return stacked


def _opaque(images: Pixels) -> Pixels:
    """Lay images with four channels on white."""
    if images.shape[3] != 4:
        return images
    laid = np.empty((*images.shape[:3], 3), np.uint8)
    for image, result in zip(images, laid, strict=True):
        opacity = image[..., 3:].astype(np.uint16)
        result[:] = (image[..., :3] * opacity + 255 * (255 - opacity) + 127) // 255
    return laid


def _range(
    arrays: Sequence[NDArray[Any]], refuse: Refusal, known: Ranges | None
) -> tuple[PixelRange, dict[str, PixelRange]]:
    """Return the range of all arrays of a source, and what was decided for its kind of numbers."""
    types = [numbers.dtype.newbyteorder("=") for numbers in arrays]
    if len(set(types)) > 1:
        rule = f"its images are of the types {' and '.join(map(str, types))}; a scale for both would be a guess"
        raise refuse(rule, "scale them to 0 to 255 and save them all as uint8")
    if types[0].kind not in "buif":
        raise refuse(f"its images are of type {types[0]}; they must be numbers", "save them as uint8")
    if types[0].kind == "b":
        return PixelRange(0, 1), {}
    kind = kind_of(types[0])
    try:
        decided = decide({kind: [extent_of(numbers, refuse) for numbers in arrays]}, known)
    except DataError:
        raise
    except InputError as error:
        raise refuse(f"its values are too large or too small ({error.rule})", "scale them to 0 to 255") from error
    return decided[kind], decided
