"""Images of more than 8 bits: all of their bits, their sign and their white; and the cache of what was decoded."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from handgrad.data import load, read
from handgrad.data.cache import Cache
from handgrad.data.image_file import decode, deep_extent, ranges_of
from handgrad.errors import DataError
from handgrad.pixel_range import Extent, PixelRange
from tests.data.writing import everything, noise, write_picture

TEN_BITS = {"uint16": PixelRange(0, 1023)}
_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def ten_bits(*shape: int, seed: int = 0) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, 1024, shape).astype(np.uint16)


def png(numbers: NDArray[np.uint16]) -> bytes:
    """A 16-bit PNG with any number of channels, which Pillow cannot write."""
    height, width, channels = numbers.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in numbers)
    header = struct.pack(">IIBBBBB", width, height, 16, _COLOR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def tiff(numbers: NDArray[np.generic], photometric: int = 1, sample_format: int = 1) -> bytes:
    """An uncompressed grey or RGB TIFF of any type of numbers."""
    height, width = numbers.shape[:2]
    channels = numbers.size // (height * width)
    body, bits = numbers.astype(numbers.dtype.newbyteorder("<")).tobytes(), numbers.dtype.itemsize * 8
    tags = {256: width, 257: height, 259: 1, 262: photometric, 273: 8, 277: channels, 278: height, 279: len(body)}
    at = 8 + len(body)
    many = channels > 1
    tags |= {258: at if many else bits, 339: at + 6 if many else sample_format}
    entries = b"".join(
        struct.pack("<HHII", tag, 3 if tag in (258, 339) else 4, channels if tag in (258, 339) else 1, value)
        for tag, value in sorted(tags.items())
    )
    lists = struct.pack("<3H", *[bits] * 3) + struct.pack("<3H", *[sample_format] * 3) if many else b""
    directory = struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"
    return struct.pack("<2sHI", b"II", 42, at + len(lists)) + body + lists + directory


def scaled(numbers: NDArray[np.uint16], white: float) -> NDArray[np.float64]:
    return np.asarray(np.rint(numbers * (255 / white)))


@pytest.mark.parametrize("write", [png, lambda numbers: tiff(numbers, photometric=2)], ids=["png", "tiff"])
def test_color_of_16_bits_keeps_all_of_them(write: object) -> None:
    numbers = ten_bits(5, 7, 3)
    found = decode(io.BytesIO(write(numbers)), file_ranges=TEN_BITS)  # type: ignore[operator]
    np.testing.assert_array_equal(found, scaled(numbers, 1023))


def test_grey_and_color_of_16_bits_are_laid_on_white() -> None:
    for channels in (2, 4):
        numbers = ten_bits(5, 7, channels)
        numbers[..., -1] = 0
        numbers[:2, ..., -1] = 65535
        found = decode(io.BytesIO(png(numbers)), file_ranges=TEN_BITS)
        assert found.shape == (5, 7, channels - 1)
        np.testing.assert_array_equal(found[:2], scaled(numbers[:2, ..., :-1], 1023))
        assert (found[2:] == 255).all()


def test_a_tiff_in_which_0_is_white_is_turned() -> None:
    numbers = ten_bits(5, 7)
    found = decode(io.BytesIO(tiff(numbers, photometric=0)), file_ranges=TEN_BITS)
    np.testing.assert_array_equal(found[..., 0], 255 - scaled(numbers, 1023))


@pytest.mark.parametrize(
    ("numbers", "kind", "extent", "ends"),
    [
        (np.array([[-100, 0, 27]], np.int8), "integers", (-100, 27, True), (-128, 31)),
        (np.array([[-1000, 0, 3000]], np.int16), "integers", (-1000, 3000, True), (-1024, 4095)),
        (np.array([[-1000, 0, 3000]], np.int32), "integers", (-1000, 3000, True), (-1024, 4095)),
        (np.array([[-2.5, 0, 3]], np.float32), "floats", (-2.5, 3, False), (-4, 4)),
        (np.array([[0, 10, 4000]], np.uint16), "uint16", (0, 4000, True), (0, 4095)),
        (np.array([[0, 10, 3 << 30]], np.uint32), "integers", (0, 3 << 30, True), (0, 2**32 - 1)),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_signed_numbers_and_wide_ones(
    tmp_path: Path,
    numbers: NDArray[np.generic],
    kind: str,
    extent: tuple[float, float, bool],
    ends: tuple[float, float],
) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(numbers, sample_format={"i": 2, "u": 1, "f": 3}[numbers.dtype.kind]))
    assert deep_extent(path) == (kind, Extent(*extent))
    ranges = ranges_of([path], {})
    assert ranges == {kind: PixelRange(*ends)}
    expected = np.rint((numbers.astype(float) - ends[0]) * (255 / (ends[1] - ends[0])))
    np.testing.assert_array_equal(decode(path, file_ranges=ranges)[..., 0], expected)


def test_pictures_of_8_bits_are_not_opened_twice(tmp_path: Path) -> None:
    for mode in ("1", "L", "RGB", "RGBA", "P", "LA"):
        for suffix in ("png", "tif"):
            path = tmp_path / f"{mode}.{suffix}"
            Image.new(mode, (4, 3)).save(path)
            assert deep_extent(path) is None


def write_deep(root: Path, count: int = 8) -> Path:
    for number in range(2 * count):
        write_picture(root / "ab"[number % 2] / f"{number}.png", ten_bits(9, 7, seed=number))  # type: ignore[arg-type]
    return root


def test_numbers_that_are_not_finite_are_skipped_with_a_notice(tmp_path: Path) -> None:
    root = write_deep(tmp_path / "deep")
    for wrong in (np.nan, np.inf, 1e35):
        floats = noise(9, 7) / np.float32(255)
        floats[0, 0] = wrong
        Image.fromarray(floats).save(root / "a" / f"{wrong}.tif")
    told = "\n".join(load(str(root)).notices)
    assert told.count("NaN or infinite") == 2
    assert "too large or too small" in told
    with pytest.raises(DataError, match=r"NaN or infinite|too large or too small"):
        load(str(root), strict=True)


def test_the_cache_has_the_range_in_which_it_was_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = write_deep(tmp_path / "deep"), Cache(tmp_path / "cache")
    write_picture(root / "a" / "shallow.png", noise(9, 7))
    for size in (None, (9, 7)):
        plain = load(str(root), size=size)
        assert load(str(root), size=size, cache=cache).checksum() == plain.checksum()
    decoded: list[str] = []

    def counted(path: str, *rest: object) -> NDArray[np.uint8]:
        decoded.append(path)
        return decode(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("handgrad.data.image_files.decode", counted)
    assert load(str(root), cache=cache).file_ranges == TEN_BITS
    assert decoded == []
    # One picture of 12 bits changes what the others mean, but not those of 8 bits.
    write_picture(root / "a" / "new.png", ten_bits(9, 7) * 4)  # type: ignore[arg-type]
    wider = load(str(root), cache=cache)
    assert len(decoded) == 17
    assert wider.file_ranges == {"uint16": PixelRange(0, 4095)}
    assert wider.checksum() == load(str(root)).checksum()
    decoded.clear()
    assert load(str(root), cache=cache).checksum() == wider.checksum()
    assert decoded == []
    # A model's own range goes before that of the set, and has a file of its own.
    kept = read(str(root), size=(9, 7), cache=cache, file_ranges={"uint16": PixelRange(0, 65535)})
    assert int(np.asarray(kept.train.images)[:-1].max()) <= 255
    assert len(decoded) == 18
    (root / "a" / "new.png").unlink()
    assert load(str(root), cache=cache).file_ranges == TEN_BITS
    assert np.asarray(everything(load(str(root), cache=cache)).images).max() == 255


def test_one_picture_of_another_scale_is_reported(tmp_path: Path) -> None:
    root = write_deep(tmp_path / "deep")
    (told,) = load(str(root)).notices
    assert told.endswith("0 is taken for black and 1023 for white, by the range of all of them")
    write_picture(root / "a" / "full.png", ten_bits(9, 7) * 64)  # type: ignore[arg-type]
    (told,) = load(str(root)).notices
    assert told.startswith("16 of the 17 pictures with 16-bit numbers stay below an eighth of white, which is 65535;")


def test_pictures_of_few_levels_are_reported(tmp_path: Path) -> None:
    for number in range(16):
        write_picture(tmp_path / "ab"[number % 2] / f"{number}.png", noise(9, 7, seed=number) // 16)
    (told,) = load(str(tmp_path)).notices
    assert told.startswith("all pictures are nearly black")
