from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.data.dataset import Dataset, Samples
from handgrad.data.split import Splits, complete
from handgrad.errors import DataError
from tests.data.writing import everything

refuse = partial(DataError, "source", "counted")


def counted(*counts: int) -> Samples:
    """The given number of images of each class, each with its own number in its pixels."""
    labels = np.repeat(np.arange(len(counts)), counts)
    numbers = np.arange(len(labels), dtype=np.uint32).view(np.uint8).reshape(-1, 2, 2, 1)
    return Samples(numbers, labels)


def split(*counts: int, seed: int = 0) -> Dataset:
    return complete("counted", Splits(tuple(f"c{n}" for n in range(len(counts))), counted(*counts)), seed, refuse)


@given(st.lists(st.integers(3, 60), min_size=2, max_size=6), st.integers(0, 2**32 - 1))
def test_every_image_is_in_one_split_and_every_class_in_each(counts: list[int], seed: int) -> None:
    dataset = split(*counts, seed=seed)
    whole, found = counted(*counts), everything(dataset)
    order = np.argsort(np.asarray(found.images).reshape(-1, 4).view(np.uint32).ravel())
    np.testing.assert_array_equal(found.images[order], whole.images)
    np.testing.assert_array_equal(found.labels[order], whole.labels)
    for drawn in dataset.splits.values():
        assert np.bincount(drawn.labels, minlength=len(counts)).min() >= 1


def test_shares_are_exact_and_stratified() -> None:
    dataset = split(5923, 6742, 5958)
    assert len(dataset.test) == round(0.2 * 18623)
    assert len(dataset.validation) == round(0.1 * (18623 - len(dataset.test)))
    np.testing.assert_allclose(np.bincount(dataset.test.labels), [0.2 * 5923, 0.2 * 6742, 0.2 * 5958], atol=1)


def test_the_seed_decides() -> None:
    assert split(40, 50, seed=3).checksum() == split(40, 50, seed=3).checksum()
    assert split(40, 50, seed=3).checksum() != split(40, 50, seed=4).checksum()


def test_classes_of_one_size_give_different_indices() -> None:
    dataset = split(40, 40)
    for drawn, share in ((dataset.test, 8), (dataset.validation, 3)):
        numbers = np.sort(np.asarray(drawn.images).reshape(-1, 4).view(np.uint32).ravel())
        first, second = numbers[drawn.labels == 0], numbers[drawn.labels == 1] - 40
        assert min(len(first), len(second)) >= share
        assert first.tolist() != second.tolist()


def test_the_test_split_does_not_depend_on_the_validation_split() -> None:
    """What is held out stays the same where the source has its own validation split."""
    whole = counted(40, 50)
    alone = complete("own", Splits(("a", "b"), whole, validation=counted(1, 1)), 5, refuse)
    assert np.array_equal(alone.test.images, split(40, 50, seed=5).test.images)


def test_own_splits_stay_as_they_are() -> None:
    train, own = counted(10, 10), counted(1, 1)
    dataset = complete("own", Splits(("a", "b"), train, own, own), 0, refuse)
    assert dataset.train is train
    assert dataset.validation is own
    assert dataset.test is own


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((9, 2), "class 'c1' has 2 usable images; at least 3 are needed, one each for training, validation, test; add"),
        ((1, 9), "class 'c0' has 1 usable image;"),
        ((9, 9, 0), "class 'c2' has 0 usable images"),
        ((9,), "only the class 'c0'; a classifier needs two or more; add"),
    ],
)
def test_too_little_to_split(counts: tuple[int, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        split(*counts)


def test_an_own_test_split_needs_one_image_less() -> None:
    splits = Splits(("a", "b"), counted(2, 2), test=counted(1, 1))
    assert len(complete("own", splits, 0, refuse).validation) == 2
