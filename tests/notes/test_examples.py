"""The notes' worked examples with their own numbers: N8, N16, N9 in its three readings, N26 and N27."""

from __future__ import annotations

import numpy as np
import pytest

from handgrad.architecture import Architecture
from handgrad.notes import convolution, network, pooling
from handgrad.parameters import Parameters
from handgrad.typing import Array

PAGE = np.array([[0, 0, 0, 0], [0, 8, 0, 5], [0, 8, 10, 0], [0, 0, 0, 0]], float)[None, :, :, None]


def test_n8_the_four_by_four_map_is_pooled_to_its_four_maxima() -> None:
    np.testing.assert_array_equal(pooling.max_pool(PAGE)[0, :, :, 0], [[8, 5], [8, 10]])


def test_n16_the_four_errors_go_back_to_the_four_maxima() -> None:
    E1, E2, E3, E4 = 0.1, -0.2, 0.3, -0.4
    error = pooling.max_pool_backward(np.array([[E1, E2], [E3, E4]])[None, :, :, None], PAGE)
    np.testing.assert_array_equal(error[0, :, :, 0], [[0, 0, 0, 0], [0, E1, 0, E2], [0, E3, E4, 0], [0, 0, 0, 0]])


def test_n9_read_as_an_image_of_100_by_100_pixels() -> None:
    architecture = Architecture()  # the default is this reading
    assert (architecture.input_shape, architecture.hidden, architecture.classes) == ((100, 100, 1), (10,), 2)
    rng = np.random.default_rng(9)
    parameters = Parameters.draw(architecture, rng)
    values = network.forward(parameters, rng.normal(size=(1, 100, 100, 1)).astype(np.float32), np.array([1]))
    assert values["U2"].shape == (1, 48, 48, 16)
    assert [values[name].shape for name in ("x'", "t1'", "t2'", "z")] == [(1, 36864), (1, 10), (1, 2), (1, 2)]
    assert values["z"].sum() == pytest.approx(1)


def drawn() -> Architecture:
    return Architecture(input_shape=(24, 24, 1), stages=((8, 1),), hidden=(10,), classes=2)


def test_n9_read_as_the_dense_half_alone_from_a_vector_of_100() -> None:
    parameters = Parameters.zeros(drawn(), "float64")
    parameters["w1"][:] = np.arange(1, 11) / 100  # x' of ones gives t1' = 1, 2, …, 10
    parameters["b1"][0] = -3  # and the first one is cut off by the ReLU
    parameters["w2"][:, 1] = 1
    parameters["b2"][0] = 54
    values = network.dense_half(parameters, np.ones((1, 100)))
    np.testing.assert_allclose(values["t1'"], [[-2, 2, 3, 4, 5, 6, 7, 8, 9, 10]], rtol=1e-12)
    np.testing.assert_allclose(values["h1'"], [[0, 2, 3, 4, 5, 6, 7, 8, 9, 10]], rtol=1e-12)
    np.testing.assert_allclose(values["t2'"], [[54, 54]], rtol=1e-12)
    np.testing.assert_allclose(values["z"], [[0.5, 0.5]], rtol=1e-12)


def test_n9_read_as_a_pooled_map_of_10_by_10_that_flattens_to_100() -> None:
    rng = np.random.default_rng(24)
    parameters = Parameters.draw(drawn(), rng, "float64")
    values = network.forward(parameters, rng.normal(size=(1, 24, 24, 1)), np.array([0]))
    assert values["U2"].shape == (1, 10, 10, 1)
    np.testing.assert_array_equal(values["x'"], values["U2"].reshape(1, 100))
    alone = network.dense_half(parameters, values["x'"])
    np.testing.assert_array_equal(alone["z"], values["z"])


# The page counts from 1: PABC is row A, column B, depth C.
P = np.array(
    [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103.0]
)
P = P.reshape(3, 3, 3)
(P111, P112, P113), (P121, P122, P123), (P131, P132, P133) = P[0]
(P211, P212, P213), (P221, P222, P223), _ = P[1]
F = np.array([[F11 := 1.0, F12 := -10.0], [F21 := 100.0, F22 := 1000.0]])


def test_n26_r11_term_by_term() -> None:
    R11 = (
        F11 * (P111 + P112 + P113)
        + F12 * (P121 + P122 + P123)
        + F21 * (P211 + P212 + P213)
        + F22 * (P221 + P222 + P223)
    )
    assert R11 == 10 - 310 + 9700 + 131000
    assert convolution.response(P, F, 0, 0) == R11
    assert convolution.convolve(P[None], F[..., None])[0, 0, 0, 0] == R11


def test_n26_every_response_is_the_convolution_at_its_offset() -> None:
    R = convolution.convolve(P[None], F[..., None])[0, :, :, 0]
    assert R.shape == (2, 2)
    np.testing.assert_array_equal(R, [[convolution.response(P, F, i, j) for j in range(2)] for i in range(2)])


def test_n26_the_general_sum_without_its_offset_would_give_one_number_four_times() -> None:
    without_offset = sum(F[a, b] * P[a, b].sum() for a in range(2) for b in range(2))
    R = convolution.convolve(P[None], F[..., None])[0, :, :, 0]
    assert R[0, 0] == without_offset
    assert np.count_nonzero(without_offset == R) == 1


def slope(i: int, j: int, a: int, b: int) -> float:
    """∂R_ij/∂F_ab by raising F_ab by one: exact, R is linear in F."""
    raised: Array = F.copy()
    raised[a, b] += 1
    return convolution.response(P, raised, i, j) - convolution.response(P, F, i, j)


def test_n27_the_first_line_and_what_the_second_means() -> None:
    assert convolution.response_derivative(P, 0, 0, 0, 0) == slope(0, 0, 0, 0) == P111 + P112 + P113
    assert convolution.response_derivative(P, 0, 0, 0, 1) == slope(0, 0, 0, 1) == P121 + P122 + P123


def test_n27_the_second_line_as_written_is_another_derivative() -> None:
    assert convolution.response_derivative(P, 0, 1, 0, 1) == slope(0, 1, 0, 1) == P131 + P132 + P133
    assert P131 + P132 + P133 != P121 + P122 + P123
