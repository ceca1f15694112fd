"""Wrong labels are found, and come first."""

from __future__ import annotations

import numpy as np

from handgrad.architecture import Architecture
from handgrad.data import Samples, read
from handgrad.review.doubt import doubts
from handgrad.review.folds import folds_of
from handgrad.review.training import Plan, out_of_fold
from handgrad.training import Recipe


def test_a_rare_class_is_answered_where_it_reaches_its_own_threshold() -> None:
    """Its pictures are never the likeliest, since networks know it little."""
    labels = np.array([0] * 9 + [1, 1])
    below = doubts(np.array([[0.9, 0.1]] * 8 + [[0.6, 0.4], [0.62, 0.38], [0.55, 0.45]]), labels)
    assert (below.indices.tolist(), below.answers.tolist(), below.expected) == ([9, 10], [0, 0], 0)
    above = doubts(np.array([[0.9, 0.1]] * 8 + [[0.55, 0.45], [0.62, 0.38], [0.6, 0.4]]), labels)
    assert (above.indices.tolist(), above.answers.tolist(), above.expected) == ([9, 10, 8], [0, 0, 1], 1)


def test_classes_that_cannot_be_judged_are_not_doubted() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    assert doubts(probabilities, np.array([0, 0, 1])).indices.tolist() == [2]
    found = doubts(probabilities, np.array([0, 0, 1]), np.array([True, False]))
    assert (found.indices.size, found.expected) == (0, 0)


def test_flipped_labels_of_the_digits_come_first() -> None:
    """At chance it would be 1 in 20; docs/review.md has the figures of larger networks."""
    digits = read("digits").train
    rng = np.random.default_rng(0)
    wrong = rng.choice(len(digits), 90, replace=False)
    labels = digits.labels.copy()
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, 90)) % 10
    samples = Samples(digits.images, labels)
    # The network of other tests, whose kernels are compiled already.
    plan = Plan(Architecture(input_shape=(8, 8, 1), classes=10, stages=((8, 8),), hidden=(32,)), Recipe(epochs=12))
    probabilities = out_of_fold(samples, tuple("0123456789"), folds_of(samples), plan)
    found = doubts(probabilities, labels)
    assert np.isin(found.indices[:90], wrong).mean() > 0.75
    assert np.isin(wrong, found.indices).mean() > 0.9
