"""The trials of a sweep: trainings of which those that fall behind are stopped early."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from handgrad.data.cache import Cache
from handgrad.runs import Run, TrainingOptions
from handgrad.sweep.space import Options
from handgrad.training import Epoch, Recipe
from handgrad.training.loop import best_epoch, stopped
from handgrad.typing import Progress

RUNGS = (25, 50)
"""Percent of its steps after which a trial is compared with the others; the first comes after the learning rate's
maximum. The lower half is stopped."""

FAILURES = 2
"""How often a trial is repeated if its process is lost."""


@dataclass(frozen=True)
class Trial:
    """One training of a sweep, after its end; its state is finished, stopped or failed, its number from 1.

    The figures are those of the last epoch, or of the one that early stopping would keep; NaN if it failed.
    """

    number: int
    state: str
    validation_accuracy: float
    validation_loss: float
    epochs: int
    options: Options
    error: str = ""

    @property
    def rank(self) -> tuple[bool, float, float]:
        """Sort key; the best trial, which has finished, has the smallest."""
        if self.state == "failed":
            return True, math.inf, math.inf
        return self.state != "finished", -self.validation_accuracy, self.validation_loss


class Report(NamedTuple):
    """Where a trial stands after an epoch: the percent of its steps, 100 at its end, and its figures."""

    percent: float
    validation_accuracy: float
    validation_loss: float
    epochs: int


class Plan(NamedTuple):
    """What all trials share: the options that the space leaves out, and the cache of images."""

    base: TrainingOptions
    cache: Cache | None


class Scheduler(Protocol):
    """Has trials trained: those with these options, with what it needs to continue in a folder."""

    @property
    def name(self) -> str:
        """What a sweep knows it by, whose trials only it can continue."""

    def __call__(self, options: Sequence[Options], plan: Plan, folder: Path, progress: Progress) -> list[Trial]:
        """Return all trials after their end, in any order."""


def reports(run: Run) -> Iterator[Report]:
    """Train a trial, and yield where it stands after each epoch; first, where it stands now."""
    recipe, history = run.options.recipe, run.state.history
    if history:
        yield _report(recipe, history)
    for event in run.events():
        if isinstance(event, Epoch):
            yield _report(recipe, history)


def _report(recipe: Recipe, history: list[Epoch]) -> Report:
    last = history[-1]
    over = last.epoch == last.epochs or stopped(recipe, history)
    chosen = history[best_epoch(history) - 1] if recipe.early_stopping else last
    percent = 100 if over else 100 * last.epoch / last.epochs
    return Report(percent, chosen.validation_accuracy, chosen.validation_loss, last.epoch)


def ended(number: int, options: Options, report: Report | None, failure: str = "") -> Trial:
    """Return a trial after its end, from its last report."""
    if report is None or failure:
        return Trial(number, "failed", math.nan, math.nan, 0, options, failure or "it was lost")
    state = "finished" if report.percent >= 100 else "stopped"
    return Trial(number, state, report.validation_accuracy, report.validation_loss, report.epochs, options)
