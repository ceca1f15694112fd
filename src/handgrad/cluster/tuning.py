"""The trials of a sweep on Ray Tune: many trainings at a time on several machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from handgrad.cluster.connection import connected, lines_of, threads_of_workers
from handgrad.cluster.remote import call
from handgrad.errors import HandgradError
from handgrad.runs import prepare
from handgrad.sweep.space import Options, interpret
from handgrad.sweep.trials import FAILURES, RUNGS, Plan, Report, Trial, ended, reports
from handgrad.typing import Progress

_TRIAL, _ACCURACY, _PERCENT = "trial", "validation_accuracy", "percent"


class _Work(NamedTuple):
    """What every process needs: the options of all trials, what they share, the number of threads of each."""

    options: Sequence[Options]
    plan: Plan
    threads: int


@dataclass(frozen=True)
class OnRay:
    """Trains trials on a Ray cluster, where one that falls behind is stopped as soon as it does (ASHA).

    Parameters
    ----------
    workers : int, optional
        Trials at a time; by default, as many as there are processors for.
    threads : int, optional
        Of each trial; by default what each of the workers can have, or 1.
    address : str, optional
        Of the cluster; see ``connection.connected``.
    """

    workers: int | None = None
    threads: int | None = None
    address: str | None = None
    name: str = field(default="ray", init=False)

    def __call__(self, options: Sequence[Options], plan: Plan, folder: Path, progress: Progress) -> list[Trial]:
        """See ``sweep.trials.Scheduler``."""
        found: list[Trial] = []
        with connected(self.address):
            progress(0, len(options))
            threads = self.threads or (threads_of_workers(self.workers) if self.workers else 1)
            for report in call(tune_trials, _Work(options, plan, threads), folder, self.workers):
                if isinstance(report, Trial):
                    found.append(report)
                else:
                    progress(report, len(options))
        return found


def tune_trials(work: _Work, folder: Path, workers: int | None, driver: Any) -> None:
    """Have Ray Tune train; report the number of ended trials whenever one ends, and all trials at the end."""
    import ray

    results = _tuner(work, folder, workers).fit()
    ray.get(driver.report.remote([_ended(result, work.options) for result in results]))


def _tuner(work: _Work, folder: Path, workers: int | None) -> Any:
    import ray
    from ray import tune

    class Watch(tune.Callback):  # type: ignore[misc]
        """Reports to the driver that a trial has ended; Ray saves it, and runs it when a sweep is resumed."""

        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            ended = 1 + sum(one.is_finished() for one in trials if one is not trial)
            ray.get(ray.get_runtime_context().current_actor.report.remote([ended]))

        on_trial_error = on_trial_complete

    trained = tune.with_resources(tune.with_parameters(_train, work=work), {"cpu": work.threads})
    if tune.Tuner.can_restore(str(folder)):
        return tune.Tuner.restore(str(folder), trained)
    first, second = RUNGS
    return tune.Tuner(
        trained,
        # The options are drawn already: Ray goes through their numbers.
        param_space={_TRIAL: tune.grid_search(list(range(1, len(work.options) + 1)))},
        tune_config=tune.TuneConfig(
            metric=_ACCURACY,
            mode="max",
            search_alg=tune.search.BasicVariantGenerator(max_concurrent=workers or 0),
            trial_dirname_creator=lambda trial: str(trial.trial_id),
            scheduler=tune.schedulers.ASHAScheduler(_PERCENT, grace_period=first, reduction_factor=second // first),
        ),
        run_config=tune.RunConfig(
            name=folder.name,
            storage_path=str(folder.parent),
            failure_config=tune.FailureConfig(max_failures=FAILURES),
            callbacks=[Watch()],
            verbose=0,
        ),
    )


def _train(config: dict[str, Any], work: _Work) -> None:
    """Train one trial, in a process of its own."""
    from ray import tune

    options, plan = work.options[config[_TRIAL] - 1], work.plan
    try:
        with threadpool_limits(1, user_api="blas"):
            run = prepare(interpret(options, plan.base), cache=plan.cache, threads=work.threads)
            for report in reports(run):
                tune.report(report._asdict())
    except HandgradError as error:
        # Not the cluster's fault, so Ray must not try again.
        tune.report({"failure": str(error), _ACCURACY: 0.0, _PERCENT: 0})


def _ended(result: Any, options: Sequence[Options]) -> Trial:
    # Ray counts the trials from 0, at the end of their ids.
    number, metrics = 1 + int(Path(result.path).name.rpartition("_")[2]), result.metrics or {}
    failure = metrics.get("failure") or (lines_of(result.error)[-1] if result.error else "")
    whole = all(name in metrics for name in Report._fields)
    report = Report(**{name: metrics[name] for name in Report._fields}) if whole else None
    return ended(number, options[number - 1], report, failure)
