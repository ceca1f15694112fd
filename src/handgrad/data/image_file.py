"""One image file becomes pixels, whatever its mode; Pillow decodes it."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from io import BufferedReader, BytesIO, FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageChops, UnidentifiedImageError

from handgrad.data import deep_image
from handgrad.data.arrays import Refusal, extent_of, to_channels, to_pixels
from handgrad.errors import DataError, InputError
from handgrad.pixel_range import USUAL, Extent, PixelRange, Ranges, decide
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


def read_image(
    path: str | Path | BytesIO,
    size: tuple[int, int],
    channels: int,
    *,
    to_grey: bool = False,
    file_ranges: Ranges | None = None,
) -> Pixels:
    """Read an image as a model takes it, in pixels from 0 to 255.

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
    file_ranges : dict of PixelRange, optional
        What is black and white in images of more than 8 bits: those of the model. See ``decode``.

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
    pixels = decode(path, size, file_ranges)
    if to_grey and channels == 1 and pixels.shape[2] == 3:
        pixels = _pixels(Image.fromarray(pixels).convert("L"))
    return np.asarray(to_channels(pixels, channels, partial(DataError, "picture", _name(path))))


def decode(
    path: str | Path | BytesIO, size: tuple[int, int] | None = None, file_ranges: Ranges | None = None
) -> Pixels:
    """Decode an image: upright by its EXIF orientation, transparency on white, the first frame of several.

    Color profiles (ICC, gamma) are not applied. The result has one channel if the image is grey or its three channels
    are equal, else three.

    What is black and white in an image of more than 8 bits is in `file_ranges`, by its kind of numbers (see
    ``pixel_range.kind_of``), so that all images of a data set share it. Without that, the usual range is taken: 0 to
    65535 for 16 bits, 0 to 255 for other integers, 0 to 1 for floats. An image whose numbers look like another range is
    then refused.
    """
    with _opened(path) as image:
        if size:
            # A JPEG is decoded at half, a quarter or an eighth where that still leaves twice the size.
            image.draft(None, (2 * max(size), 2 * max(size)))
        if kind := deep_image.kind_of_image(image):
            numbers = _numbers(path, image)
            flat = _flattened(image, numbers, kind, file_ranges or {}, partial(DataError, "picture", _name(path)))
        else:
            image.load()
            flat = _grey_or_rgb(image)
        turn = _TURNS.get(_orientation(image))
        upright = flat if turn is None else flat.transpose(turn)
        return _pixels(_resized(upright, size))


def deep_extent(path: str | Path) -> tuple[str, Extent] | None:
    """Return the kind and the extent of the numbers of an image of more than 8 bits; None for any other."""
    try:
        with FileIO(path) as file:
            if deep_image.is_shallow(file.read(deep_image.HEAD)):
                return None
    except OSError:
        # Decoding will say why.
        return None
    with _opened(path) as image:
        kind = deep_image.kind_of_image(image)
        if not kind:
            return None
        refuse = partial(DataError, "picture", _name(path))
        extent = extent_of(_numbers(path, image), refuse)
        _covering(kind, extent, refuse)
        return kind, extent


def ranges_of(paths: Iterable[str | Path], given: Ranges) -> dict[str, PixelRange]:
    """Return the ranges of images of more than 8 bits: those given, and what these images decide for other kinds."""
    found: dict[str, list[Extent]] = {}
    for path in paths:
        # What cannot be read is reported where it is decoded.
        with suppress(DataError):
            if deep := deep_extent(path):
                found.setdefault(deep[0], []).append(deep[1])
    return {**given, **decide({kind: extents for kind, extents in found.items() if kind not in given}, None)}


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


def _grey_or_rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), opaque)
    return image.convert("L") if image.mode in ("1", "L") else _grey_if_equal(image.convert("RGB"))


def _grey_if_equal(rgb: Image.Image) -> Image.Image:
    red, green, blue = rgb.split()
    grey = not any(ImageChops.difference(red, other).getbbox() for other in (green, blue))
    return red if grey else rgb


def _numbers(path: str | Path | BytesIO, image: Image.Image) -> NDArray[Any]:
    """Load an image of more than 8 bits, and return its numbers."""
    if not deep_image.is_cut(image):
        image.load()
        return deep_image.grey_numbers(image)
    with _opened(BytesIO(path.getvalue()) if isinstance(path, BytesIO) else path) as again:
        rawmode = deep_image.decode_other_bytes(again)
        again.load()
        image.load()
        return deep_image.joined(image, again, rawmode)


def _flattened(image: Image.Image, numbers: NDArray[Any], kind: str, ranges: Ranges, refuse: Refusal) -> Image.Image:
    """Return an image of more than 8 bits in 8, on white."""
    pixels = to_pixels(numbers, ranges.get(kind) or _usual(kind, extent_of(numbers, refuse), refuse), refuse)
    flat = Image.fromarray(255 - pixels if deep_image.is_inverted(image) else pixels)
    if "A" in image.getbands():
        flat = Image.composite(flat, Image.new(flat.mode, flat.size, "white"), image.getchannel("A"))
    return _grey_if_equal(flat) if flat.mode == "RGB" else flat


def _usual(kind: str, extent: Extent, refuse: Refusal) -> PixelRange:
    """Return the usual range of a kind of numbers; refuse numbers that look like another."""
    usual, found = USUAL[kind], _covering(kind, extent, refuse)
    if found != usual and extent.low != extent.high:
        rule = f"it holds numbers of {extent.low:g} to {extent.high:g}, and which of them is white is not known"
        raise refuse(rule, "save it with 8 bits, or use a model that was trained on such pictures")
    return usual


def _covering(kind: str, extent: Extent, refuse: Refusal) -> PixelRange:
    try:
        return PixelRange.covering(kind, extent)
    except InputError as error:
        rule = f"it holds numbers of {extent.low:g} to {extent.high:g}, too large or too small for pixels"
        raise refuse(rule, "scale them to 0 to 1") from error


def _resized(image: Image.Image, size: tuple[int, int] | None) -> Image.Image:
    return image.resize(size[::-1], Image.Resampling.BILINEAR) if size else image


def _pixels(image: Image.Image) -> Pixels:
    return np.array(image, np.uint8).reshape(image.height, image.width, -1)
