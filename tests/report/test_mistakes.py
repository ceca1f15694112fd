"""The most confident mistakes come first."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from handgrad.data import Samples
from handgrad.report.mistakes import surest_mistakes
from tests.notes.strategies import generators


@given(generators, st.integers(2, 5), st.integers(1, 60), st.integers(1, 10))
def test_any_predictions(rng: np.random.Generator, classes: int, images: int, count: int) -> None:
    probabilities, labels = rng.dirichlet(np.ones(classes), images), rng.integers(0, classes, images)
    names = tuple(map(str, range(classes)))
    samples = Samples(np.zeros((images, 6, 6, 1), np.uint8), labels, np.arange(images).astype(str).astype(object))
    found = surest_mistakes(probabilities, samples, names, count)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    assert len(found) == min(count, len(wrong))
    for mistake in found:
        row = probabilities[mistake.index]
        assert (int(mistake.expected), int(mistake.predicted)) == (labels[mistake.index], row.argmax())
        assert mistake.expected != mistake.predicted
        assert mistake.path == str(mistake.index)
        assert (mistake.probability, mistake.probability_of_the_expected) == (row.max(), row[labels[mistake.index]])
    sure = [mistake.probability for mistake in found]
    assert sure == sorted(sure, reverse=True)
    left_out = np.setdiff1d(wrong, [mistake.index for mistake in found])
    assert not len(left_out) or probabilities[left_out].max() <= sure[-1]
