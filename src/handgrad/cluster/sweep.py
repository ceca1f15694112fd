"""A sweep: trials in a folder, which can be resumed; their table; the training of the best."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handgrad import atomic
from handgrad.cluster.connection import connected, threads_of_workers
from handgrad.cluster.remote import call
from handgrad.cluster.space import Distribution, Space, interpret, shown
from handgrad.cluster.trials import Plan, Trial, tune_options
from handgrad.data import absolute, load
from handgrad.data.cache import Cache
from handgrad.errors import ClusterError, InputError, Interrupted
from handgrad.runs import Observer, Result, TrainingOptions, resume, train
from handgrad.runs.folder import claimed, is_finished, locked
from handgrad.training.checkpoint import Checkpoints

TABLE = "trials.csv"
_PLAN, _TRIALS = "sweep.json", "trials"


@dataclass(frozen=True)
class Sweep:
    """Many trainings with options drawn from a space, and the best of them.

    The seed draws the options, and is that of every training. Every host must reach the folder `out`, which gets the
    best model and the table of trials.
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

    def run(
        self,
        *,
        workers: int | None = None,
        threads: int | None = None,
        address: str | None = None,
        observer: Observer | None = None,
    ) -> list[Trial]:
        """Train all trials, or those that an interrupted sweep left; write their table and return them, best first.

        The validation split decides, never the test split. `workers` is the number of trials at a time, by default as
        many as there are processors for; `threads`, those of each trial, is by default what each of the workers can
        have, or 1. A ClusterError is raised if no trial finishes, and Interrupted after Ctrl-C.
        """
        observer = observer or Observer()
        plan = {"source": self.source, "trials": self.trials, "seed": self.seed}
        plan["space"] = json.loads(json.dumps(self.space))
        begun = self._is_begun(plan)
        with observer.counting("Reading pictures") as progress:
            # What is wrong with them would be wrong in every trial.
            fixed = {name: value for name, value in self.space.items() if not isinstance(value, Distribution)}
            load(**interpret(fixed, self.base).reading(), cache=self.cache, progress=progress)
        try:
            with locked(self.out, "out") if begun else claimed(self.out, overwrite=False):
                atomic.write_files(self.out, {_PLAN: (json.dumps(plan, indent=2) + "\n").encode()})
                ended = self._tried(workers, threads, address, observer)
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

    def _tried(self, workers: int | None, threads: int | None, address: str | None, observer: Observer) -> list[Trial]:
        ended: list[Trial] = []
        with observer.counting("Trials") as progress, connected(address):
            if progress:
                progress(0, self.trials)
            threads = threads or (threads_of_workers(workers) if workers else 1)
            base = TrainingOptions(source=absolute(self.source), seed=self.seed)
            folder, plan = (self.out / _TRIALS).resolve(), Plan(base, self.cache, threads)
            for report in call(tune_options, self.space, self.trials, folder, plan, workers):
                if isinstance(report, Trial):
                    ended.append(report)
                elif progress:
                    progress(report, self.trials)
        ended.sort(key=lambda one: one.rank)
        if ended[0].state != "finished":
            failed = next((trial for trial in ended if trial.error), ended[0])
            raise ClusterError(f"no trial has finished; number {failed.number} failed with: {failed.error}")
        return ended


def _csv(trials: Sequence[Trial], space: Space) -> str:
    text = io.StringIO()
    names = ("trial", "state", "validation_accuracy", "validation_loss", "passes")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, *space, "error"])
    for one in trials:
        figures = (one.number, one.state, one.validation_accuracy, one.validation_loss, one.epochs)
        writer.writerow([*figures, *(shown(one.options[name]) for name in space), one.error])
    return text.getvalue()
