"""The order of a sweep's trials, the best first."""

from __future__ import annotations

import itertools
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handgrad.sweep.trials import Trial

SHARES, LOSSES = st.sampled_from([0.0, 0.5, 0.75, 1.0]), st.sampled_from([0.0, 0.25, 0.5, 4.0])


def trial(number: int, state: str, accuracy: float, loss: float) -> Trial:
    figures = (math.nan, math.nan) if state == "failed" else (accuracy, loss)
    return Trial(number, state, *figures, epochs=3, options={})


def ranked(*trials: Trial) -> list[int]:
    return [one.number for one in sorted(trials, key=lambda one: one.rank)]


def test_trials_are_ranked_by_state_then_accuracy_then_loss() -> None:
    trials = [
        trial(1, "finished", 0.9, 0.3),
        trial(2, "finished", 0.9, 0.4),
        trial(3, "finished", 0.8, 0.1),
        trial(4, "stopped", 0.95, 0.2),
        trial(5, "stopped", 0.95, 0.3),
        trial(6, "failed", math.nan, math.nan),
    ]
    for order in itertools.permutations(trials):
        assert ranked(*order) == [1, 2, 3, 4, 5, 6]


@given(st.lists(st.tuples(st.sampled_from(["finished", "stopped", "failed"]), SHARES, LOSSES), min_size=1))
def test_no_trial_is_better_than_the_first(drawn: list[tuple[Any, float, float]]) -> None:
    trials = [trial(number, *one) for number, one in enumerate(drawn)]
    best = trials[ranked(*trials)[0]]
    for other in trials:
        if best.state == "finished" == other.state or best.state == "stopped" == other.state:
            assert best.validation_accuracy >= other.validation_accuracy
            if best.validation_accuracy == other.validation_accuracy:
                assert best.validation_loss <= other.validation_loss
        assert ["finished", "stopped", "failed"].index(best.state) <= (
            ["finished", "stopped", "failed"].index(other.state)
        )


def test_equal_trials_stay_in_the_order_of_their_numbers() -> None:
    twins = [trial(number, "finished", 0.9, 0.3) for number in (1, 2, 3)]
    assert ranked(*twins) == [1, 2, 3]
