"""Scores of probabilities against scikit-learn's."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from handgrad.report.calibration import calibrate
from tests.notes.strategies import generators


@given(generators, st.integers(2, 12), st.integers(1, 60))
def test_any_predictions(rng: np.random.Generator, classes: int, count: int) -> None:
    probabilities, labels = rng.dirichlet(np.ones(classes), count), rng.integers(0, classes, count)
    found, numbers = calibrate(probabilities, labels), np.arange(classes)
    truth = np.eye(classes)[labels]
    assert found.log_loss == pytest.approx(log_loss(labels, probabilities, labels=numbers))
    assert found.brier_score == pytest.approx(brier_score_loss(truth, probabilities, scale_by_half=False))
    frequencies = np.tile(truth.mean(axis=0), (count, 1))
    assert found.brier_score_of_the_frequencies == pytest.approx(
        brier_score_loss(truth, frequencies, scale_by_half=False), abs=1e-12
    )
    assert found.log_loss_of_the_frequencies == pytest.approx(log_loss(labels, frequencies, labels=numbers), abs=1e-12)
    assert sum(bin.images for bin in found.bins) == count
    json.dumps(asdict(found), allow_nan=False)


@given(generators, st.integers(2, 12), st.integers(1, 200))
def test_the_bins_are_scikit_learns_and_the_error_their_mean_distance(
    rng: np.random.Generator, classes: int, count: int
) -> None:
    probabilities, labels = rng.dirichlet(np.full(classes, 0.3), count), rng.integers(0, classes, count)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    found = calibrate(probabilities, labels)
    filled = [bin for bin in found.bins if bin.images]
    accuracies, confidences = calibration_curve(right, confidence, n_bins=10)
    assert [bin.accuracy for bin in filled] == pytest.approx(accuracies)
    assert [bin.confidence for bin in filled] == pytest.approx(confidences)
    distance = sum(abs((bin.accuracy or 0) - (bin.confidence or 0)) * bin.images for bin in filled) / count
    assert found.expected_calibration_error == pytest.approx(distance)
    assert found.mean_confidence == pytest.approx(confidence.mean())
    for bin in filled:
        low, high = bin.accuracy_interval
        assert low <= (bin.accuracy or 0) <= high


def test_a_model_that_keeps_its_word_has_no_error() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 50_000)
    labels = (rng.uniform(size=len(sure)) > sure).astype(np.int64)
    assert calibrate(np.stack([sure, 1 - sure], axis=1), labels).expected_calibration_error < 0.01


def test_certainty_that_is_wrong_has_a_finite_loss() -> None:
    found = calibrate(np.array([[1.0, 0.0], [1.0, 0.0]], np.float32), np.array([1, 1]))
    assert (found.brier_score, found.expected_calibration_error) == (2, 1)
    assert 80 < found.log_loss < 90
    assert found.bins[-1].images == 2
    assert found.bins[0].accuracy is None
