"""Pictures inside a page: pixels as data addresses, and the surroundings of a place."""

from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import dataclass

from PIL import Image

from handgrad.typing import Pixels

_LARGEST_SIDE = 160
_LARGEST_WINDOW = 64
_CRISP = 64
"""Up to this side, pixels are shown as squares, and kept exactly; beyond, a picture is a photo."""
_LEAST_MARGIN = 6


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for an ``img``: its address, its size in pixels, and whether its pixels are shown as squares."""

    address: str
    width: int
    height: int
    crisp: bool


@dataclass(frozen=True, slots=True)
class Window:
    """A place in a picture with what is around it; its frame (x, y, width, height) in pixels of the window."""

    picture: Picture
    width: int
    height: int
    frame: tuple[int, int, int, int]


def picture(image: Pixels, largest: int = _LARGEST_SIDE) -> Picture:
    """An image (height, width, depth) as a picture of at most that side.

    Examples
    --------
    >>> import numpy as np
    >>> picture(np.zeros((8, 8, 1), np.uint8)).address[:22]
    'data:image/png;base64,'
    """
    height, width, depth = image.shape
    crisp = max(height, width) <= _CRISP
    drawn = Image.fromarray(image[:, :, 0] if depth == 1 else image)
    drawn.thumbnail((largest, largest))
    content = io.BytesIO()
    if crisp:
        drawn.save(content, "PNG")
    else:
        drawn.save(content, "JPEG", quality=85)
    kind = "png" if crisp else "jpeg"
    return Picture(f"data:image/{kind};base64,{b64encode(content.getvalue()).decode()}", width, height, crisp)


def window(image: Pixels, row: int, column: int, field: tuple[int, int]) -> Window:
    """A place of size `field` in an image, with a margin around it where the image has one.

    Examples
    --------
    >>> import numpy as np
    >>> window(np.zeros((28, 28, 1), np.uint8), 0, 20, (3, 3)).frame
    (7, 0, 3, 3)
    """
    height, width, _ = image.shape
    (top, rows), (left, columns) = _span(row, field[0], height), _span(column, field[1], width)
    cut = image[top : top + rows, left : left + columns]
    frame = (column - left, row - top, min(field[1], width), min(field[0], height))
    return Window(picture(cut, _LARGEST_WINDOW), columns, rows, frame)


def _span(start: int, length: int, room: int) -> tuple[int, int]:
    """Where a place with its margins begins, and how long both are, moved into the room that there is."""
    margin = max(_LEAST_MARGIN, length)
    whole = min(length + 2 * margin, room)
    return min(max(start - margin, 0), room - whole), whole
