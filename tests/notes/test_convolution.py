"""N1–N3, N6 and N28–N30: the convolution against its sum, and its derivatives against each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.errors import InputError
from handgrad.notes import convolution
from handgrad.typing import Array
from tests.notes.strategies import brief, generators, sizes, whole_numbers


@st.composite
def layers(draw: st.DrawFn) -> tuple[Array, Array, Array]:
    """Images X, filters F and errors G at T = X @ F, in whole numbers."""
    rng, batch, z, N = draw(generators), draw(sizes()), draw(sizes()), draw(sizes())
    x1, y1, x, y = draw(sizes()), draw(sizes()), draw(sizes()), draw(sizes())
    X = whole_numbers(rng, batch, x + x1 - 1, y + y1 - 1, z)
    return X, whole_numbers(rng, x1, y1, N), whole_numbers(rng, batch, x, y, N)


@brief
@given(layers())
def test_n2_n3_n6_the_convolution_is_its_sum_over_filter_and_depth(layer: tuple[Array, Array, Array]) -> None:
    X, F, G = layer
    T = np.zeros_like(G)
    for s, i, j, n in np.ndindex(*T.shape):
        T[s, i, j, n] = sum(F[a, b, n] * X[s, i + a, j + b, c] for a, b, c in np.ndindex(*F.shape[:2], X.shape[3]))
    np.testing.assert_array_equal(convolution.convolve(X, F), T)


@brief
@given(layers())
def test_n28_n29_n30_the_derivatives_are_adjoint_to_the_convolution(layer: tuple[Array, Array, Array]) -> None:
    """``⟨X @ F, G⟩ = ⟨X, ∂⟨T, G⟩/∂X⟩ = ⟨F, ∂⟨T, G⟩/∂F⟩``, exactly in whole numbers; @ is linear in X and in F."""
    X, F, G = layer
    forward = np.vdot(convolution.convolve(X, F), G)
    assert np.vdot(X, convolution.input_gradient(G, F, X.shape[3])) == forward
    assert np.vdot(F, convolution.filter_gradient(X, G) * len(X)) == pytest.approx(forward, rel=1e-12, abs=1e-9)


@brief
@given(layers())
def test_n28_is_the_convolution_with_the_error_maps_in_the_filters_place(layer: tuple[Array, Array, Array]) -> None:
    X, _, G = layer
    one_by_one = [convolution.convolve(X[s : s + 1], G[s])[0] for s in range(len(X))]
    np.testing.assert_allclose(convolution.filter_gradient(X, G), np.mean(one_by_one, axis=0), rtol=1e-12, atol=1e-12)


@brief
@given(layers())
def test_n29_is_the_padded_convolution_of_each_error_map_with_its_turned_filter(
    layer: tuple[Array, Array, Array],
) -> None:
    X, F, G = layer
    x1, y1, N = F.shape
    padded = np.pad(G, ((0, 0), (x1 - 1, x1 - 1), (y1 - 1, y1 - 1), (0, 0)))
    one_by_one = [convolution.convolve(padded[..., [n]], convolution.turned(F[..., [n]])) for n in range(N)]
    gradient = convolution.input_gradient(G, F, X.shape[3])
    np.testing.assert_array_equal(gradient, np.broadcast_to(sum(one_by_one), X.shape))


def test_n29_read_literally_holds_for_one_filter_only() -> None:
    G, F = np.array([[[[1.0, 2.0]]]]), np.array([[[3.0, 5.0]]])
    literal = convolution.convolve(G, convolution.turned(F)).sum()  # (1 + 2) · (3 + 5): the error summed over depth
    assert (literal, convolution.input_gradient(G, F, 1).item()) == (24.0, 1 * 3 + 2 * 5)
    one = F[..., :1]
    assert convolution.convolve(G[..., :1], convolution.turned(one)) == convolution.input_gradient(G[..., :1], one, 1)


@pytest.mark.parametrize("F", [np.ones((3, 3)), np.ones((3, 3, 0)), np.ones((3, 3, 2), int)], ids=str)
def test_n1_what_is_no_set_of_filters_is_refused(F: Array) -> None:
    with pytest.raises(InputError, match="N1"):
        convolution.filters(F)
