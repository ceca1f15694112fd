"""N11, N13, N18–N20, N22 and N23: a dense layer, and that its three derivatives are adjoint to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from handgrad.notes import dense, descent
from tests.notes.strategies import brief, dtypes, generators, sizes, whole_numbers


@brief
@given(generators, sizes(), sizes(), sizes())
def test_n11_n13_is_the_weighted_sum_and_the_bias(
    rng: np.random.Generator, batch: int, inputs: int, outputs: int
) -> None:
    x, w, b = whole_numbers(rng, batch, inputs), whole_numbers(rng, inputs, outputs), whole_numbers(rng, outputs)
    t = dense.dense(x, w, b)
    assert t.shape == (batch, outputs)
    for s, o in np.ndindex(*t.shape):
        assert t[s, o] == sum(x[s, i] * w[i, o] for i in range(inputs)) + b[o]


@brief
@given(generators, sizes(), sizes(), sizes())
def test_n18_n19_n20_n22_n23_are_adjoint_to_the_layer(
    rng: np.random.Generator, batch: int, inputs: int, outputs: int
) -> None:
    x, w, error = (
        whole_numbers(rng, batch, inputs),
        whole_numbers(rng, inputs, outputs),
        rng.normal(size=(batch, outputs)),
    )
    b = rng.normal(size=outputs)
    linear = np.vdot(dense.dense(x, w, np.zeros(outputs)), error)
    assert np.vdot(x, dense.input_gradient(error, w)) == pytest.approx(linear, rel=1e-12, abs=1e-10)
    assert batch * np.vdot(w, dense.weight_gradient(x, error)) == pytest.approx(linear, rel=1e-12, abs=1e-10)
    shifted = np.vdot(dense.dense(np.zeros_like(x), w, b), error)
    assert batch * np.vdot(b, dense.bias_gradient(error)) == pytest.approx(shifted, rel=1e-12, abs=1e-10)


@brief
@given(generators, dtypes)
def test_n31_moves_against_the_gradient_and_keeps_the_precision(rng: np.random.Generator, dtype: str) -> None:
    theta, gradient = (rng.normal(size=5).astype(dtype) for _ in range(2))
    moved = descent.step(theta, gradient, 0.25)
    assert moved.dtype == theta.dtype
    np.testing.assert_allclose((theta - moved) / 0.25, gradient, rtol=1e-4, atol=1e-5)
