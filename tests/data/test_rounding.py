"""Numbers of any kind become the nearest pixel, never merely the one below."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from handgrad.data import load
from handgrad.data.arrays import to_images, to_pixels
from handgrad.data.image_file import decode
from handgrad.errors import DataError
from handgrad.pixel_range import PixelRange
from tests.data.writing import everything

REFUSE = partial(DataError, "source", "numbers")
STEPS = np.linspace(0, 1, 1021)
"""Quarters of a pixel."""


@given(
    st.lists(st.floats(0, 1), min_size=1),
    st.sampled_from([(1, "f2"), (1, "f4"), (1, "f8"), (255, "f4"), (255, "f8"), (65535, "u2"), (65535, "i4")]),
)
def test_a_pixel_is_half_a_step_from_its_number_at_most(shares: list[float], kind: tuple[int, str]) -> None:
    white, dtype = kind
    numbers = (np.array(shares) * white).astype(dtype)
    off = to_pixels(numbers, PixelRange(0, white), REFUSE) - numbers.astype(np.float64) * (255 / white)
    assert np.abs(off).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_floats_are_rounded_on_the_average_to_themselves(scale: int, dtype: str) -> None:
    """Cut off, they would be darker by half a pixel."""
    (pixels,), _ = to_images([(STEPS * scale).astype(dtype).reshape(1, 1, -1)], REFUSE)
    assert abs(pixels.mean() - 127.5) < 0.1


def test_floats_of_a_file_are_rounded(tmp_path: Path) -> None:
    images = np.broadcast_to(STEPS.reshape(-1, 1, 1), (len(STEPS), 2, 3))
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(len(STEPS)) % 2)
    dataset = load(str(tmp_path / "a.npz"))
    assert abs(np.asarray(everything(dataset).images).mean() - 127.5) < 0.1


def test_floats_of_a_picture_are_rounded(tmp_path: Path) -> None:
    Image.fromarray(STEPS.astype(np.float32).reshape(1, -1)).save(tmp_path / "a.tif")
    assert abs(decode(tmp_path / "a.tif").mean() - 127.5) < 0.1


def test_the_digits_are_rounded() -> None:
    """Their 17 levels are sixteenths of 255."""
    levels = np.unique(np.asarray(everything(load("digits")).images))
    np.testing.assert_array_equal(levels, np.rint(np.arange(17) * 255 / 16))
