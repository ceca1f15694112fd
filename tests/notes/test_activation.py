"""N4, N5, N12 and N21: the ReLU and its derivative."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from handgrad.notes import activation
from tests.notes.strategies import brief, generators, whole_numbers


@brief
@given(generators)
def test_n4_n5_n12_the_relu_keeps_what_is_positive(rng: np.random.Generator) -> None:
    t = whole_numbers(rng, 3, 4)
    expected = [[value if value > 0 else 0 for value in row] for row in t]
    np.testing.assert_array_equal(activation.relu(t), expected)


@brief
@given(generators)
def test_n21_the_error_passes_where_the_relu_was_open(rng: np.random.Generator) -> None:
    t, error = whole_numbers(rng, 3, 4), rng.normal(size=(3, 4))
    np.testing.assert_array_equal(activation.relu_backward(error, t)[t > 0], error[t > 0])
    assert not activation.relu_backward(error, t)[t <= 0].any()


def test_n4_the_derivative_at_zero_is_zero_on_both_sides_of_the_sign() -> None:
    np.testing.assert_array_equal(activation.relu_derivative(np.array([-0.0, 0.0, 5e-324])), [0, 0, 1])


def test_n4_nan_stays_nan() -> None:
    assert np.isnan(activation.relu(np.array([np.nan]))).all()
