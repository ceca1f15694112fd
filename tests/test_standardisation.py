"""Means and deviations by depth, exactly, and what they may not be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.errors import InputError
from handgrad.standardisation import Standardisation
from tests.notes.strategies import brief, generators


@brief
@given(generators, st.integers(1, 9), st.integers(1, 3), st.sampled_from(["float32", "float64"]))
def test_standardised_images_have_mean_0_and_deviation_1(
    rng: np.random.Generator, count: int, depth: int, dtype: str
) -> None:
    images = rng.integers(0, rng.integers(2, 257), (count, 5, 4, depth), np.uint8)
    found = Standardisation.of(images)
    np.testing.assert_allclose(found.mean, images.mean(axis=(0, 1, 2)), rtol=1e-12)
    X = found.apply(images, dtype)
    assert X.dtype == dtype
    assert X.shape == images.shape
    np.testing.assert_allclose(X.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    varied = images.std(axis=(0, 1, 2)) > 0
    np.testing.assert_allclose(X.std(axis=(0, 1, 2))[varied], 1, rtol=1e-5)


def test_the_figures_of_many_images_are_those_of_all_of_them() -> None:
    images = np.random.default_rng(0).integers(0, 256, (10_000, 2, 3, 2), np.uint8)
    found = Standardisation.of(images)
    np.testing.assert_allclose(found.mean, images.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(found.deviation, images.std(axis=(0, 1, 2)), rtol=1e-12)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_equal_pixels_become_0(value: int) -> None:
    images = np.full((3, 4, 4, 2), value, np.uint8)
    found = Standardisation.of(images)
    assert found == Standardisation((value, value), (1, 1))
    assert not found.apply(images, "float32").any()


def test_images_as_they_lie_in_memory() -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 6, 5, 3), np.uint8)
    for view in (images[::2], images[:, ::-1], images.transpose(0, 2, 1, 3)):
        view.flags.writeable = False
        assert Standardisation.of(view) == Standardisation.of(np.ascontiguousarray(view))


@pytest.mark.parametrize(
    ("mean", "deviation"),
    [
        ((0.0,), (0.0,)),
        ((0.0,), (-1.0,)),
        ((0.0, 0.0), (1.0,)),
        ((np.nan,), (1.0,)),
        ((0.0,), (np.inf,)),
        ((), ()),
    ],
)
def test_wrong_figures_are_refused(mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match=r"standardisation=mean .*: needs one finite mean and one positive deviation"):
        Standardisation(mean, deviation)
