"""Copies and pictures of one object are judged by a network that learned none of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.data import Samples
from handgrad.errors import InputError
from handgrad.review.folds import folds_of, judged


def samples(contents: list[int], labels: list[int]) -> Samples:
    images = np.array(contents, np.uint8).repeat(36).reshape(-1, 6, 6, 1)
    return Samples(images, np.array(labels))


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), st.integers(0, 6)), min_size=4, max_size=40), st.booleans()
)
def test_what_belongs_together_is_in_one_fold(drawn: list[tuple[int, int, int]], grouped: bool) -> None:
    contents, labels, things = map(list, zip(*drawn, strict=True))
    objects = np.array([f"object {each}" for each in things], object) if grouped else None
    folds = folds_of(samples(contents, labels), 3, 1, objects)
    assert set(folds.tolist()) <= {0, 1, 2}
    for one in range(len(drawn)):
        for other in range(one):
            if contents[one] == contents[other] or (grouped and things[one] == things[other]):
                assert folds[one] == folds[other]


def test_every_class_is_spread_evenly() -> None:
    labels = np.repeat([0, 1, 2], [50, 13, 7])
    folds = folds_of(samples(list(range(70)), labels.tolist()), 5)
    for label, count in enumerate((50, 13, 7)):
        spread = np.bincount(folds[labels == label], minlength=5)
        assert spread.max() - spread.min() <= 1, (label, count)
    assert np.bincount(folds).tolist() == [14] * 5


def test_the_seed_draws_them() -> None:
    one, again, other = (folds_of(samples(list(range(30)), [0, 1] * 15), 5, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_a_class_in_one_fold_alone_cannot_be_judged() -> None:
    assert judged(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 0, 1]), 3).tolist() == [True, False, False]


@pytest.mark.parametrize("folds", [1, 5, True])
def test_folds_that_cannot_be(folds: int) -> None:
    with pytest.raises(InputError, match=f"folds={folds}: must be from 2 to the number of images, 4"):
        folds_of(samples([0, 1, 2, 3], [0, 1, 0, 1]), folds)
