"""Images inside a page: pixels as data URLs, and crops around what a response is made of."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import NamedTuple

from markupsafe import Markup
from PIL import Image

from handgrad.typing import Pixels

_LARGEST_SIDE = 160
_LARGEST_CROP = 64
_CRISP = 64
"""Up to this side, pixels are shown as squares and kept exactly; beyond, an image is a photo."""
_LEAST_MARGIN = 6


class Embedded(NamedTuple):
    """An image for an ``img`` element: its URL, its size in pixels, and whether its pixels are shown as squares."""

    url: str
    width: int
    height: int
    crisp: bool


class Crop(NamedTuple):
    """A piece of an image, and the frame (x, y, width, height) of what matters in it."""

    image: Embedded
    frame: tuple[int, int, int, int]


def embedded(image: Pixels, largest: int = _LARGEST_SIDE) -> Embedded:
    """Encode an image (height, width, channels), reduced to that largest side, for a page."""
    height, width, _ = image.shape
    content, kind = encoded(image, largest)
    # Markup, since none of it is from elsewhere: the page takes it whole.
    url = Markup("data:{};base64,{}").format(kind, b64encode(content).decode())
    return Embedded(url, width, height, kind == "image/png")


def encoded(image: Pixels, largest: int = _LARGEST_SIDE) -> tuple[bytes, str]:
    """Encode an image (height, width, channels), reduced to that largest side; return the content and its type."""
    height, width, channels = image.shape
    crisp = max(height, width) <= _CRISP
    reduced = Image.fromarray(image[:, :, 0] if channels == 1 else image)
    reduced.thumbnail((largest, largest))
    kind = "png" if crisp else "jpeg"
    content = io.BytesIO()
    reduced.save(content, kind, **({} if crisp else {"quality": 85}))
    return content.getvalue(), f"image/{kind}"


def crop(image: Pixels, row: int, column: int, field: tuple[int, int]) -> Crop:
    """Cut out the field (height, width) at a position, with a margin where the image has one."""
    height, width, _ = image.shape
    (top, rows), (left, columns) = _span(row, field[0], height), _span(column, field[1], width)
    cut = image[top : top + rows, left : left + columns]
    frame = (column - left, row - top, min(field[1], width), min(field[0], height))
    return Crop(embedded(cut, _LARGEST_CROP), frame)


def _span(start: int, length: int, room: int) -> tuple[int, int]:
    """Return the start and length of a field with its margins, moved into the image."""
    margin = max(_LEAST_MARGIN, length)
    whole = min(length + 2 * margin, room)
    return min(max(start - margin, 0), room - whole), whole
