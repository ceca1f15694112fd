"""The report of ``handgrad train``: what a training did and how well its model works."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from handgrad.data import Dataset
from handgrad.data.duplicates import shared_images
from handgrad.engine import Engine
from handgrad.model import Model
from handgrad.report import cautions
from handgrad.report.evaluation import heading, listed, responses, test_figures
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
        What it was trained on. The test part is predicted here, for the first and only time.
    history : sequence of Epoch
    engine : Engine
    progress : callable, optional
        Called with (images done, images in all).

    Returns
    -------
    dict
        Plain values, for JSON; docs/report.md has its keys.
    """
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    total, done, predicted = sum(map(len, parts.values())), 0, {}
    for name, part in parts.items():
        advance = (lambda now, _, before=done: progress(before + now, total)) if progress else None
        predicted[name] = model.predict(part.images, engine, progress=advance)
        done += len(part)
    measured = {name: measure(predicted[name], part.labels, model.classes) for name, part in parts.items()}
    seconds = history[-1].seconds
    named = {"training": dataset.train, "validation": dataset.validation, "test": dataset.test}
    shared = {names: len(places) for names, places in shared_images(named).items()}
    found = [
        *cautions.of_figures(measured["test"]),
        *cautions.of_gap(measured["train"].accuracy, measured["validation"].accuracy),
        *cautions.of_duplicates(shared),
    ]
    provenance = model.provenance
    early_stopping = provenance.get("recipe", {}).get("early_stopping", False)
    return {
        **heading("training"),
        "split": "test",
        "engine": engine.name,
        "seconds": seconds,
        "images_per_second": len(dataset.train) * len(history) / seconds,
        "train_accuracy": measured["train"].accuracy,
        "validation_accuracy": measured["validation"].accuracy,
        **test_figures(model, dataset.test, predicted["test"], measured["test"]),
        "images": {name: len(part) for name, part in parts.items()},
        "cautions": listed(found),
        "history": [asdict(epoch) for epoch in history],
        "best_epoch": best_epoch(history),
        "chosen_epoch": best_epoch(history) if early_stopping else history[-1].epoch,
        "filters": responses(model, dataset.validation, "validation"),
        "notices": list(dataset.notices),
        **provenance,
        "data": {**provenance.get("data", {}), "test_sha256": dataset.test.checksum()},
    }
