"""Images in the page are the pixels of the data, and frames are where they should be."""

from __future__ import annotations

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from handgrad.report.images import Embedded, crop, embedded
from tests.data.writing import noise


def pixels(drawn: Embedded) -> np.ndarray:
    with Image.open(io.BytesIO(b64decode(drawn.url.partition(",")[2]))) as opened:
        return np.asarray(opened)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_small_image_keeps_every_pixel(channels: int) -> None:
    image = noise(20, 31, channels)
    image = image.reshape(20, 31, channels)
    drawn = embedded(image)
    assert (drawn.width, drawn.height, drawn.crisp) == (31, 20, True)
    np.testing.assert_array_equal(pixels(drawn).reshape(image.shape), image)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_photo_is_reduced(channels: int) -> None:
    drawn = embedded(np.full((200, 256, channels), 90, np.uint8))
    assert drawn.url.startswith("data:image/jpeg;base64,")
    assert pixels(drawn).shape[:2] == (125, 160)
    assert abs(pixels(drawn).astype(int) - 90).max() < 3


@pytest.mark.parametrize(("row", "column"), [(0, 0), (5, 20), (17, 28), (9, 0)])
@pytest.mark.parametrize("field", [(3, 3), (2, 5), (20, 31)])
def test_the_frame_has_the_field(row: int, column: int, field: tuple[int, int]) -> None:
    image = noise(20, 31).reshape(20, 31, 1)
    row, column = min(row, 20 - field[0]), min(column, 31 - field[1])
    cut = crop(image, row, column, field)
    x, y, width, height = cut.frame
    assert (width, height) == (field[1], field[0])
    inside = pixels(cut.image)[y : y + height, x : x + width]
    np.testing.assert_array_equal(inside, image[row : row + height, column : column + width, 0])
    assert (cut.image.width, cut.image.height) == pixels(cut.image).shape[::-1]
