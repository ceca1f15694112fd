"""The trials of a sweep on Ray Tune: many trainings at a time; those that fall behind are stopped early."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from handgrad.cluster.space import Options, Space, interpret, samples_of
from handgrad.data.cache import Cache
from handgrad.errors import HandgradError
from handgrad.runs import TrainingOptions, prepare
from handgrad.training import Epoch
from handgrad.training.loop import best_epoch, stopped

FAILURES = 2
"""How often a trial is repeated if its process is lost."""

_SETTINGS = {
    "TUNE_GLOBAL_CHECKPOINT_S": "0",  # trials that have ended are written down at once, not every ten seconds
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # three more files per trial
}

_ACCURACY, _PERCENT = "validation_accuracy", "percent"

# The first rung comes after the learning rate's maximum; at each rung, the lower half is stopped.
_FIRST_RUNG, _REDUCTION = 25, 2


@dataclass(frozen=True)
class Trial:
    """One training of a sweep, after its end.

    Parameters
    ----------
    number : int
        From 1.
    state : {"finished", "stopped", "failed"}
    validation_accuracy, validation_loss : float
        Of its last epoch, or of the one that early stopping would keep; NaN if it failed.
    epochs : int
        Epochs trained.
    options : dict
    error : str
        Why it failed.
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


@dataclass(frozen=True)
class Plan:
    """What every trial needs to know.

    Parameters
    ----------
    base : TrainingOptions
        The options that the space leaves out.
    cache : Cache, optional
        Where decoded images are kept.
    threads : int
    """

    base: TrainingOptions
    cache: Cache | None
    threads: int


def tune_options(space: Space, trials: int, folder: Path, plan: Plan, workers: int | None, driver: Any) -> None:
    """Have Ray Tune train; report how many trials have ended, whenever one has, and all of them at the end."""
    import ray

    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    results = _tuner(space, trials, folder, plan, workers).fit()
    ray.get(driver.report.remote(list(map(_ended, results))))


def _tuner(space: Space, trials: int, folder: Path, plan: Plan, workers: int | None) -> Any:
    from ray import tune

    class Watch(tune.Callback):  # type: ignore[misc]
        """Reports to the driver that a trial has ended; Ray writes it to disk, and another process continues."""

        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            _report(trials, trial)

        def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            _report(trials, trial)

    work = tune.with_resources(tune.with_parameters(_work, plan=plan), {"cpu": plan.threads})
    if tune.Tuner.can_restore(str(folder)):
        return tune.Tuner.restore(str(folder), work)
    return tune.Tuner(
        work,
        param_space=samples_of(space),
        tune_config=tune.TuneConfig(
            metric=_ACCURACY,
            mode="max",
            num_samples=trials,
            search_alg=tune.search.BasicVariantGenerator(random_state=plan.base.seed, max_concurrent=workers or 0),
            trial_dirname_creator=_folder_of,
            scheduler=tune.schedulers.ASHAScheduler(_PERCENT, grace_period=_FIRST_RUNG, reduction_factor=_REDUCTION),
        ),
        run_config=tune.RunConfig(
            name=folder.name,
            storage_path=str(folder.parent),
            failure_config=tune.FailureConfig(max_failures=FAILURES),
            callbacks=[Watch()],
            verbose=0,
        ),
    )


def _folder_of(trial: Any) -> str:
    return str(trial.trial_id)


def _report(trials: list[Any], trial: Any) -> None:
    import ray

    ended = 1 + sum(one.is_finished() for one in trials if one is not trial)
    ray.get(ray.get_runtime_context().current_actor.report.remote([ended]))


def _work(options: Options, plan: Plan) -> None:
    """Train one trial, in a process of its own."""
    from ray import tune

    try:
        with threadpool_limits(1, user_api="blas"):
            for report in _reports(options, plan):
                tune.report(report)
    except HandgradError as error:
        # Not the cluster's fault, so Ray must not try again.
        tune.report({"failure": str(error), _ACCURACY: 0.0, _PERCENT: 0})


def _reports(options: Options, plan: Plan) -> Iterator[dict[str, Any]]:
    run = prepare(interpret(options, plan.base), cache=plan.cache, threads=plan.threads)
    recipe, history = run.options.recipe, run.state.history
    for event in run.events():
        if isinstance(event, Epoch):
            over = event.epoch == event.epochs or stopped(recipe, history)
            chosen = history[best_epoch(history) - 1] if recipe.early_stopping else event
            yield {
                _PERCENT: 100 if over else 100 * event.epoch / event.epochs,
                _ACCURACY: chosen.validation_accuracy,
                "validation_loss": chosen.validation_loss,
                "epochs": event.epoch,
            }


def _ended(result: Any) -> Trial:
    # Ray counts the trials from 0, at the end of their ids.
    number = 1 + int(Path(result.path).name.rpartition("_")[2])
    metrics, options = result.metrics or {}, dict(result.config)
    failure = metrics.get("failure", "")
    if result.error and not failure:
        failure = (str(result.error).strip().splitlines() or [type(result.error).__name__])[-1]
    if failure or "epochs" not in metrics:
        return Trial(number, "failed", math.nan, math.nan, 0, options, failure or "it was lost")
    state = "finished" if metrics[_PERCENT] >= 100 else "stopped"
    return Trial(number, state, metrics[_ACCURACY], metrics["validation_loss"], metrics["epochs"], options)
