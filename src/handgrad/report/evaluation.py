"""What is measured on images that a model has not learned from; and the report of ``handgrad evaluate``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from handgrad.data import Samples
from handgrad.engine import Engine
from handgrad.model import Model
from handgrad.report import cautions
from handgrad.report.calibration import calibrate
from handgrad.report.cautions import Caution
from handgrad.report.intervals import CONFIDENCE
from handgrad.report.metrics import Metrics, measure
from handgrad.report.mistakes import surest_mistakes
from handgrad.report.responses import strongest_responses
from handgrad.report.surroundings import machine, versions
from handgrad.typing import Array

FORMAT = "handgrad report"
VERSION = 2


def evaluation_report(
    model: Model,
    samples: Samples,
    probabilities: Array,
    engine: Engine,
    *,
    command: str,
    model_path: str,
    source: str,
    part: str,
    notices: Iterable[str] = (),
) -> dict[str, Any]:
    """The report of a model on images that it has not learned from.

    Parameters
    ----------
    model : Model
    samples : Samples
        The images, with labels as the model numbers its classes.
    probabilities : array, shape (count, classes)
        The model's predictions.
    engine : Engine
        What computed them.
    command, model_path, source : str
        As they were given.
    part : {"test", "held out", "all"}
        Which images of the source these are: its own test part, the one held out in training, or all.
    notices : iterable of str
        What was said about the source.

    Returns
    -------
    dict
        Plain values, for JSON; docs/report.md has its keys.
    """
    metrics = measure(probabilities, samples.labels, model.classes)
    return {
        **heading("evaluation"),
        "split": part,
        "engine": engine.name,
        **test_figures(model, samples, probabilities, metrics),
        "images": {"test": len(samples)},
        "cautions": listed(cautions.of_figures(metrics)),
        "filters": responses(model, samples, "test"),
        "notices": list(notices),
        "model": model_path,
        "training": model.provenance,
        "command": command,
        "data": {"source": source, "test_sha256": samples.checksum()},
        "versions": versions(),
    }


def heading(kind: str) -> dict[str, Any]:
    """What every report begins with."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "confidence": CONFIDENCE,
    }


def test_figures(model: Model, samples: Samples, probabilities: Array, metrics: Metrics) -> dict[str, Any]:
    """Everything that is measured on the test images, under the same keys in every report."""
    figures = metrics.to_dict()
    images = np.array([row.images for row in metrics.classes])
    return {
        "test_accuracy": metrics.accuracy,
        "test_accuracy_interval": metrics.accuracy_interval,
        "test_balanced_accuracy": metrics.balanced_accuracy,
        "test_balanced_accuracy_interval": metrics.balanced_accuracy_interval,
        "most_frequent_class": model.classes[images.argmax()],
        "test_accuracy_of_the_most_frequent_class": float(images.max() / metrics.images),
        "per_class": figures["classes"],
        "confusion_matrix": metrics.confusion_matrix,
        "calibration": calibrate(probabilities, samples.labels).to_dict(),
        "mistakes": [each.to_dict() for each in surest_mistakes(probabilities, samples, model.classes)],
        "classes": list(model.classes),
        "parameters": model.architecture.parameter_count,
        "architecture": model.architecture.to_dict(),
    }


def responses(model: Model, samples: Samples, part: str) -> dict[str, Any]:
    """What the filters respond to, and in which part it was looked for."""
    return {"split": part, "layers": [layer.to_dict() for layer in strongest_responses(model, samples)]}


def listed(found: Iterable[Caution]) -> list[dict[str, str]]:
    """Cautions as plain values."""
    return [caution.to_dict() for caution in found]
