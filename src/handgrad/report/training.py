"""report.json: what a training did and how well its model works."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from handgrad.data import Dataset
from handgrad.engine import Engine
from handgrad.model import Model
from handgrad.report.metrics import measure
from handgrad.training import Epoch
from handgrad.training.loop import best_epoch


def training_report(
    model: Model,
    dataset: Dataset,
    history: Sequence[Epoch],
    engine: Engine,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Evaluate a trained model on all three parts of its dataset.

    Parameters
    ----------
    model : Model
        Its provenance (command, seed, recipe, data, versions) is part of the report.
    dataset : Dataset
        What it was trained on. The test part is looked at here, for the first and only time.
    history : sequence of Epoch
    engine : Engine
    progress : callable, optional
        Called with (images done, images in all).

    Returns
    -------
    dict
        Plain values, for JSON.
    """
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    total, done, measured = sum(map(len, parts.values())), 0, {}
    for name, part in parts.items():
        advance = (lambda now, _, before=done: progress(before + now, total)) if progress else None
        measured[name] = measure(model.predict(part.images, engine, progress=advance), part.labels, model.classes)
        done += len(part)
    seconds = history[-1].seconds
    test = measured["test"]
    most_frequent = np.bincount(dataset.train.labels).argmax()
    return {
        "engine": engine.name,
        "seconds": seconds,
        "best_epoch": best_epoch(history),
        "images_per_second": len(dataset.train) * len(history) / seconds,
        **{f"{name}_accuracy": metrics.accuracy for name, metrics in measured.items()},
        "test_balanced_accuracy": test.balanced_accuracy,
        "test_accuracy_of_the_most_frequent_class": float((dataset.test.labels == most_frequent).mean()),
        "per_class": test.to_dict()["classes"],
        "confusion_matrix": test.confusion_matrix,
        "classes": list(model.classes),
        "images": {name: len(part) for name, part in parts.items()},
        "parameters": model.architecture.parameter_count,
        "architecture": model.architecture.to_dict(),
        "notices": list(dataset.notices),
        **model.provenance,
    }


def versions() -> dict[str, str]:
    """Versions of what computes the numbers."""
    names = ("handgrad", "numba", "numpy")
    return {**{name: version(name) for name in names}, "python": platform.python_version()}
