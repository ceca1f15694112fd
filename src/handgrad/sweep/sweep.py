"""A sweep: trials in a folder, which can be resumed; their table; the training of the best."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handgrad import atomic
from handgrad.data import absolute, load
from handgrad.data.cache import Cache
from handgrad.errors import InputError, Interrupted
from handgrad.runs import Observer, Result, TrainingOptions, resume, train
from handgrad.runs.folder import claimed, is_finished, locked
from handgrad.sweep.processes import Processes
from handgrad.sweep.space import Distribution, Space, drawn, interpret, shown
from handgrad.sweep.trials import Plan, Scheduler, Trial
from handgrad.text import csv_text
from handgrad.training.checkpoint import Checkpoints

TABLE = "trials.csv"
_PLAN, _TRIALS = "sweep.json", "trials"


@dataclass(frozen=True)
class Sweep:
    """Many trainings with options drawn from a space, and the best of them.

    The seed draws the options, and is that of every training. The folder `out` gets the best model and the table of
    trials; every host of a cluster must reach it.
    """

    source: str
    space: Space
    trials: int
    seed: int
    out: Path
    cache: Cache | None = None

    @property
    def base(self) -> TrainingOptions:
        """The options that all trials share, but for those of the space."""
        return TrainingOptions(source=self.source, seed=self.seed)

    def run(self, scheduler: Scheduler | None = None, observer: Observer | None = None) -> list[Trial]:
        """Train all trials, or those that an interrupted sweep left; write their table and return them, best first.

        The validation split decides, never the test split. The `scheduler` has them trained: ``Processes`` of this
        machine by default, or ``cluster.tuning.OnRay``. An InputError is raised if no trial finishes, and Interrupted
        after Ctrl-C.
        """
        observer, scheduler = observer or Observer(), scheduler or Processes()
        with observer.counting("Reading pictures") as progress:
            # What is wrong with them would be wrong in every trial.
            fixed = {name: value for name, value in self.space.items() if not isinstance(value, Distribution)}
            dataset = load(**interpret(fixed, self.base).reading(), cache=self.cache, progress=progress)
        plan = {"source": self.source, "trials": self.trials, "seed": self.seed, "images": dataset.checksum()}
        plan |= {"space": json.loads(json.dumps(self.space)), "scheduler": scheduler.name}
        begun = self._is_begun(plan)
        try:
            with locked(self.out, "out") if begun else claimed(self.out, overwrite=False):
                atomic.write_files(self.out, {_PLAN: (json.dumps(plan, indent=2) + "\n").encode()})
                ended = self._tried(scheduler, observer)
                atomic.write_files(self.out, {TABLE: _csv(ended, self.space).encode()})
        except KeyboardInterrupt:
            rule = f"interrupted; the trials in {self.out} are kept, and the same command continues"
            raise Interrupted(rule) from None
        return ended

    def train_best(self, best: Trial, *, command: str | None = None, observer: Observer | None = None) -> Result:
        """Train the best trial once more, with the same result, and write its model in place of the trials."""
        if Checkpoints(self.out).paths():
            result = resume(self.out, cache=self.cache, observer=observer)
            assert result
        else:
            options = interpret(best.options, self.base)
            result = train(options, self.out, command=command, cache=self.cache, observer=observer)
        shutil.rmtree(self.out / _TRIALS, ignore_errors=True)
        return result

    def _is_begun(self, plan: dict[str, Any]) -> bool:
        """Return whether the folder holds trials of this sweep, which is not finished."""
        if not (self.out / _TRIALS).exists() or is_finished(self.out):
            return False
        try:
            same = json.loads((self.out / _PLAN).read_bytes()) == plan
        except (OSError, ValueError) as error:
            raise InputError("out", self.out, f"its {_PLAN} is damaged ({error})", "choose another folder") from error
        if not same:
            raise InputError("out", self.out, "holds another sweep", "repeat its options, or choose another folder")
        return True

    def _tried(self, scheduler: Scheduler, observer: Observer) -> list[Trial]:
        base = TrainingOptions(source=absolute(self.source), seed=self.seed)
        options, folder = drawn(self.space, self.trials, self.seed), (self.out / _TRIALS).resolve()
        with observer.counting("Trials") as progress:
            ended = scheduler(options, Plan(base, self.cache), folder, progress or (lambda done, total: None))
        # Equal ones in the order of their numbers.
        ended.sort(key=lambda one: (one.rank, one.number))
        if ended[0].state != "finished":
            failed = next((trial for trial in ended if trial.error), ended[0])
            rule = f"none has finished; number {failed.number} failed with: {failed.error}"
            raise InputError("trials", self.trials, rule, "correct the space, or the source")
        return ended


def _csv(trials: Sequence[Trial], space: Space) -> str:
    names = ("trial", "state", "validation_accuracy", "validation_loss", "passes")
    rows = (
        [
            *(one.number, one.state, one.validation_accuracy, one.validation_loss, one.epochs),
            *(shown(one.options[name]) for name in space),
            one.error,
        ]
        for one in trials
    )
    return csv_text((*names, *space, "error"), rows)
