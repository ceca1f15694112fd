"""The report of ``handgrad train``: what a training did and how well its model works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from handgrad.data import Dataset
from handgrad.data.duplicates import shared_images
from handgrad.engine import Engine
from handgrad.model import Model
from handgrad.report import cautions
from handgrad.report.coverage import coverage
from handgrad.report.evaluation import heading, responses, test_figures
from handgrad.report.metrics import measure
from handgrad.training import Epoch
from handgrad.training.loop import best_epoch
from handgrad.typing import Progress


def training_report(
    model: Model,
    dataset: Dataset,
    history: Sequence[Epoch],
    engine: Engine,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Evaluate a trained model on the three splits of its dataset, as plain values; docs/report.md has the keys.

    The test split is predicted here, for the first and only time. The model's provenance (command, seed, recipe, data,
    versions) becomes part of the report.
    """
    splits = {"training": dataset.train, "validation": dataset.validation, "test": dataset.test}
    total, done, predicted = sum(map(len, splits.values())), 0, {}
    for name, samples in splits.items():
        advance = (lambda now, _, before=done: progress(before + now, total)) if progress else None
        predicted[name] = model.predict(samples.images, engine, progress=advance)
        done += len(samples)
    measured = {name: measure(predicted[name], samples.labels, model.classes) for name, samples in splits.items()}
    training, validation = measured["training"].accuracy, measured["validation"].accuracy
    shared = {names: len(images) for names, images in shared_images(splits).items()}
    found = [*cautions.of_figures(measured["test"]), *cautions.of_gap(training, validation)]
    found += cautions.of_duplicates(shared)
    seconds, provenance, best = history[-1].seconds, model.provenance, best_epoch(history)
    return {
        **heading("training"),
        "split": "test",
        "engine": engine.name,
        "seconds": seconds,
        "images_per_second": len(dataset.train) * len(history) / seconds,
        "train_accuracy": training,
        "validation_accuracy": validation,
        **test_figures(model, dataset.test, predicted["test"], measured["test"]),
        "images": {"train": len(dataset.train), "validation": len(dataset.validation), "test": len(dataset.test)},
        "cautions": [asdict(caution) for caution in found],
        "coverage": coverage(
            {name: (predicted[name], splits[name].labels) for name in ("validation", "test")}, chosen_on="validation"
        ),
        "history": [asdict(epoch) for epoch in history],
        "best_epoch": best,
        "chosen_epoch": best if provenance.get("recipe", {}).get("early_stopping") else history[-1].epoch,
        "filters": responses(model, dataset.validation, "validation"),
        "notices": list(dataset.notices),
        **provenance,
        "data": {**provenance.get("data", {}), "test_sha256": dataset.test.checksum()},
    }
