"""Images of more than 8 bits per channel: their numbers as they are in the file, where Pillow would cut them to 8."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SHALLOW = (b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF")
"""How files of formats begin that have 8 bits: JPEG, GIF, BMP, WebP."""

_PNG = b"\x89PNG\r\n\x1a\n"
HEAD = 32
"""Bytes that tell a shallow file."""

_BITS, _PHOTOMETRIC, _FORMAT = 258, 262, 339
_UNSIGNED, _SIGNED = 1, 2
_OTHER = {
    "RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGB;16N": "RGB;16B",
    "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B", "RGBA;16N": "RGBA;16B",
    "RGBX;16B": "RGBX;16L", "RGBX;16L": "RGBX;16B", "RGBX;16N": "RGBX;16B",
    "LA;16B": "RGBA",
}  # fmt: skip
"""How Pillow decodes 16 bits for each of several channels, of which it keeps the upper 8; and how it keeps the others.

A pixel of LA has as many bytes as one of RGBA, which are then all there.
"""


def is_shallow(head: bytes) -> bool:
    """Check whether a file that begins like this certainly has 8 bits per channel or fewer."""
    return head.startswith(_SHALLOW) or (head.startswith(_PNG) and len(head) == HEAD and head[24] <= 8)


def kind_of_image(image: Image.Image) -> str | None:
    """Return the kind of an image's numbers, as in ``pixel_range.kind_of``; None for 8 bits. It is not loaded yet."""
    # Pillow opens a 16-bit PNG or PPM, depending on its own version, as 32-bit integers.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")) or is_cut(image):
        return "uint16"
    return "integers" if _is_signed_byte(image) else {"I": "integers", "F": "floats"}.get(image.mode)


def is_cut(image: Image.Image) -> bool:
    """Check whether Pillow will keep only the upper 8 of 16 bits; the image is not loaded yet."""
    return any(_rawmode(tile) in _OTHER for tile in _tiles(image))


def decode_other_bytes(image: Image.Image) -> str:
    """Make the decoder keep what it would cut, in place of what it would keep; return the decoder's name of that."""
    tiles = _tiles(image)
    image.tile = [tile._replace(args=_with_rawmode(tile.args, _OTHER[_rawmode(tile)])) for tile in tiles]  # type: ignore[attr-defined]
    return _OTHER[_rawmode(tiles[0])]


def joined(upper: Image.Image, other: Image.Image, rawmode: str) -> NDArray[np.uint16]:
    """Return the 16-bit numbers, of grey or of red, green and blue, from both decodings."""
    if rawmode == "RGBA":
        return np.ascontiguousarray(np.asarray(other)).view(">u2")[..., 0].astype(np.uint16)
    high, low = (np.asarray(part)[..., :3].astype(np.uint16) for part in (upper, other))
    return np.asarray(high << 8 | low)


def grey_numbers(image: Image.Image) -> NDArray[Any]:
    """Return the numbers of a deep grey image with the sign that its file gives them, which Pillow forgets."""
    numbers = np.asarray(image)
    if _is_signed_byte(image):
        return numbers.view(np.int8)
    if image.mode == "I" and _tag(image, _BITS) == 32 and _tag(image, _FORMAT) == _UNSIGNED:
        return numbers.view(np.uint32)
    return numbers


def is_inverted(image: Image.Image) -> bool:
    """Check whether 0 is white in a deep grey TIFF; Pillow turns others."""
    return _tag(image, _PHOTOMETRIC) == 0


def _is_signed_byte(image: Image.Image) -> bool:
    return image.mode == "L" and _tag(image, _FORMAT) == _SIGNED


def _tag(image: Image.Image, number: int) -> Any:
    """Return the first value of a TIFF's tag; None for other files, and 1 for a missing tag, as the format has it."""
    tags = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
    if tags is None:
        return None
    value = tags.get(number, 1)
    return value[0] if isinstance(value, tuple) and value else value


def _tiles(image: Image.Image) -> list[Any]:
    return list(getattr(image, "tile", None) or [])


def _rawmode(tile: Any) -> str:
    settings = tile.args
    return str(settings[0] if isinstance(settings, tuple) and settings else settings)


def _with_rawmode(settings: Any, rawmode: str) -> Any:
    return (rawmode, *settings[1:]) if isinstance(settings, tuple) else rawmode
