"""Figures of predictions, counted by hand."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from handgrad.report.metrics import measure
from tests.notes.strategies import generators


def test_an_example_counted_by_hand() -> None:
    predicted = np.array([0, 0, 1, 1, 1, 2])
    labels = np.array([0, 1, 1, 1, 2, 2])
    metrics = measure(np.eye(3)[predicted], labels, ("a", "b", "c"))
    assert metrics.images == 6
    assert metrics.accuracy == pytest.approx(4 / 6)
    assert metrics.balanced_accuracy == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    assert metrics.confusion_matrix == [[1, 0, 0], [1, 2, 0], [0, 1, 1]]
    b = metrics.classes[1]
    assert (b.name, b.images) == ("b", 3)
    assert (b.precision, b.recall, b.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert json.loads(json.dumps(asdict(metrics)))["classes"][0]["precision"] == 0.5


@given(generators, st.integers(2, 5), st.integers(1, 30))
def test_any_predictions(rng: np.random.Generator, classes: int, count: int) -> None:
    probabilities, labels = rng.dirichlet(np.ones(classes), count), rng.integers(0, classes, count)
    metrics = measure(probabilities, labels, tuple(map(str, range(classes))))
    predicted, numbers = probabilities.argmax(axis=1), np.arange(classes)
    right = predicted == labels
    assert metrics.images == count
    assert metrics.accuracy == pytest.approx(right.mean())
    assert metrics.balanced_accuracy == pytest.approx(np.mean([right[labels == c].mean() for c in np.unique(labels)]))
    assert metrics.confusion_matrix == confusion_matrix(labels, predicted, labels=numbers).tolist()
    of_each = [(row.precision, row.recall, row.f1, row.images) for row in metrics.classes]
    expected = precision_recall_fscore_support(labels, predicted, labels=numbers, zero_division=0.0)
    np.testing.assert_allclose(of_each, np.transpose(expected), rtol=1e-12)


@given(generators, st.integers(2, 5), st.integers(1, 30))
def test_every_interval_holds_its_figure_and_says_nothing_of_nothing(
    rng: np.random.Generator, classes: int, count: int
) -> None:
    probabilities, labels = rng.dirichlet(np.ones(classes), count), rng.integers(0, classes, count)
    metrics = measure(probabilities, labels, tuple(map(str, range(classes))))
    low, high = metrics.accuracy_interval
    expected = binomtest(round(metrics.accuracy * count), count).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high))
    low, high = metrics.balanced_accuracy_interval
    assert 0 <= low <= metrics.balanced_accuracy + 1e-12
    assert metrics.balanced_accuracy - 1e-12 <= high <= 1
    counts = np.array(metrics.confusion_matrix)
    for k, row in enumerate(metrics.classes):
        assert (row.images, row.predicted) == (counts[k].sum(), counts[:, k].sum())
        for figure, (low, high), whole in (
            (row.precision, row.precision_interval, row.predicted),
            (row.recall, row.recall_interval, row.images),
            (row.f1, row.f1_interval, row.images + row.predicted),
        ):
            assert low <= figure + 1e-12
            assert figure - 1e-12 <= high
            assert whole or (low, high) == (0, 1)
