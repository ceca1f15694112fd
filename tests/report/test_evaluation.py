"""The figures of an evaluation, on a test split whose classes differ in size and are often confused."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_recall_fscore_support

from handgrad.data import Samples
from handgrad.report.metrics import ClassMetrics, Metrics, measure
from handgrad.report.mistakes import surest_mistakes
from tests.report.models import drawn
from tests.report.test_page import evaluated

CLASSES = ("rare", "common", "usual", "absent")
COUNTS = (3, 14, 8, 0)
"""The largest class is neither first nor last, nor the one that is predicted most often."""


@pytest.fixture(scope="module")
def samples() -> Samples:
    labels = np.repeat(np.arange(len(CLASSES)), COUNTS)
    return Samples(np.random.default_rng(0).integers(0, 256, (len(labels), 8, 8, 1), np.uint8), labels)


@pytest.fixture(scope="module")
def report(samples: Samples) -> dict[str, Any]:
    """The report of a model that names the same class for every image."""
    model, _ = drawn(CLASSES)
    model.parameters.vector[:] = 0
    model.parameters["b2"][CLASSES.index("usual")] = 5
    return evaluated(model, samples)[0]


def test_the_most_frequent_class_is_that_of_most_images(report: dict[str, Any]) -> None:
    assert report["most_frequent_class"] == "common"
    assert report["test_accuracy_of_the_most_frequent_class"] == 14 / 25


def test_every_class_has_its_own_counts(report: dict[str, Any]) -> None:
    rows = {row["name"]: (row["images"], row["predicted"]) for row in report["per_class"]}
    assert rows == {"rare": (3, 0), "common": (14, 0), "usual": (8, 25), "absent": (0, 0)}


def test_the_caution_compares_with_the_same_class(report: dict[str, Any]) -> None:
    (text,) = (each["text"] for each in report["cautions"] if each["kind"] == "no better than one class")
    assert "“common”" in text
    assert "56.0 %" in text


def test_the_figures_are_scikit_learn_s(samples: Samples) -> None:
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(len(CLASSES)), len(samples))
    predicted, found = probabilities.argmax(axis=1), measure(probabilities, samples.labels, CLASSES)
    assert found.accuracy == pytest.approx(accuracy_score(samples.labels, predicted))
    known = np.isin(predicted, samples.labels)
    assert not known.all()  # A class without images is predicted, too.
    precision, recall, f1, images = precision_recall_fscore_support(
        samples.labels, predicted, labels=range(len(CLASSES)), zero_division=0
    )
    for name, expected in {"precision": precision, "recall": recall, "f1": f1, "images": images}.items():
        assert [getattr(row, name) for row in found.classes] == pytest.approx(expected.tolist()), name
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(samples.labels, predicted))


def test_every_interval_holds_its_own_figure(samples: Samples) -> None:
    probabilities = np.random.default_rng(1).dirichlet(np.ones(len(CLASSES)), len(samples))
    found = measure(probabilities, samples.labels, CLASSES)
    every: list[Metrics | ClassMetrics] = [found, *found.classes]
    for of in every:
        for name in (field.name for field in fields(of) if field.name.endswith("_interval")):
            low, high = getattr(of, name)
            assert 0 <= low <= getattr(of, name.removesuffix("_interval")) <= high <= 1, (of, name)


def test_the_mistakes_begin_with_the_surest(samples: Samples) -> None:
    probabilities = np.random.default_rng(2).dirichlet(np.ones(len(CLASSES)), len(samples))
    wrong = probabilities.argmax(axis=1) != samples.labels
    expected = sorted(probabilities[wrong].max(axis=1), reverse=True)
    found = [each.probability for each in surest_mistakes(probabilities, samples, CLASSES)]
    assert len(found) > 3
    assert found == pytest.approx(expected[: len(found)])
