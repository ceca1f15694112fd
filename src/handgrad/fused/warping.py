"""Augmentation as a kernel: rotation, flip, shift and contrast of an image in one pass over its pixels."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from handgrad.fused.compilation import Suite


def warp(images: Any, numbers: Any, out: Any) -> None:
    """``out[y, x] = m + contrast · (image[A·(x, y) + t] − m)``, bilinear, where m is the image's mean.

    Beyond its edge an image repeats its last pixels. ``numbers`` has a row per image: a, b, t_x, c, d, t_y and the
    contrast, in pixels, with x in front of y.
    """
    half, one = numbers.dtype.type(0.5), numbers.dtype.type(1)
    count, height, width, depth = images.shape
    for i in range(count):
        a, b, tx = numbers[i, 0], numbers[i, 1], numbers[i, 2]
        c, d, ty = numbers[i, 3], numbers[i, 4], numbers[i, 5]
        contrast = numbers[i, 6]
        # A shift by whole pixels needs no interpolation.
        whole = b == 0 and c == 0 and tx == round(tx) and ty == round(ty)
        constant = numbers.dtype.type(0)
        if contrast != one:
            total = 0
            for y in range(height):
                for x in range(width):
                    for k in range(depth):
                        total += images[i, y, x, k]
            constant = (one - contrast) * numbers.dtype.type(total / (height * width * depth))
        for y in range(height):
            for x in range(width):
                sx = min(max(a * x + b * y + tx, 0), width - 1)
                sy = min(max(c * x + d * y + ty, 0), height - 1)
                left, top = int(sx), int(sy)
                if whole:
                    for k in range(depth):
                        value = contrast * images[i, top, left, k] + constant + half
                        out[i, y, x, k] = min(max(int(value), 0), 255)
                else:
                    right, below = min(left + 1, width - 1), min(top + 1, height - 1)
                    fx, fy = numbers.dtype.type(sx - left), numbers.dtype.type(sy - top)
                    for k in range(depth):
                        upper = images[i, top, left, k] * (one - fx) + images[i, top, right, k] * fx
                        lower = images[i, below, left, k] * (one - fx) + images[i, below, right, k] * fx
                        value = contrast * (upper * (one - fy) + lower * fy) + constant + half
                        out[i, y, x, k] = min(max(int(value), 0), 255)


@cache
def _kernels() -> Suite:
    return Suite((warp,), {}, "uint8_float32")


def warped(images: Any, numbers: Any) -> Any:
    """Return the images as ``warp`` makes them."""
    out = np.empty_like(images)
    _kernels()["warp"](images, numbers, out)
    return out


def pending() -> int:
    """Return how many kernels ``prepare`` compiles."""
    return _kernels().pending("warp")


def prepare() -> None:
    """Compile the kernel: it warps no images."""
    warped(np.empty((0, 1, 1, 1), np.uint8), np.empty((0, 7), np.float32))
