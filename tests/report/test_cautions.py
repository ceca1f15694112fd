"""Each caution comes exactly when it is due."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from handgrad.report import cautions
from handgrad.report.metrics import Metrics, measure


def counted(matrix: list[list[int]]) -> Metrics:
    """The metrics of predictions with this confusion matrix."""
    counts = np.array(matrix)
    labels, predicted = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
    return measure(np.eye(len(counts))[predicted], labels, tuple("abcdefghij"[: len(counts)]))


def kinds(matrix: list[list[int]]) -> set[str]:
    return {caution.kind for caution in cautions.of_figures(counted(matrix))}


def test_a_good_model_on_many_pictures_needs_none() -> None:
    assert kinds([[480, 20], [15, 485]]) == set()


@pytest.mark.parametrize(
    ("matrix", "kind"),
    [
        ([[0, 50], [0, 950]], "no better than one class"),
        ([[0, 50], [0, 950]], "never predicted"),
        ([[500, 0, 0], [0, 0, 0], [0, 0, 500]], "absent class"),
        ([[9, 0], [0, 500]], "few images of a class"),
        ([[30, 5], [5, 30]], "wide interval"),
    ],
)
def test_a_fault_is_reported(matrix: list[list[int]], kind: str) -> None:
    assert kind in kinds(matrix)


@pytest.mark.parametrize(
    ("matrix", "kind"),
    [
        ([[45, 5], [5, 945]], "no better than one class"),
        ([[500, 0, 0], [0, 0, 0], [0, 0, 500]], "never predicted"),
        ([[500, 0], [1, 500]], "absent class"),
        ([[10, 0], [0, 500]], "few images of a class"),
        ([[300, 50], [50, 300]], "wide interval"),
    ],
)
def test_nothing_is_reported_without_a_fault(matrix: list[list[int]], kind: str) -> None:
    assert kind not in kinds(matrix)


def test_classes_are_named_and_many_are_counted() -> None:
    matrix = np.diag([100] * 10)
    matrix[:7, 9], matrix[range(7), range(7)] = 100, 0
    (never,) = [each for each in cautions.of_figures(counted(matrix.tolist())) if each.kind == "never predicted"]
    assert never.text.startswith("7 classes, “a”, “b”, “c”, “d”, “e” and 2 more, are never predicted")


def test_a_gap_between_training_and_validation() -> None:
    (gap,) = cautions.of_gap(1.0, 0.9)
    assert "100 % on the training pictures and 90.0 % on the validation pictures" in gap.text
    assert not [*cautions.of_gap(0.97, 0.95)]
    assert not [*cautions.of_gap(0.8, 0.95)]


def test_images_that_two_splits_share() -> None:
    one, many = cautions.of_duplicates({("validation", "training"): 1, ("test", "training"): 1234})
    assert one.text.startswith("1 validation picture is also")
    assert many.text.startswith("1,234 test pictures are also in the training split, pixel by pixel")


def documented(metrics: Metrics) -> set[str]:
    """The kinds of caution that are due by the table of docs/report.md."""
    images = [row.images for row in metrics.classes]
    low, high = metrics.accuracy_interval
    due = {
        "no better than one class": low <= max(images) / sum(images),
        "never predicted": any(row.images and not row.predicted for row in metrics.classes),
        "absent class": 0 in images,
        "few images of a class": any(0 < count < 10 for count in images),
        "wide interval": high - low > 0.1,
    }
    return {kind for kind, is_due in due.items() if is_due}


@given(
    st.integers(2, 4).flatmap(
        lambda count: st.lists(
            st.lists(st.integers(0, 20) | st.integers(0, 300), min_size=count, max_size=count),
            min_size=count,
            max_size=count,
        )
    )
)
@example([[33, 17], [18, 32]])  # Better than one class, but not clearly.
@example([[14, 36], [0, 350]])
@example([[40, 10, 0], [5, 45, 0], [0, 0, 0]])  # A class without images needs no prediction.
def test_the_cautions_are_those_of_the_document(matrix: list[list[int]]) -> None:
    assume(np.any(matrix))
    assert kinds(matrix) == documented(counted(matrix))


def test_an_accuracy_above_the_largest_class_is_not_enough() -> None:
    matrix = [[33, 17], [18, 32]]
    assert counted(matrix).accuracy == 0.65
    assert "no better than one class" not in kinds(matrix)
    matrix = [[30, 20], [22, 28]]
    assert counted(matrix).accuracy == 0.58
    assert "no better than one class" in kinds(matrix)


@pytest.mark.parametrize(("training", "due"), [(0.86, True), (0.84, False), (0.81, False), (0.8, False)])
def test_a_gap_is_more_than_five_points(training: float, due: bool) -> None:
    assert bool([*cautions.of_gap(training, 0.8)]) is due
