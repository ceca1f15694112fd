from __future__ import annotations

import io
import os
import struct
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from handgrad.data.image_file import decode, read_image, resize, size_of
from handgrad.errors import DataError, InputError
from tests.data.writing import noise, write_picture

GREY = noise(4, 6)
RGB = noise(4, 6, 3)


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Image.fromarray(GREY), GREY),
        (lambda: Image.fromarray(GREY > 127), np.where(GREY > 127, 255, 0)),
        (lambda: Image.fromarray(RGB), RGB),
        (lambda: Image.fromarray(np.stack([GREY] * 3, axis=2)), GREY),
        (lambda: Image.fromarray(RGB[..., [0, 0, 1]]), RGB[..., [0, 0, 1]]),
        (lambda: Image.fromarray(RGB[..., [0, 1, 0]]), RGB[..., [0, 1, 0]]),
        (lambda: Image.fromarray(np.array([[0, 128, 129, 32768, 65535]], np.uint16)), [[0, 0, 1, 128, 255]]),
        (lambda: Image.fromarray(GREY).convert("P"), GREY),
        (lambda: Image.fromarray(RGB // 128 * 255).quantize(8), RGB // 128 * 255),
        # Half of black on white is 127 or 128, all of it is black, none of it white.
        (lambda: Image.fromarray(np.array([[[0, 0], [0, 255]]], np.uint8)), [[255, 0]]),
        (lambda: Image.fromarray(np.array([[[9, 9, 9, 0], [9, 9, 9, 255]]], np.uint8)), [[255, 9]]),
        (lambda: Image.fromarray(np.array([[[9, 8, 7, 255]]], np.uint8)), [[[9, 8, 7]]]),
    ],
)
def test_modes_of_png(tmp_path: Path, make: Callable[[], Image.Image], expected: object) -> None:
    pixels = decode(saved(tmp_path / "ein Bild.png", make()))
    expected_pixels = np.array(expected, np.uint8)
    np.testing.assert_array_equal(pixels, expected_pixels.reshape(*expected_pixels.shape[:2], -1))


def test_transparent_palette_is_laid_on_white(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([10, 10, 10, 20, 20, 20])
    assert image.mode == "P"
    for transparency in (0, b"\x00\xff"):
        path = saved(tmp_path / "p.png", image, transparency=transparency)
        assert decode(path).ravel().tolist() == [255, 20]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 0.1, 0.2]], np.float32), [0, 26, 51]),
        (np.array([[0, 7, 255]], np.int32), [0, 7, 255]),
        (np.array([[0, 32768, 65535]], ">u2"), [0, 128, 255]),
    ],
)
def test_deep_tiff(
    tmp_path: Path, values: np.ndarray[tuple[int, int], np.dtype[np.float32]], expected: list[int]
) -> None:
    assert decode(saved(tmp_path / "deep.tif", Image.fromarray(values))).ravel().tolist() == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[-0.5]], np.float32), "values run from -0.5 to -0.5; they must be in 0 to 1"),
        # What was meant, no image shows by itself.
        (np.array([[0.0, 255.0]], np.float32), "numbers of 0 to 255, and which of them is white is not known"),
        (np.array([[0, 0, 1]], np.int32), "numbers of 0 to 1, and which"),
        (np.array([[0, 128, 255]], ">u2"), "numbers of 0 to 255, and which"),
        (np.array([[0, 1e-40]], np.float32), "too large or too small for pixels"),
        (np.array([[np.nan]], np.float32), "NaN"),
        (np.array([[256]], np.int32), "values run from 256 to 256; they must be in 0 to 255"),
    ],
)
def test_deep_tiff_without_a_meaning(
    tmp_path: Path, values: np.ndarray[tuple[int, int], np.dtype[np.float32]], message: str
) -> None:
    path = saved(tmp_path / "deep.tif", Image.fromarray(values))
    with pytest.raises(DataError, match=rf"picture=.*deep\.tif: .*{message}"):
        decode(path)


def test_cmyk(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=100)
    np.testing.assert_allclose(decode(path)[0, 0], [255, 0, 0], atol=6)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    turns: list[Callable[[np.ndarray[tuple[int, int], np.dtype[np.uint8]]], object]] = [
        lambda a: a,
        lambda a: a[:, ::-1],
        lambda a: a[::-1, ::-1],
        lambda a: a[::-1],
        lambda a: a.T,
        lambda a: np.rot90(a, -1),
        lambda a: a[::-1, ::-1].T,
        lambda a: np.rot90(a),
    ]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = saved(tmp_path / f"turned.{suffix}", Image.fromarray(GREY), exif=exif)
    pixels = decode(path)
    np.testing.assert_array_equal(pixels[..., 0], turns[orientation - 1](GREY))
    assert size_of(path) == pixels.shape[:2]


def test_damaged_exif_leaves_the_image(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(GREY), exif=b"Exif\0\0MM\0\0nonsense")
    np.testing.assert_array_equal(decode(path)[..., 0], GREY)
    assert size_of(path) == (4, 6)


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("L", (3, 2), value) for value in (10, 200)]
    path = saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert np.unique(decode(path)).tolist() == [10]


def test_one_pixel(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "1.png", np.array([[7]], np.uint8))
    assert decode(path).tolist() == [[[7]]]
    assert np.unique(decode(path, (5, 3))).tolist() == [7]


def test_a_large_jpeg_is_shrunk_to_what_its_whole_would_give(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 1600).astype(np.uint8)
    path = saved(tmp_path / "large.jpg", Image.fromarray(np.broadcast_to(ramp, (800, 1600)).copy()), quality=95)
    shrunk = decode(path, (20, 40))
    assert shrunk.shape == (20, 40, 1)
    np.testing.assert_allclose(shrunk[..., 0], np.broadcast_to(ramp.reshape(40, 40).mean(axis=1), (20, 40)), atol=3)


def test_a_jpeg_of_twice_the_size_is_decoded_whole(tmp_path: Path) -> None:
    path = saved(tmp_path / "twice.jpg", Image.fromarray(noise(80, 160)), quality=95)
    np.testing.assert_array_equal(decode(path, (40, 80)), resize(decode(path)[np.newaxis], (40, 80))[0])


def test_resize_goes_by_height_and_width() -> None:
    assert resize(noise(2, 8, 9, 3), (3, 5)).shape == (2, 3, 5, 3)
    images = noise(2, 8, 9, 1)
    assert resize(images, None) is images
    assert resize(images, (8, 9)) is images
    halves = np.zeros((1, 4, 8, 1), np.uint8)
    halves[:, :, 4:] = 200
    assert resize(halves, (2, 2))[0, :, 1].min() > resize(halves, (2, 2))[0, :, 0].max()


def test_lossless_changes_of_the_channels(tmp_path: Path) -> None:
    grey = write_picture(tmp_path / "grey.png", GREY)
    np.testing.assert_array_equal(read_image(grey, (4, 6), 3), np.stack([GREY] * 3, axis=2))
    equal = write_picture(tmp_path / "equal.png", np.stack([GREY] * 3, axis=2))
    np.testing.assert_array_equal(read_image(equal, (4, 6), 1)[..., 0], GREY)
    color = write_picture(tmp_path / "color.png", RGB)
    np.testing.assert_array_equal(read_image(color, (4, 6), 3), RGB)


def test_a_color_image_is_not_for_a_grey_model(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "color.png", RGB)
    with pytest.raises(InputError, match=rf"picture={path}.*\(3 channels\).*\(1 channel\); convert it to grey"):
        read_image(path, (4, 6), 1)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "bmp", "webp"])
def test_a_truncated_image(tmp_path: Path, suffix: str) -> None:
    path = write_picture(tmp_path / f"cut.{suffix}", noise(64, 64, 3))
    content = path.read_bytes()
    for length in (len(content) // 2, 20, 2):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=f"picture={path}: it "):
            decode(path)


@pytest.mark.parametrize("content", [b"", b"Not a picture.", b"\x89PNG\r\n\x1a\n", bytes(100), b"%!PS-Adobe"])
def test_what_is_no_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    for read in (decode, size_of):
        with pytest.raises(DataError, match="a valid picture file"):
            read(path)


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.png", tmp_path / "null\0byte.png"):
        with pytest.raises(DataError, match="a valid picture file"):
            decode(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="it is no file"):
        decode(tmp_path / "pipe.png")


@pytest.mark.parametrize("limit", [GREY.size - 1, GREY.size // 2 - 1])
def test_a_decompression_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    # Pillow warns above its limit, and raises above twice that.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    path = write_picture(tmp_path / "bomb.png", GREY)
    # Outside these tests a warning is no error by itself.
    warnings.simplefilter("ignore")
    for read in (decode, size_of):
        with pytest.raises(DataError, match=f"more than the {limit} pixels that are safe to decode"):
            read(path)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)

    header = (50_000).to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0])
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with pytest.raises(DataError, match="pixels that are safe"):
        decode(path, (10, 10))


def test_permission_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write_picture(tmp_path / "a.png")
    monkeypatch.setattr(Image, "open", denied)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)"):
        decode(path)


@pytest.mark.parametrize("where", ["load", "getexif"])
def test_too_little_memory_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def full(*_: object) -> NoReturn:
        raise MemoryError

    path = write_picture(tmp_path / "a.png")
    monkeypatch.setattr(f"PIL.PngImagePlugin.PngImageFile.{where}", full)
    with pytest.raises(MemoryError):
        decode(path)


@given(st.data(), st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM"]))
def test_any_damage_gives_pixels_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: str
) -> None:
    stream = io.BytesIO()
    Image.fromarray(RGB).save(stream, kind)
    content = bytearray(stream.getvalue())
    start = data.draw(st.integers(0, len(content) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=6))
    content[start : start + len(damage)] = damage
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    try:
        pixels = decode(path, (3, 3))
    except DataError:
        return
    assert pixels.shape[:2] == (3, 3)


def test_a_color_image_becomes_grey_if_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    Image.new("RGB", (4, 4), (255, 0, 0)).save(path)
    with pytest.raises(DataError, match="in color"):
        read_image(path, (2, 2), 1)
    assert read_image(path, (2, 2), 1, to_grey=True)[..., 0].tolist() == [[76, 76], [76, 76]]
    assert read_image(BytesIO(path.read_bytes()), (2, 2), 3, to_grey=True)[0, 0].tolist() == [255, 0, 0]


def jpeg_2000(size: int) -> bytes:
    """The beginning of a JPEG 2000 file whose second box claims a size."""
    signature = struct.pack(">I4sI", 12, b"jP  ", 0x0D0A870A)
    kind = struct.pack(">I4s4sI4s", 20, b"ftyp", b"jp2 ", 0, b"jp2 ")
    return signature + kind + struct.pack(">I4sQ", 1, b"jp2h", size) + bytes(64)


@pytest.mark.parametrize("size", [1 << 31, 1 << 40, (1 << 63) - 1])
def test_a_header_that_claims_exabytes_takes_no_memory(tmp_path: Path, size: int) -> None:
    path = tmp_path / "claim.jp2"
    path.write_bytes(jpeg_2000(size))
    tracemalloc.start()
    try:
        for read in (decode, size_of):
            with pytest.raises(DataError, match=r"claim\.jp2: it "):
                read(path)
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()
