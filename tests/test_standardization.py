"""Means and stds by channel, exactly, and what they may not be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.errors import InputError
from handgrad.standardization import Standardization
from tests.notes.strategies import brief, generators


@brief
@given(generators, st.integers(1, 9), st.integers(1, 3), st.sampled_from(["float32", "float64"]))
def test_standardized_images_have_mean_0_and_std_1(
    rng: np.random.Generator, count: int, channels: int, dtype: str
) -> None:
    images = rng.integers(0, rng.integers(2, 257), (count, 5, 4, channels), np.uint8)
    found = Standardization.of(images)
    np.testing.assert_allclose(found.mean, images.mean(axis=(0, 1, 2)), rtol=1e-12)
    X = found.apply(images, dtype)
    assert X.dtype == dtype
    assert X.shape == images.shape
    np.testing.assert_allclose(X.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    varied = images.std(axis=(0, 1, 2)) > 0
    np.testing.assert_allclose(X.std(axis=(0, 1, 2))[varied], 1, rtol=1e-5)


def test_the_figures_of_many_images_are_those_of_all_of_them() -> None:
    images = np.random.default_rng(0).integers(0, 256, (10_000, 2, 3, 2), np.uint8)
    found = Standardization.of(images)
    np.testing.assert_allclose(found.mean, images.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(found.std, images.std(axis=(0, 1, 2)), rtol=1e-12)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_equal_pixels_become_0(value: int) -> None:
    images = np.full((3, 4, 4, 2), value, np.uint8)
    found = Standardization.of(images)
    assert found == Standardization((value, value), (1, 1))
    assert not found.apply(images, "float32").any()


def test_images_as_they_lie_in_memory() -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 6, 5, 3), np.uint8)
    for view in (images[::2], images[:, ::-1], images.transpose(0, 2, 1, 3)):
        view.flags.writeable = False
        assert Standardization.of(view) == Standardization.of(np.ascontiguousarray(view))


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((0.0,), (0.0,)),
        ((0.0,), (-1.0,)),
        ((0.0, 0.0), (1.0,)),
        ((np.nan,), (1.0,)),
        ((0.0,), (np.inf,)),
        ((), ()),
    ],
)
def test_wrong_figures_are_refused(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match=r"standardization=mean .*: needs one finite mean and one positive std"):
        Standardization(mean, std)


@brief
@given(generators, st.integers(1, 600), st.integers(1, 3), st.sampled_from(["float32", "float64"]))
def test_floats_of_any_range_are_standardized_in_double_precision(
    rng: np.random.Generator, count: int, channels: int, dtype: str
) -> None:
    numbers = (
        10 ** rng.uniform(-6, 6, channels) * (rng.standard_normal((count, 3, 4, channels)) + rng.uniform(-9, 9))
    ).astype(dtype)
    found = Standardization.of(numbers)
    wide = numbers.astype(np.float64)
    np.testing.assert_allclose(found.mean, wide.mean(axis=(0, 1, 2)), rtol=1e-9)
    np.testing.assert_allclose(found.std, wide.std(axis=(0, 1, 2)), rtol=1e-9)
    expected = (wide - np.array(found.mean)) / np.array(found.std)
    np.testing.assert_array_equal(found.apply(numbers, "float32"), expected.astype(np.float32))


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9, 1e-30])
def test_equal_floats_become_about_0(value: float) -> None:
    numbers = np.full((700, 3, 5, 1), value)
    found = Standardization.of(numbers)
    assert found.std == (1.0,)
    np.testing.assert_allclose(found.apply(numbers, "float64"), 0, atol=1e-12 * max(1, abs(value)))


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_weights_are_repetitions(dtype: str) -> None:
    rng = np.random.default_rng(0)
    images, counts = rng.integers(0, 256, (600, 3, 4, 2)).astype(dtype), rng.integers(0, 4, 600)
    weighted = Standardization.of(images, counts.astype(float))
    repeated = Standardization.of(images.repeat(counts, axis=0))
    np.testing.assert_allclose(weighted.mean, repeated.mean, rtol=1e-12)
    np.testing.assert_allclose(weighted.std, repeated.std, rtol=1e-12)


def test_what_is_no_pixel_and_no_float_is_refused() -> None:
    with pytest.raises(InputError, match="images=int64: must be pixels"):
        Standardization((0.0,), (1.0,)).apply(np.zeros((1, 2, 2, 1), np.int64), "float32")  # type: ignore[arg-type]


def test_numbers_that_overflow_are_refused() -> None:
    with pytest.raises(InputError, match=r"standardization=mean .*inf"):
        Standardization.of(np.array([-1e300, 1e300]).reshape(2, 1, 1, 1))
