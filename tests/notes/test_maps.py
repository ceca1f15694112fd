"""N32–N35: K weighted maps, between the notes' plain sum (K = 1, α = 1) and the ordinary convolution (K = z)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.notes import convolution, maps
from handgrad.typing import Array
from tests.notes.strategies import brief, generators, sizes, whole_numbers

Layer = tuple[Array, Array, Array, Array]


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Images X, depth weights α, filters F and errors G at T, in whole numbers."""
    rng, batch, z, K, N = draw(generators), draw(sizes(1, 3)), draw(sizes()), draw(sizes()), draw(sizes())
    x1, y1, x, y = draw(sizes(1, 3)), draw(sizes(1, 3)), draw(sizes(1, 3)), draw(sizes(1, 3))
    X = whole_numbers(rng, batch, x + x1 - 1, y + y1 - 1, z)
    F, G = whole_numbers(rng, x1, y1, K, N), whole_numbers(rng, batch, x, y, N)
    return X, whole_numbers(rng, z, K), F, G


def ordinary(X: Array, weights: Array) -> Array:
    """An ordinary convolution, in loops: weights of shape (x1, y1, depth, filters)."""
    (batch, x, y, z), (x1, y1, _, N) = X.shape, weights.shape
    T = np.zeros((batch, x - x1 + 1, y - y1 + 1, N))
    for s, i, j, n in np.ndindex(*T.shape):
        T[s, i, j, n] = sum(weights[a, b, c, n] * X[s, i + a, j + b, c] for a, b, c in np.ndindex(x1, y1, z))
    return T


@brief
@given(layers())
def test_n32_n33_are_an_ordinary_convolution_of_rank_k(layer: Layer) -> None:
    X, alpha, F, _ = layer
    T = maps.convolve_maps(maps.weigh_depth(X, alpha), F)
    np.testing.assert_array_equal(T, ordinary(X, np.einsum("ck,abkn->abcn", alpha, F)))


@brief
@given(layers(), generators)
def test_n33_one_map_for_each_depth_is_any_ordinary_convolution(layer: Layer, rng: np.random.Generator) -> None:
    X, _, F, _ = layer
    weights = whole_numbers(rng, *F.shape[:2], X.shape[3], 2)
    T = maps.convolve_maps(maps.weigh_depth(X, np.eye(X.shape[3])), weights)
    np.testing.assert_array_equal(T, ordinary(X, weights))


@brief
@given(layers())
def test_n32_to_n35_with_one_map_and_weights_of_one_are_the_notes(layer: Layer) -> None:
    X, _, filters, G = layer
    depth, F = X.shape[3], filters[:, :, 0]
    ones = np.ones((depth, 1))
    S = maps.weigh_depth(X, ones)
    np.testing.assert_array_equal(S[..., 0], X.sum(axis=3))
    np.testing.assert_array_equal(maps.convolve_maps(S, F[:, :, None]), convolution.convolve(X, F))
    np.testing.assert_allclose(
        maps.filter_gradient(S, G)[:, :, 0], convolution.filter_gradient(X, G), rtol=1e-12, atol=1e-12
    )
    error = maps.input_gradient(maps.map_gradient(G, F[:, :, None]), ones)
    np.testing.assert_array_equal(error, convolution.input_gradient(G, F, depth))


@brief
@given(layers())
def test_n34_n35_are_adjoint_to_n33_and_n32(layer: Layer) -> None:
    X, alpha, F, G = layer
    S = maps.weigh_depth(X, alpha)
    forward = np.vdot(maps.convolve_maps(S, F), G)
    errors = maps.map_gradient(G, F)
    assert np.vdot(S, errors) == forward
    assert np.vdot(X, maps.input_gradient(errors, alpha)) == forward
    for parameter, gradient in ((F, maps.filter_gradient(S, G)), (alpha, maps.depth_weight_gradient(X, errors))):
        assert len(X) * np.vdot(parameter, gradient) == pytest.approx(forward, rel=1e-12, abs=1e-8)
