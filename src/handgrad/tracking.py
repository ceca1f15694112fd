"""Trainings in TensorBoard and MLflow: callbacks that use their own writers (extras ``tensorboard`` and ``mlflow``)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from handgrad.errors import HandgradError, InputError
from handgrad.training import Callback, Epoch, Step

TRACKERS = ("tensorboard", "mlflow")
_MODULES = {"tensorboard": "tensorboard.summary", "mlflow": "mlflow"}


def check(name: str) -> None:
    """Raise an InputError, before the work, if a tracker is not installed."""
    _imported(name)


def tracker(name: str, folder: Path, parameters: Mapping[str, Any]) -> AbstractContextManager[Callback]:
    """Return the tracker of a training whose results are in a folder."""
    return tensorboard(folder / name) if name == "tensorboard" else mlflow(parameters)


def figures(epoch: Epoch) -> dict[str, float]:
    """Return an epoch's figures by the names that both trackers show; without a validation split, only the others.

    Examples
    --------
    >>> figures(Epoch(1, 3, loss=0.5, accuracy=0.75, validation_loss=math.nan, validation_accuracy=math.nan,
    ...               learning_rate=0.001, seconds=2.0))
    {'loss/training': 0.5, 'accuracy/training': 0.75, 'learning_rate': 0.001}
    """
    named = {
        "loss/training": epoch.loss,
        "loss/validation": epoch.validation_loss,
        "accuracy/training": epoch.accuracy,
        "accuracy/validation": epoch.validation_accuracy,
        "learning_rate": epoch.learning_rate,
    }
    return {name: value for name, value in named.items() if not math.isnan(value)}


@contextmanager
def tensorboard(folder: str | Path) -> Iterator[Callback]:
    """Write every step's loss and every epoch's figures as TensorBoard events; the axis is the number of the step.

    Parameters
    ----------
    folder : str or Path
        A log folder for TensorBoard to show. Events are added to those that are there.

    Yields
    ------
    callable
        A callback for ``HandgradClassifier.fit`` or ``runs.train``.

    Raises
    ------
    InputError
        If TensorBoard is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, tensorboard(folder) as callback:
    ...     callback(Step(epoch=1, step=1, steps=9, loss=0.5, accuracy=1.0, images=32, seconds=0.1, waiting=0.0))
    ...     len(list(Path(folder).iterdir()))
    1
    """
    writer = _imported("tensorboard").Writer(str(folder))
    taken = 0

    def log(event: Step | Epoch) -> None:
        nonlocal taken
        if isinstance(event, Step):
            taken = event.step
            writer.add_scalar("loss/step", event.loss, event.step)
            return
        for name, value in figures(event).items():
            writer.add_scalar(name, value, taken)

    try:
        yield log
    finally:
        writer.close()


@contextmanager
def mlflow(parameters: Mapping[str, Any] | None = None) -> Iterator[Callback]:
    """Log every epoch's figures to MLflow: to its active run, or to a new one that ends with the training.

    MLflow's own settings say where that is, e.g. ``MLFLOW_TRACKING_URI`` and ``MLFLOW_EXPERIMENT_NAME``.

    Parameters
    ----------
    parameters : mapping, optional
        Options of the training, which MLflow shows beside its figures.

    Yields
    ------
    callable
        A callback for ``HandgradClassifier.fit`` or ``runs.train``.

    Raises
    ------
    InputError
        If MLflow is not installed.
    HandgradError
        If MLflow refuses, e.g. since its server cannot be reached.

    Examples
    --------
    >>> with mlflow(classifier.get_params()) as callback:  # doctest: +SKIP
    ...     classifier.fit(X, y, callbacks=callback)
    """
    module = _imported("mlflow")

    def log(event: Step | Epoch) -> None:
        if isinstance(event, Epoch):
            with _refusals(module):
                module.log_metrics(figures(event), step=event.epoch)

    with ExitStack() as runs:
        with _refusals(module):
            if not module.active_run():
                runs.enter_context(module.start_run())
            module.log_params(dict(parameters or {}))
        yield log


@contextmanager
def _refusals(module: Any) -> Iterator[None]:
    try:
        yield
    except module.exceptions.MlflowException as error:
        raise HandgradError(f"mlflow: {error}") from error


def _imported(name: str) -> Any:
    try:
        return import_module(_MODULES[name])
    except ModuleNotFoundError as error:
        raise InputError("log", name, "is not installed", f"pip install 'handgrad[{name}]'") from error
