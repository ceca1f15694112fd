"""What is black and white in numbers: found where they leave no doubt, and for files always."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.errors import InputError
from handgrad.pixel_range import PIXELS, USUAL, Extent, PixelRange, decide, kind_of, notices

ENDS = [(0, 0), (1, 0), (0, math.nan), (0, math.inf), (-math.inf, 0), (0, 1e-320), (0, 1e38), (1, 1 + 1e-40)]


@pytest.mark.parametrize(
    ("numbers", "white"),
    [
        (np.array([False, True]), 1),
        (np.array([0, 1], np.uint8), 1),
        (np.array([0, 15], np.uint8), 15),
        (np.array([3, 16], np.uint8), 16),
        (np.array([0, 9], np.uint8), None),
        (np.array([0, 17], np.uint8), 255),
        (np.array([0, 0], np.uint8), 255),
        (np.array([0, 16]), 16),
        (np.array([0.0, 16.0]), 16),
        (np.array([0.5, 16.0]), None),
        (np.array([0.0, 0.13]), 1),
        # Digits of 0 to 16 that somebody divided by 255.
        (np.array([0.0, 16 / 255]), None),
        (np.array([0.0, 1.0], np.float32), 1),
        (np.array([0.0, 254.6]), 255),
        (np.array([0.0, 100.0]), None),
        (np.array([0.0, 300.0]), None),
        (np.array([0, 700]), 1023),
        (np.array([0, 4095]), 4095),
        (np.array([0, 65535]), 65535),
        (np.array([0, 65536]), None),
        (np.array([-1.0, 1.0]), None),
        (np.array([0.0, np.nan]), None),
        (np.array([0.0, np.inf]), None),
    ],
)
def test_the_range_is_known_where_numbers_leave_no_doubt(numbers: np.ndarray, white: float | None) -> None:
    assert PixelRange.known(numbers) == (None if white is None else PixelRange(0, white))


@pytest.mark.parametrize(
    ("kind", "extent", "ends"),
    [
        ("uint8", (0, 16, True), (0, 16)),
        ("uint8", (0, 9, True), (0, 255)),
        ("uint16", (0, 255, True), (0, 255)),
        ("uint16", (0, 256, True), (0, 1023)),
        ("uint16", (7, 4000, True), (0, 4095)),
        ("uint16", (0, 16000, True), (0, 16383)),
        ("uint16", (0, 16384, True), (0, 65535)),
        ("integers", (0, 70000, True), (0, 131071)),
        ("integers", (-1000, 3000, True), (-1024, 4095)),
        ("integers", (-5, -1, True), (-8, 0)),
        ("floats", (0, 0.2, False), (0, 1)),
        ("floats", (0, 1 / 16, False), (0, 1 / 16)),
        ("floats", (0, 3.1, False), (0, 4)),
        ("floats", (0, 200.5, False), (0, 255)),
        ("floats", (-0.5, 1, False), (-0.5, 1)),
        ("floats", (-2.5, 3.1, False), (-4, 4)),
        ("floats", (0, 0, True), (0, 1)),
    ],
)
def test_files_always_have_a_range(kind: str, extent: tuple[float, float, bool], ends: tuple[float, float]) -> None:
    assert PixelRange.covering(kind, Extent(*extent)) == PixelRange(*ends)


@given(
    st.sampled_from(sorted(set(USUAL) - {"uint8"})),
    st.lists(st.integers(-(10**6), 10**6), min_size=1),
    st.floats(0.01, 100),
)
def test_the_range_of_files_holds_all_of_their_numbers(kind: str, numbers: list[int], scale: float) -> None:
    array = np.array(numbers) * (scale if kind == "floats" else 1)
    found = PixelRange.covering(kind, Extent.of(array))
    assert found.black <= array.min() <= array.max() <= found.white


@pytest.mark.parametrize("ends", ENDS)
def test_a_range_without_room_is_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"pixel_range=\(.*\): black must be below white"):
        PixelRange.of(ends)


@pytest.mark.parametrize("wrong", ["wide", 3, (1, 2, 3), ("a", "b"), None])
def test_what_is_no_pair_is_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="must be two numbers"):
        PixelRange.of(wrong)


def test_the_given_range_goes_before_what_the_files_show_and_is_not_told() -> None:
    extents = {"uint16": [Extent(0, 900, True), Extent(0, 30, True)], "floats": [Extent(0, 0.4, False)]}
    assert decide(extents, None) == {"uint16": PixelRange(0, 1023), "floats": PixelRange(0, 1)}
    given_ = {"uint16": PixelRange(0, 4095)}
    assert decide(extents, given_)["uint16"] == PixelRange(0, 4095)
    (line,) = notices(decide(extents, None), None)
    assert (
        line == "the images hold 16-bit numbers: 0 is taken for black and 1023 for white, by the range of all of them"
    )
    assert notices(decide(extents, given_), given_) == []
    (other,) = notices(decide(extents, {}), {})
    assert other.endswith("; the model was trained on none of this kind")


def test_kinds() -> None:
    kinds = {dtype: kind_of(dtype) for dtype in ("u1", "u2", "i1", "i2", "i4", "u4", "i8", "f2", "f4", "f8", ">u2")}
    assert kinds == dict.fromkeys(("i1", "i2", "i4", "u4", "i8"), "integers") | dict.fromkeys(
        ("f2", "f4", "f8"), "floats"
    ) | {"u1": "uint8", "u2": "uint16", ">u2": "uint16"}


@pytest.mark.parametrize(
    ("fitted", "given_", "doubted"),
    [
        ((0, 1), np.array([0, 200], np.uint8), True),
        ((0, 16), np.array([0, 200], np.uint8), True),
        ((0, 15), np.array([0, 16], np.uint8), False),
        ((0, 255), np.array([0, 16], np.uint8), False),
        ((0, 255), np.array([0.0, 0.9]), True),
        ((0, 255), np.array([0.0, 100.0]), False),
        ((0, 1), np.array([0.0, 1.1]), False),
        ((-1, 1), np.array([0.0, 0.7]), False),
        ((0, 4095), np.array([0, 900]), False),
        ((0, 255), np.zeros((0, 2)), False),
    ],
)
def test_numbers_of_another_range_are_doubted(fitted: tuple[float, float], given_: np.ndarray, doubted: bool) -> None:
    assert (PixelRange(*fitted).doubt(given_) is not None) == doubted


def test_pixels_are_0_to_255() -> None:
    assert (str(PIXELS), PIXELS.to_list()) == ("0 to 255", [0, 255])
