"""One image file becomes pixels, whatever its mode; Pillow decodes it."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from io import BufferedReader, BytesIO, FileIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageChops, UnidentifiedImageError

from handgrad.data.arrays import Refusal, to_channels, to_pixels
from handgrad.errors import DataError
from handgrad.typing import Images, Pixels

_UPLOADED = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
"""Formats of uploads: Pillow passes some others, e.g. PostScript, to programs of the system."""

_SMALL = 1 << 18
"""Bytes up to which a file is read at once."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: str | Path | BytesIO, size: tuple[int, int], channels: int, *, to_grey: bool = False) -> Pixels:
    """Read an image as a model takes it.

    Parameters
    ----------
    path : str, Path or BytesIO
        A file, or the content of one.
    size : tuple of int
        (height, width) to resize to.
    channels : int
        1 for grey, 3 for RGB. A grey image is repeated for RGB; an RGB image whose channels are equal is grey.
    to_grey : bool
        Take the brightness of a color image where a grey one is needed.

    Returns
    -------
    array of uint8, shape (height, width, channels)

    Raises
    ------
    DataError
        If the file is no readable image, or it is in color, one channel is needed and `to_grey` is false.

    Examples
    --------
    >>> read_image("missing.png", (28, 28), 1)
    Traceback (most recent call last):
        ...
    handgrad.errors.DataError: picture=missing.png: it is no file; give a valid picture file
    """
    pixels = decode(path, size)
    if to_grey and channels == 1 and pixels.shape[2] == 3:
        pixels = _pixels(Image.fromarray(pixels).convert("L"))
    return np.asarray(to_channels(pixels, channels, partial(DataError, "picture", _name(path))))


def decode(path: str | Path | BytesIO, size: tuple[int, int] | None = None) -> Pixels:
    """Decode an image: upright by its EXIF orientation, transparency on white, the first frame of several.

    The scale of a deep image depends on its mode alone, never on its values, so that all images of a folder share it:
    16-bit integers run from 0 to 65535, 32-bit integers (mode I) from 0 to 255, floats (mode F) from 0 to 1. The result
    has one channel if the image is grey or its three channels are equal, else three.
    """
    with _opened(path) as image:
        if size:
            # A JPEG is decoded at half, a quarter or an eighth where that still leaves twice the size.
            image.draft(None, (2 * max(size), 2 * max(size)))
        image.load()
        turn = _TURNS.get(_orientation(image))
        flat = _grey_or_rgb(image, partial(DataError, "picture", _name(path)))
        upright = flat if turn is None else flat.transpose(turn)
        return _pixels(_resized(upright, size))


def size_of(path: str | Path) -> tuple[int, int]:
    """Return (height, width) of an image as ``decode`` would, from its header alone."""
    with _opened(path) as image:
        # Pillow gives the upright size of a TIFF, and the stored size of all else.
        lying = image.format != "TIFF" and _orientation(image) in range(5, 9)
        return image.size if lying else image.size[::-1]


def resize(images: Images, size: tuple[int, int] | None) -> Images:
    """Stretch images of shape (count, height, width, channels) to a size (height, width); None keeps theirs."""
    if size is None or images.shape[1:3] == size:
        return images
    resized = np.empty((len(images), *size, images.shape[3]), np.uint8)
    for index, image in enumerate(images):
        resized[index] = _pixels(_resized(Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image), size))
    return resized


class _Bounded(BufferedReader):
    """A file that is asked for no more than it has: Pillow believes a header's claim of exabytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, os.fstat(self.fileno()).st_size - self.tell())
        return super().read(left if size is None or not 0 <= size <= left else size)


def _content(path: str | Path) -> BytesIO | _Bounded:
    """Open a file; a small one in memory, where the many small reads of a decoder do not wait for other threads."""
    with ExitStack() as closing:
        file = closing.enter_context(FileIO(path))
        if os.fstat(file.fileno()).st_size <= _SMALL:
            return BytesIO(file.readall())
        closing.pop_all()
        return _Bounded(file)


@contextmanager
def _opened(path: str | Path | BytesIO) -> Iterator[Image.Image]:
    refuse = partial(DataError, "picture", _name(path))
    remedy = "give a valid picture file"
    with _MUFFLED:
        try:
            if not isinstance(path, BytesIO) and not Path(path).is_file():
                raise refuse("it is no file", remedy)
            # From an open file, not from its name: Pillow 13.0 would map an uncompressed TIFF, and scramble one that is
            # turned by its EXIF orientation.
            formats = _UPLOADED if isinstance(path, BytesIO) else None
            opened = path if isinstance(path, BytesIO) else _content(path)
            with opened as file, Image.open(file, formats=formats) as image:
                yield image
        except (DataError, MemoryError):
            raise
        except UnidentifiedImageError as error:
            raise refuse("it is no picture of a known format", remedy) from error
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            rule = f"it has more than the {Image.MAX_IMAGE_PIXELS} pixels that are safe to decode"
            raise refuse(rule, "shrink it") from error
        except OSError as error:
            raise refuse(f"it cannot be read ({error.strerror or error})", remedy) from error
        # A decoder that meets a damaged file fails wherever its parsing happens to stop.
        except Exception as error:
            raise refuse(f"it is damaged ({str(error) or type(error).__name__})", remedy) from error


class _Muffled:
    """Silences Pillow's warnings, or makes them errors, while any thread is inside.

    ``warnings.catch_warnings`` alone is for one thread: of two, the last to leave would restore what it found.
    """

    def __init__(self) -> None:
        self._lock, self._within, self._caught = threading.Lock(), 0, warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._within:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
            self._within += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._within -= 1
            if not self._within:
                self._caught.__exit__(None, None, None)


_MUFFLED = _Muffled()


def _name(path: str | Path | BytesIO) -> str | Path:
    return "upload" if isinstance(path, BytesIO) else path


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except MemoryError:
        raise
    # A damaged EXIF block, on which Pillow fails in many ways, leaves the image itself valid.
    except Exception:
        return 1


def _grey_or_rgb(image: Image.Image, refuse: Refusal) -> Image.Image:
    if white := _deep_white(image):
        return Image.fromarray(to_pixels(np.asarray(image), white, refuse))
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), opaque)
    if image.mode in ("1", "L"):
        return image.convert("L")
    rgb = image.convert("RGB")
    red, green, blue = rgb.split()
    grey = not any(ImageChops.difference(red, other).getbbox() for other in (green, blue))
    return red if grey else rgb


def _deep_white(image: Image.Image) -> int | None:
    """Return the number that is white in an image of more than 8 bits per channel; None for any other."""
    # Pillow opens a 16-bit PNG or PPM, depending on its own version, as 32-bit integers.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return 65535
    return {"I": 255, "F": 1}.get(image.mode)


def _resized(image: Image.Image, size: tuple[int, int] | None) -> Image.Image:
    return image.resize(size[::-1], Image.Resampling.BILINEAR) if size else image


def _pixels(image: Image.Image) -> Pixels:
    return np.array(image, np.uint8).reshape(image.height, image.width, -1)
