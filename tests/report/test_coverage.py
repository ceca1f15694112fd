"""Thresholds: what they leave of some images, and the lowest one that reaches an accuracy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.errors import InputError
from handgrad.report.coverage import (
    GOALS,
    THRESHOLDS,
    UNKNOWN,
    answered,
    at,
    check_threshold,
    coverage,
    lowest_threshold,
)

CONFIDENT = np.array([0.6, 0.7, 0.9, 0.95, 0.99], np.float32)
PROBABILITIES = np.stack([CONFIDENT, 1 - CONFIDENT], axis=1)


def test_what_is_answered_above_a_threshold() -> None:
    labels = np.array([1, 0, 1, 0, 0])
    found = at((PROBABILITIES, labels), 0.7)
    assert (found.images, found.coverage, found.accuracy) == (4, 0.8, 0.75)
    assert found.coverage_interval == pytest.approx((0.3755, 0.9638), abs=1e-4)
    assert at((PROBABILITIES, labels), 0).images == 5
    none = at((PROBABILITIES, labels), 1)
    assert (none.images, none.coverage, none.accuracy, none.accuracy_interval) == (0, 0.0, None, (0.0, 1.0))


def test_a_probability_that_prints_as_the_threshold_is_answered() -> None:
    for number in ("0.1", "0.7", "0.9", "0.99", "0.999"):
        row = np.array([[np.float32(number), 0]], np.float32)
        assert answered(row, float(number)).all()
        assert not answered(np.nextafter(row, np.float32(0)), float(number)).any()


@given(st.lists(st.tuples(st.floats(0.5, 1, width=32), st.booleans()), min_size=1, max_size=30), st.sampled_from(GOALS))
def test_the_lowest_threshold_reaches_its_goal_and_none_below_it_does(
    drawn: list[tuple[float, bool]], goal: float
) -> None:
    highest = np.array([one for one, _ in drawn], np.float32)
    predicted = np.stack([highest, 1 - highest], axis=1), np.array([0 if right else 1 for _, right in drawn])
    # Ties between the two classes are decided for the first.
    found = lowest_threshold(predicted, goal)
    reached = [each for one in (0.0, *highest.tolist()) if ((each := at(predicted, one)).accuracy or 0) >= goal]
    if found is None:
        assert not reached
    else:
        chosen = at(predicted, found)
        assert chosen.accuracy is not None
        assert chosen.accuracy >= goal
        assert chosen.images == max(each.images for each in reached)


def test_a_threshold_has_few_digits() -> None:
    labels = np.array([1, 1, 0, 0, 0])
    assert lowest_threshold((PROBABILITIES, labels), 0.9) == 0.8
    assert lowest_threshold((PROBABILITIES, np.zeros(5, int)), 0.9) == 0.0
    assert lowest_threshold((PROBABILITIES, np.ones(5, int)), 0.9) is None


def test_the_curve_is_measured_on_every_split_and_chosen_on_one() -> None:
    splits = {"validation": (PROBABILITIES, np.array([1, 1, 0, 0, 0])), "test": (PROBABILITIES, np.zeros(5, int))}
    found = coverage(splits, "validation")
    assert [each["threshold"] for each in found["curve"]] == list(THRESHOLDS)
    assert found["chosen_on"] == "validation"
    assert [each["goal"] for each in found["suggested"]] == list(GOALS)
    assert found["suggested"][0]["threshold"] == 0.8
    assert found["suggested"][0]["validation"]["accuracy"] == 1
    assert found["suggested"][0]["test"]["coverage"] == 0.6
    assert coverage({"test": splits["test"]}).keys() == {"curve"}


@pytest.mark.parametrize(
    ("threshold", "words"),
    [
        (70, "must be a probability from 0 to 1; write 70 percent as 0.7"),
        (-0.1, "must be a probability from 0 to 1; use e.g. 0.9"),
        (float("nan"), "must be a probability from 0 to 1; use e.g. 0.9"),
        (0.5, 'the model has a class named "don\'t know"'),
    ],
)
def test_what_is_no_threshold_is_refused(threshold: float, words: str) -> None:
    with pytest.raises(InputError) as caught:
        check_threshold(threshold, ("a", UNKNOWN))
    assert words in str(caught.value)
    check_threshold(None, (UNKNOWN,))
