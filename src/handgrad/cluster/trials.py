"""The trials of a sweep on Ray Tune: many trainings at a time; those that fall behind are stopped early."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from handgrad.cluster.connection import lines_of
from handgrad.cluster.space import Options, Space, interpret, samples_of
from handgrad.data.cache import Cache
from handgrad.errors import HandgradError
from handgrad.runs import TrainingOptions, prepare
from handgrad.training import Epoch
from handgrad.training.loop import best_epoch, stopped

FAILURES = 2
"""How often a trial is repeated if its process is lost."""

_ACCURACY, _PERCENT = "validation_accuracy", "percent"

# The first rung comes after the learning rate's maximum; at each rung, the lower half is stopped.
_FIRST_RUNG, _REDUCTION = 25, 2


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


class Plan(NamedTuple):
    """What every trial needs: the options that the space leaves out, the cache of images, the number of threads."""

    base: TrainingOptions
    cache: Cache | None
    threads: int


def tune_options(space: Space, trials: int, folder: Path, plan: Plan, workers: int | None, driver: Any) -> None:
    """Have Ray Tune train; report the number of ended trials whenever one ends, and all trials at the end."""
    import ray

    results = _tuner(space, trials, folder, plan, workers).fit()
    ray.get(driver.report.remote(list(map(_ended, results))))


def _tuner(space: Space, trials: int, folder: Path, plan: Plan, workers: int | None) -> Any:
    import ray
    from ray import tune

    class Watch(tune.Callback):  # type: ignore[misc]
        """Reports to the driver that a trial has ended; Ray saves it, and runs it when a sweep is resumed."""

        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            ended = 1 + sum(one.is_finished() for one in trials if one is not trial)
            ray.get(ray.get_runtime_context().current_actor.report.remote([ended]))

        on_trial_error = on_trial_complete

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
            trial_dirname_creator=lambda trial: str(trial.trial_id),
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


def _work(options: Options, plan: Plan) -> None:
    """Train one trial, in a process of its own."""
    from ray import tune

    try:
        with threadpool_limits(1, user_api="blas"):
            run = prepare(interpret(options, plan.base), cache=plan.cache, threads=plan.threads)
            recipe, history = run.options.recipe, run.state.history
            for epoch in (event for event in run.events() if isinstance(event, Epoch)):
                over = epoch.epoch == epoch.epochs or stopped(recipe, history)
                chosen = history[best_epoch(history) - 1] if recipe.early_stopping else epoch
                report = {
                    _PERCENT: 100 if over else 100 * epoch.epoch / epoch.epochs,
                    _ACCURACY: chosen.validation_accuracy,
                    "validation_loss": chosen.validation_loss,
                    "epochs": epoch.epoch,
                }
                tune.report(report)
    except HandgradError as error:
        # Not the cluster's fault, so Ray must not try again.
        tune.report({"failure": str(error), _ACCURACY: 0.0, _PERCENT: 0})


def _ended(result: Any) -> Trial:
    # Ray counts the trials from 0, at the end of their ids.
    number = 1 + int(Path(result.path).name.rpartition("_")[2])
    metrics, options = result.metrics or {}, dict(result.config)
    failure = metrics.get("failure") or (lines_of(result.error)[-1] if result.error else "")
    if failure or "epochs" not in metrics:
        return Trial(number, "failed", math.nan, math.nan, 0, options, failure or "it was lost")
    state = "finished" if metrics[_PERCENT] >= 100 else "stopped"
    return Trial(number, state, metrics[_ACCURACY], metrics["validation_loss"], metrics["epochs"], options)
