"""N14, N15 and N17: softmax and cross entropy at any size of logits, and the three ways to write a label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from handgrad.errors import InputError
from handgrad.notes import loss
from handgrad.typing import Array
from tests.notes.strategies import brief, dtypes, generators, sizes


def labelled(rng: np.random.Generator, scale: float) -> tuple[Array, Array]:
    """Logits of that scale, and soft labels."""
    return rng.normal(size=(3, 4)) * scale, rng.dirichlet(np.ones(4), size=3)


@brief
@given(generators)
def test_n14_n15_are_their_formulas_where_nothing_overflows(rng: np.random.Generator) -> None:
    t, y = labelled(rng, 3)
    z = np.exp(t) / np.exp(t).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(loss.softmax(t), z, rtol=1e-13)
    np.testing.assert_allclose(loss.cross_entropy(t, y), -(y * np.log(z)).sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_n14_n15_n17_hold_at_logits_of_ten_thousand(dtype: str) -> None:
    t = np.array([[1e4, -1e4], [-1e4, 1e4], [1e4, 1e4], [-1e4, -1e4]], dtype)
    y = np.tile(np.array([1, 0], dtype), (4, 1))
    z = loss.softmax(t)
    np.testing.assert_array_equal(z, [[1, 0], [0, 1], [0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_allclose(loss.cross_entropy(t, y), [0, 2e4, np.log(2), np.log(2)], rtol=1e-6)
    np.testing.assert_array_equal(
        loss.softmax_cross_entropy_backward(z, y), [[0, 0], [-1, 1], [-0.5, 0.5], [-0.5, 0.5]]
    )
    assert {array.dtype for array in (z, loss.cross_entropy(t, y))} == {np.dtype(dtype)}


@brief
@given(generators)
def test_n14_n15_do_not_see_a_shift_of_all_logits(rng: np.random.Generator) -> None:
    t, y = labelled(rng, 3)
    np.testing.assert_allclose(loss.softmax(t + 1e4), loss.softmax(t), rtol=1e-10)
    np.testing.assert_allclose(loss.cross_entropy(t - 1e4, y), loss.cross_entropy(t, y), rtol=1e-10)


@brief
@given(generators)
def test_n15_is_least_and_n17_zero_where_the_probabilities_are_the_ideal(rng: np.random.Generator) -> None:
    _, y = labelled(rng, 1)
    best = np.log(y)
    np.testing.assert_allclose(loss.softmax_cross_entropy_backward(loss.softmax(best), y), 0, atol=1e-15)
    elsewhere = best + rng.normal(size=best.shape)
    assert np.all(loss.cross_entropy(best, y) < loss.cross_entropy(elsewhere, y))


@brief
@given(generators)
def test_n17_is_the_half_step_through_z_times_the_derivative_of_the_softmax(rng: np.random.Generator) -> None:
    t, y = labelled(rng, 2)
    z = loss.softmax(t)
    half = loss.cross_entropy_backward(z, y)
    through = np.stack([half[s] @ (np.diag(z[s]) - np.outer(z[s], z[s])) for s in range(len(z))])
    np.testing.assert_allclose(loss.softmax_cross_entropy_backward(z, y), through, rtol=1e-10, atol=1e-13)


def test_n17_the_half_step_says_minus_infinity_where_an_expected_class_has_no_probability_left() -> None:
    z, y = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
    np.testing.assert_array_equal(loss.cross_entropy_backward(z, y), [[-np.inf, 0]])


@brief
@given(generators, sizes(2, 5), dtypes)
def test_class_numbers_and_one_hot_rows_mean_the_same(rng: np.random.Generator, classes: int, dtype: str) -> None:
    numbers = rng.integers(classes, size=6)
    rows = np.zeros((6, classes))
    rows[np.arange(6), numbers] = 1
    expected = loss.ideal(numbers, classes, np.dtype(dtype))
    np.testing.assert_array_equal(expected, rows)
    for same in (rows, rows.astype(np.float32), rows.astype(int), numbers.astype(np.uint8)):
        y = loss.ideal(same, classes, np.dtype(dtype))
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, expected)


def test_soft_rows_are_taken_as_they_are_and_not_shared() -> None:
    rows = np.array([[0.25, 0.75]])
    y = loss.ideal(rows, 2, np.dtype("f8"))
    np.testing.assert_array_equal(y, rows)
    assert not np.shares_memory(y, rows)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.array([0, 3]), "labels=3: class numbers are 0 to 2"),
        (np.array([-1, 0]), "labels=-1: class numbers"),
        (np.array([0.0, 1.0]), "integers"),
        (np.array([[0.5, 0.5]]), r"rows \(batch, 3\)"),
        (np.zeros((1, 1, 3)), r"rows \(batch, 3\)"),
        (np.array([[1.0, 0, 0], [0.5, 0.5, 0.5]]), r"labels=\[0.5 0.5 0.5\]: each row must be a distribution"),
        (np.array([[1.0, 0, 0], [-0.5, 1, 0.5]]), r"labels=\[-0.5 1. 0.5\]: each row must be a distribution"),
        (np.array([[np.nan, 1, 0]]), "distribution"),
        (np.array([[np.inf, 0, 0]]), "distribution"),
        (np.array([[np.inf, -np.inf, 1]]), "distribution"),
    ],
)
def test_what_is_no_ideal_output_is_refused_by_its_value(labels: Array, words: str) -> None:
    with pytest.raises(InputError, match=words):
        loss.ideal(labels, 3, np.dtype("f8"))
