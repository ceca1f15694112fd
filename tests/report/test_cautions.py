"""Each caution comes when it must, and not before."""

from __future__ import annotations

import numpy as np
import pytest

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
def test_a_fault_is_told(matrix: list[list[int]], kind: str) -> None:
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
def test_what_is_no_fault_is_not_told(matrix: list[list[int]], kind: str) -> None:
    assert kind not in kinds(matrix)


def test_classes_are_named_and_many_are_counted() -> None:
    matrix = np.diag([100] * 10)
    matrix[:7, 9], matrix[range(7), range(7)] = 100, 0
    (never,) = [each for each in cautions.of_figures(counted(matrix.tolist())) if each.kind == "never predicted"]
    assert never.text.startswith("7 classes, “a”, “b”, “c”, “d”, “e” and 2 more, are never predicted")


def test_a_gap_between_training_and_validation() -> None:
    (gap,) = cautions.of_gap(1.0, 0.9)
    assert "100 % of the training pictures are right and 90.0 % of the validation pictures" in gap.text
    assert not [*cautions.of_gap(0.97, 0.95)]
    assert not [*cautions.of_gap(0.8, 0.95)]


def test_pictures_that_two_parts_share() -> None:
    one, many = cautions.of_duplicates({("validation", "training"): 1, ("test", "training"): 1234})
    assert one.text.startswith("1 validation picture is also")
    assert many.text.startswith("1,234 test pictures are also, pixel by pixel, in the training part")
