"""N7, N10, N24 and N25: the maximum, its ties, what fills no window, and the way to the vector and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from handgrad.notes import pooling
from handgrad.typing import Array
from tests.notes.strategies import brief, generators, sizes, whole_numbers


@st.composite
def maps(draw: st.DrawFn) -> tuple[Array, int]:
    """Maps full of ties, any row or column left over, and the side of their windows."""
    p = draw(sizes(1, 3))
    shape = draw(sizes(1, 2)), draw(sizes(p, 7)), draw(sizes(p, 7)), draw(sizes(1, 3))
    return whole_numbers(draw(generators), *shape, most=2), p


@brief
@given(maps())
def test_n7_is_the_maximum_of_every_whole_window(drawn: tuple[Array, int]) -> None:
    T, p = drawn
    U = pooling.max_pool(T, p)
    assert U.shape == (len(T), T.shape[1] // p, T.shape[2] // p, T.shape[3])
    for s, i, j, n in np.ndindex(*U.shape):
        assert U[s, i, j, n] == max(T[s, i * p + a, j * p + b, n] for a in range(p) for b in range(p))


@brief
@given(maps(), generators)
def test_n25_the_first_maximum_of_a_window_takes_all_of_its_error(
    drawn: tuple[Array, int], rng: np.random.Generator
) -> None:
    T, p = drawn
    U = pooling.max_pool(T, p)
    error = rng.normal(size=U.shape)
    expected = np.zeros_like(T)
    for s, i, j, n in np.ndindex(*U.shape):
        cells = [(i * p + a, j * p + b) for a in range(p) for b in range(p)]
        x, y = next(cell for cell in cells if T[s, *cell, n] == U[s, i, j, n])
        expected[s, x, y, n] = error[s, i, j, n]
    np.testing.assert_array_equal(pooling.max_pool_backward(error, T, p), expected)


def test_n25_a_window_of_equal_cells_gives_its_error_to_the_first() -> None:
    error = pooling.max_pool_backward(np.full((1, 1, 1, 1), 7.0), np.zeros((1, 3, 3, 1)))
    np.testing.assert_array_equal(error[0, :, :, 0], [[7, 0, 0], [0, 0, 0], [0, 0, 0]])


def test_n7_n25_nan_stays_nan_and_takes_the_error() -> None:
    T = np.array([[[[5.0], [np.nan]], [[9.0], [np.nan]]]])
    assert np.isnan(pooling.max_pool(T)).all()
    np.testing.assert_array_equal(pooling.max_pool_backward(np.ones((1, 1, 1, 1)), T)[0, :, :, 0], [[0, 1], [0, 0]])


@brief
@given(maps())
def test_n24_is_the_inverse_of_n10_in_row_major_order(drawn: tuple[Array, int]) -> None:
    U, _ = drawn
    x = pooling.flatten(U)
    _, _, columns, N = U.shape
    for s, i, j, n in np.ndindex(*U.shape):
        assert x[s, (i * columns + j) * N + n] == U[s, i, j, n]
    np.testing.assert_array_equal(pooling.unflatten(x, U.shape[1:]), U)
