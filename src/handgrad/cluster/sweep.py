"""Many trainings at a time, each with options of its own; those that fall behind are ended early."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from handgrad import engine as engines
from handgrad.architecture import Architecture
from handgrad.cluster.connection import connected, threads_of_workers
from handgrad.cluster.remote import call
from handgrad.cluster.space import Options, Space, samples_of
from handgrad.data import load
from handgrad.errors import ClusterError, HandgradError
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.training import Epoch, Recipe, train
from handgrad.training.loop import best_epoch, stopped

FAILURES = 2
"""Times that a trial whose process was lost begins anew."""

_SETTINGS = {
    "TUNE_GLOBAL_CHECKPOINT_S": "0",  # what has ended is written down at once, not every ten seconds
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # three more files of every trial
}

_ACCURACY, _PERCENT = "validation_accuracy", "percent"

# The first is asked once the rate has been at its highest; of those that reach one, the lower half ends there.
_FIRST_RUNG, _REDUCTION = 25, 2

Interpretation = tuple[dict[str, Any], dict[str, Any], Recipe]
"""Arguments of ``data.load``, sizes of the architecture, and the recipe."""


@dataclass(frozen=True)
class Trial:
    """What became of one training.

    Parameters
    ----------
    number : int
        From 1.
    state : {"finished", "stopped", "failed"}
    validation_accuracy, validation_loss : float
        Of the parameters that it had at last, or would have kept; NaN if it failed.
    epochs : int
        Passes taken.
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
        """Smaller is better: the best is one that has finished."""
        if self.state == "failed":
            return True, math.inf, math.inf
        return self.state != "finished", -self.validation_accuracy, self.validation_loss


@dataclass(frozen=True)
class Plan:
    """What every trial has to know.

    Parameters
    ----------
    reading : mapping
        Arguments of ``data.load`` that all have.
    interpret : callable
        Makes an ``Interpretation`` of options; a function of a module.
    seed : int
    threads : int
    """

    reading: Mapping[str, Any]
    interpret: Callable[[Options], Interpretation]
    seed: int
    threads: int


def sweep(
    space: Space,
    trials: int,
    folder: Path,
    *,
    reading: Mapping[str, Any],
    interpret: Callable[[Options], Interpretation],
    seed: int,
    workers: int | None = None,
    threads: int | None = None,
    address: str | None = None,
    heed: Callable[[int], None] = lambda _: None,
) -> list[Trial]:
    """Train with many choices of the space; looks at the validation part, never at the test part.

    Parameters
    ----------
    space : Space
    trials : int
    folder : Path
        For what Ray keeps of the trials, where every host reaches it. A sweep that it holds goes on.
    reading, interpret, seed
        As in ``Plan``; the seed chooses the options, too.
    workers : int, optional
        Trials at a time; as many as there are processors for if left out.
    threads : int, optional
        Of each trial; if left out, as many as each of the workers can have, or 1.
    address : str, optional
        As in ``connection.connected``.
    heed : callable, optional
        Called, whenever a trial has ended, with how many have.

    Returns
    -------
    list of Trial
        The best first.

    Raises
    ------
    ClusterError
        If no trial has finished.
    """
    ended: list[Trial] = []
    with connected(address):
        threads = threads or (threads_of_workers(workers) if workers else 1)
        plan = Plan(reading, interpret, seed, threads)
        for news in call(tune_options, space, trials, folder.resolve(), plan, workers):
            if isinstance(news, Trial):
                ended.append(news)
            else:
                heed(news)
    ended.sort(key=lambda one: one.rank)
    if ended[0].state != "finished":
        failed = next((trial for trial in ended if trial.error), ended[0])
        raise ClusterError(f"no trial has finished; number {failed.number} failed with: {failed.error}")
    return ended


def tune_options(space: Space, trials: int, folder: Path, plan: Plan, workers: int | None, driver: Any) -> None:
    """Have Ray Tune train; tells how many trials have ended, whenever one has, and at last all of them."""
    import ray

    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    results = _tuner(space, trials, folder, plan, workers).fit()
    ray.get(driver.tell.remote(list(map(_ended, results))))


def _tuner(space: Space, trials: int, folder: Path, plan: Plan, workers: int | None) -> Any:
    from ray import tune

    class Watch(tune.Callback):  # type: ignore[misc]
        """Tells the driver that a trial has ended; Ray writes it to disk, and another process goes on with it."""

        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            _tell(trials, trial)

        def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            _tell(trials, trial)

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
            search_alg=tune.search.BasicVariantGenerator(random_state=plan.seed, max_concurrent=workers or 0),
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


def _tell(trials: list[Any], trial: Any) -> None:
    import ray

    ended = 1 + sum(one.is_finished() for one in trials if one is not trial)
    ray.get(ray.get_runtime_context().current_actor.tell.remote([ended]))


def _work(options: Options, plan: Plan) -> None:
    """One trial, in a process of its own."""
    from ray import tune

    try:
        with threadpool_limits(1, user_api="blas"):
            for report in _reports(options, plan):
                tune.report(report)
    except HandgradError as error:
        # No fault of the cluster's, which would try again.
        tune.report({"failure": str(error), _ACCURACY: 0.0, _PERCENT: 0})


def _reports(options: Options, plan: Plan) -> Any:
    reading, sizes, recipe = plan.interpret(options)
    dataset = load(**plan.reading, **reading)
    architecture = Architecture(input_shape=dataset.image_shape, classes=len(dataset.classes), **sizes)
    (initial,) = np.random.SeedSequence(plan.seed).spawn(1)
    parameters = Parameters.draw(architecture, np.random.default_rng(initial))
    model = Model(parameters, dataset.classes, dataset.standardization())
    engine = engines.create(engines.ENGINES[0], model.standardization, plan.threads, architecture)
    history: list[Epoch] = []
    for event in train(model, dataset.train, dataset.validation, recipe, engine, plan.seed):
        if isinstance(event, Epoch):
            history.append(event)
            over = event.epoch == event.epochs or stopped(recipe, history)
            chosen = history[best_epoch(history) - 1] if recipe.early_stopping else event
            yield {
                _PERCENT: 100 if over else 100 * event.epoch / event.epochs,
                _ACCURACY: chosen.validation_accuracy,
                "validation_loss": chosen.validation_loss,
                "epochs": event.epoch,
            }


def _ended(result: Any) -> Trial:
    # Ray counts the trials from 0, at the end of their identity.
    number = 1 + int(Path(result.path).name.rpartition("_")[2])
    metrics, options = result.metrics or {}, dict(result.config)
    failure = metrics.get("failure", "")
    if result.error and not failure:
        failure = (str(result.error).strip().splitlines() or [type(result.error).__name__])[-1]
    if failure or "epochs" not in metrics:
        return Trial(number, "failed", math.nan, math.nan, 0, options, failure or "it was lost")
    state = "finished" if metrics[_PERCENT] >= 100 else "stopped"
    return Trial(number, state, metrics[_ACCURACY], metrics["validation_loss"], metrics["epochs"], options)
