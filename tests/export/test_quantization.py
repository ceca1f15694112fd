"""Weights of eight bits: how far they are off, and what becomes of weights that leave no scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.architecture import Architecture
from handgrad.export.quantization import quantize, rounded
from tests.notes.strategies import architectures, brief, filled, generators


@given(generators, st.integers(-30, 30), st.sampled_from(["float32", "float64"]))
def test_no_weight_is_off_by_more_than_half_a_step(rng: np.random.Generator, power: int, dtype: str) -> None:
    weights = (10.0**power * rng.normal(size=(3, 3, 5)) * 10.0 ** rng.integers(-3, 3, 5)).astype(dtype)
    integers, scale = quantize(weights)
    step = np.abs(weights).max(axis=(0, 1)) / 127
    assert np.abs(integers * scale.astype(np.float64) - weights).max(axis=(0, 1)) == pytest.approx(
        0, abs=float((0.51 * step).max())
    )
    assert (np.abs(integers.astype(int)).max(axis=(0, 1)) == 127).all()


def test_zeros_and_the_smallest_floats_stay_finite() -> None:
    weights = np.array([[0.0, 1e-45, -1e-38]], np.float32)
    integers, scale = quantize(weights)
    assert np.isfinite(scale).all()
    assert (scale > 0).all()
    assert np.abs(integers * scale - weights).max() <= 1e-38
    assert integers[0, 0] == 0


@brief
@given(architectures(), generators)
def test_only_filters_and_dense_weights_are_rounded(architecture: Architecture, rng: np.random.Generator) -> None:
    parameters = filled(architecture, rng)
    before = parameters.copy()
    result = rounded(parameters)
    assert (parameters.vector == before.vector).all()
    for name in parameters:
        changed = bool((result[name] != parameters[name]).any())
        if name not in architecture.decayed:
            assert not changed
        elif parameters[name].size > 100:
            assert changed
