"""The learning rate of each step: up, down, never 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.training.schedule import learning_rate


@given(st.integers(1, 2000))
def test_one_cycle_is_positive_rises_to_the_highest_rate_and_falls(steps: int) -> None:
    rates = np.array([learning_rate("one-cycle", 0.5, step, steps) for step in range(steps)])
    assert (rates > 0).all()
    assert (rates <= 0.5).all()
    top = int(rates.argmax())
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()


@pytest.mark.parametrize("steps", [100, 600, 5001])
def test_one_cycle_has_its_shape(steps: int) -> None:
    rates = [learning_rate("one-cycle", 0.5, step, steps) for step in range(steps)]
    assert rates[0] == pytest.approx(0.02)
    assert max(rates) == pytest.approx(0.5, rel=1e-2)
    assert np.argmax(rates) == pytest.approx(steps / 4, abs=1)
    assert rates[-1] < 0.5e-3
    assert rates[(steps + int(np.argmax(rates))) // 2] == pytest.approx(0.25, rel=0.05)


def test_a_constant_rate_is_constant() -> None:
    assert {learning_rate("constant", 0.3, step, 10) for step in range(10)} == {0.3}
