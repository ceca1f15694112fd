"""Which epoch of a training is the best: right most often, then of the smallest loss, then the first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.training import Epoch, Recipe
from handgrad.training.loop import best_epoch, stopped

Figures = list[tuple[float, float]]
FIGURES = st.lists(
    st.tuples(st.sampled_from([0.25, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 2.0])), min_size=1, max_size=12
)


def history(figures: Figures) -> list[Epoch]:
    """Epochs of these validation accuracies and losses; the training figures would choose another."""
    count = len(figures)
    return [
        Epoch(number, count, 1 / number, number / count, loss, accuracy, 0.01, float(number))
        for number, (accuracy, loss) in enumerate(figures, start=1)
    ]


@pytest.mark.parametrize(
    ("figures", "best"),
    [
        ([(0.5, 0.1), (0.9, 0.5), (0.8, 0.2)], 2),
        ([(0.9, 0.5), (0.9, 0.3), (0.9, 0.4)], 2),
        ([(0.9, 0.3), (0.9, 0.3), (0.8, 0.1)], 1),
        ([(0.0, 9.0)], 1),
    ],
)
def test_the_best_epoch(figures: Figures, best: int) -> None:
    assert best_epoch(history(figures)) == best


@given(FIGURES)
def test_no_epoch_is_better(figures: Figures) -> None:
    accuracy, loss = figures[best_epoch(history(figures)) - 1]
    assert accuracy == max(each for each, _ in figures)
    assert loss == min(each for right, each in figures if right == accuracy)
    assert best_epoch(history(figures)) == 1 + figures.index((accuracy, loss))


@given(FIGURES, st.integers(1, 5))
def test_early_stopping_waits_for_its_patience(figures: Figures, patience: int) -> None:
    since = len(figures) - best_epoch(history(figures))
    assert stopped(Recipe(early_stopping=True, patience=patience), history(figures)) == (since >= patience)
    assert not stopped(Recipe(patience=patience), history(figures))
