"""The optimizer's kernels take the steps of ``handgrad.optimizer``."""

from __future__ import annotations

import numpy as np
import pytest

from handgrad import optimizer as plain
from handgrad.architecture import Architecture
from handgrad.fused import optimizer as fused
from handgrad.fused.team import Team
from handgrad.parameters import Parameters
from handgrad.training import Recipe
from handgrad.training.recipe import OptimizerName

SIZES = Architecture(input_shape=(12, 12, 1), stages=((3, 2),), hidden=(7,))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_steps_are_those_of_the_plain_optimizer(dtype: str, threads: int, name: OptimizerName) -> None:
    rng = np.random.default_rng(0)
    start = Parameters.draw(SIZES, rng, dtype)
    one, other = start.copy(), start.copy()
    recipe = Recipe(optimizer=name, weight_decay=0.01)
    by_numpy, by_kernel = plain.create(recipe, one), fused.create(recipe, other, Team(threads))
    for step in range(8):
        gradient = Parameters(SIZES, rng.normal(size=len(start.vector)).astype(dtype))
        by_numpy.update(one, gradient, 0.1 / (step + 1))
        by_kernel.update(other, gradient, 0.1 / (step + 1))
    assert other.vector.dtype == dtype
    assert not np.array_equal(other.vector, start.vector)
    np.testing.assert_allclose(other.vector, one.vector, rtol=0, atol=2e-6 if dtype == "float32" else 1e-14)
