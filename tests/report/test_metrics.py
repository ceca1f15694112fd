"""Figures of predictions, counted by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert json.loads(json.dumps(metrics.to_dict()))["classes"][0]["precision"] == 0.5


@given(generators, st.integers(2, 5), st.integers(1, 30))
def test_any_predictions(rng: np.random.Generator, classes: int, count: int) -> None:
    probabilities, labels = rng.dirichlet(np.ones(classes), count), rng.integers(0, classes, count)
    metrics = measure(probabilities, labels, tuple(map(str, range(classes))))
    right = probabilities.argmax(axis=1) == labels
    confusion = np.array(metrics.confusion_matrix)
    assert metrics.accuracy == pytest.approx(right.mean())
    assert metrics.balanced_accuracy == pytest.approx(np.mean([right[labels == c].mean() for c in np.unique(labels)]))
    assert confusion.shape == (classes, classes)
    assert [row.images for row in metrics.classes] == confusion.sum(axis=1).tolist()
    assert np.trace(confusion) == right.sum()
