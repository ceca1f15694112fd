"""The report of an evaluation, and the test figures that every report has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from handgrad.data import Samples
from handgrad.engine import Engine
from handgrad.model import Model
from handgrad.report import cautions
from handgrad.report.calibration import calibrate
from handgrad.report.coverage import at, coverage
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
    split: str,
    threshold: float | None = None,
    notices: Iterable[str] = (),
) -> dict[str, Any]:
    """Report how a model does on images that it has not learned from, as plain values; docs/report.md has the keys.

    The labels of the samples are as the model numbers its classes, `probabilities` are the model's predictions by this
    engine, `split` is a key of ``unseen.WORDS``, images below the `threshold` are not answered, and `notices` are about
    the source.
    """
    metrics = measure(probabilities, samples.labels, model.classes)
    predicted = probabilities, samples.labels
    chosen = {} if threshold is None else {"threshold": asdict(at(predicted, threshold))}
    return {
        **heading("evaluation"),
        "split": split,
        "engine": engine.name,
        **test_figures(model, samples, probabilities, metrics),
        "images": {"test": len(samples)},
        "cautions": [asdict(caution) for caution in cautions.of_figures(metrics)],
        "coverage": coverage({"test": predicted}) | chosen,
        "filters": responses(model, samples, "test"),
        "notices": list(notices),
        "model": model_path,
        "training": model.provenance,
        "command": command,
        "data": {"source": source, "test_sha256": samples.checksum()},
        "versions": versions(),
    }


def heading(kind: str) -> dict[str, Any]:
    """Return the first keys of every report."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "confidence": CONFIDENCE,
    }


def test_figures(model: Model, samples: Samples, probabilities: Array, metrics: Metrics) -> dict[str, Any]:
    """Return the figures of the test images, under the same keys in every report."""
    images = np.array([row.images for row in metrics.classes])
    return {
        "test_accuracy": metrics.accuracy,
        "test_accuracy_interval": metrics.accuracy_interval,
        "test_balanced_accuracy": metrics.balanced_accuracy,
        "test_balanced_accuracy_interval": metrics.balanced_accuracy_interval,
        "most_frequent_class": model.classes[images.argmax()],
        "test_accuracy_of_the_most_frequent_class": float(images.max() / metrics.images),
        "per_class": [asdict(row) for row in metrics.classes],
        "confusion_matrix": metrics.confusion_matrix,
        "calibration": asdict(calibrate(probabilities, samples.labels)),
        "mistakes": [asdict(each) for each in surest_mistakes(probabilities, samples, model.classes)],
        "classes": list(model.classes),
        "parameters": model.architecture.parameter_count,
        "architecture": model.architecture.to_dict(),
    }


def responses(model: Model, samples: Samples, split: str) -> dict[str, Any]:
    """Return what the filters respond to in the samples, which are from this split."""
    return {"split": split, "layers": [asdict(layer) for layer in strongest_responses(model, samples)]}
