"""Intervals against SciPy's, and how often they hold the truth in simulated tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from handgrad.report import intervals

TRUTHS = {
    "two classes, one rare": np.array([[0.06, 0.04], [0.02, 0.88]]),
    "three classes": np.array([[0.3, 0.02, 0.01], [0.05, 0.2, 0.05], [0.0, 0.02, 0.35]]),
    "nearly perfect": np.array([[0.49, 0.01], [0.005, 0.495]]),
}


def drawn(truth: np.ndarray, images: int, times: int) -> np.ndarray:
    """Confusion matrices of shape (times, classes, classes) for this number of images."""
    rng = np.random.default_rng(0)
    return rng.multinomial(images, truth.ravel(), size=times).reshape(times, *truth.shape)


@given(st.integers(1, 500), st.data())
def test_wilson_is_scipys(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    low, high = intervals.wilson(np.array([part]), np.array([whole]))
    expected = binomtest(part, whole).proportion_ci(intervals.CONFIDENCE, method="wilson")
    np.testing.assert_allclose([low[0], high[0]], [expected.low, expected.high], atol=1e-12)
    assert 0 <= low[0] <= part / whole <= high[0] <= 1


def test_of_no_images_nothing_is_known() -> None:
    for ends in (intervals.wilson(np.array([0]), np.array([0])), intervals.f1(*np.zeros((3, 1), np.int64))):
        assert [ends[0][0], ends[1][0]] == [0, 1]


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_an_interval_of_f1_holds_f1(right: int, missed: int, wrong: int) -> None:
    if right + missed + wrong == 0:
        return
    low, high = intervals.f1(np.array([right]), np.array([right + missed]), np.array([right + wrong]))
    assert 0 <= low[0] <= 2 * right / (2 * right + missed + wrong) <= high[0] <= 1


@pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)
@pytest.mark.parametrize("images", [60, 400])
def test_of_a_hundred_intervals_of_f1_about_95_hold_the_truth(truth: np.ndarray, images: int) -> None:
    true = 2 * truth.diagonal() / (truth.sum(axis=0) + truth.sum(axis=1))
    matrices = drawn(truth, images, 4000)
    held = np.zeros(len(truth))
    for matrix in matrices:
        low, high = intervals.f1(matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0))
        held += (low <= true) & (true <= high)
    assert (held / len(matrices)).min() > 0.92
    assert (held / len(matrices)).mean() == pytest.approx(0.95, abs=0.025)


@pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)
@pytest.mark.parametrize("images", [60, 400])
def test_of_a_hundred_intervals_of_balanced_accuracy_about_95_hold_the_truth(truth: np.ndarray, images: int) -> None:
    true = (truth.diagonal() / truth.sum(axis=1)).mean()
    held = []
    for matrix in drawn(truth, images, 4000):
        totals = matrix.sum(axis=1)
        known = totals > 0
        right, totals = matrix.diagonal()[known], totals[known]
        low, high = intervals.mean(right / totals, *intervals.wilson(right, totals))
        if known.all():
            held.append(low <= true <= high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_the_mean_of_one_share_has_its_interval() -> None:
    low, high = intervals.wilson(np.array([7]), np.array([9]))
    assert intervals.mean(np.array([7 / 9]), low, high) == pytest.approx((low[0], high[0]))
