"""Measure alternatives to the recipe's defaults on validation data: ``python -m tools.choose_recipe``.

It writes docs/recipe.md. The test split is never used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from rich.progress import track

from handgrad import engine as engines
from handgrad.architecture import Architecture
from handgrad.data import Dataset, load
from handgrad.errors import DivergenceError
from handgrad.model import Model
from handgrad.training import Epoch, Recipe, train
from tools import documents

SEEDS = range(5)
DEFAULT = Recipe()
RECIPES: list[dict[str, Any]] = [
    {},
    *({"learning_rate": rate} for rate in (0.001, 0.005, 0.01)),
    *({"weight_decay": decay} for decay in (0.0, 0.01, 0.5)),
    *({"batch_size": size} for size in (16, 64, 128)),
    {"schedule": "constant", "learning_rate": 0.002},
    {"schedule": "constant", "learning_rate": 0.005},
    *({"optimizer": "sgd", "learning_rate": rate, "weight_decay": 1e-4} for rate in (0.02, 0.05, 0.1)),
]
NETWORKS: list[dict[str, Any]] = [
    {"hidden": (128,)},
    {"stages": ((32, 32),)},
    {"stages": ((32, 32),), "hidden": (128,)},
    {"maps": 4},
]


def main() -> None:
    """Measure every alternative and write the document."""
    datasets = [load("digits", seed=seed) for seed in SEEDS]
    rows = []
    for number, change in enumerate(track([*RECIPES, *NETWORKS], description="Measuring")):
        recipe, sizes = (change, {}) if number < len(RECIPES) else ({}, change)
        rows.append(row(datasets, change, replace(DEFAULT, **recipe), sizes))
    documents.write("recipe.md", default=DEFAULT, seeds=len(SEEDS), rows=rows)


def row(datasets: list[Dataset], change: dict[str, Any], recipe: Recipe, sizes: dict[str, Any]) -> tuple[str, ...]:
    """Return the figures of one alternative as cells of a table."""
    name = ", ".join(f"{key} {value}" for key, value in change.items()) or "**none: the default**"
    try:
        last = [run(dataset, recipe, sizes, seed) for seed, dataset in zip(SEEDS, datasets, strict=True)]
    except DivergenceError as error:
        return name, f"diverged at step {error.step}", "–", "–"
    accuracy = 100 * np.array([epoch.validation_accuracy for epoch in last])
    loss = np.array([epoch.validation_loss for epoch in last])
    training = 100 * np.mean([epoch.accuracy for epoch in last])
    return (
        name,
        f"{accuracy.mean():.2f} ± {accuracy.std():.2f} %",
        f"{loss.mean():.4f} ± {loss.std():.4f}",
        f"{training:.2f} %",
    )


def run(dataset: Dataset, recipe: Recipe, sizes: dict[str, Any], seed: int) -> Epoch:
    """Train once and return the last epoch."""
    architecture = Architecture(
        input_shape=dataset.image_shape, classes=len(dataset.classes), **{"hidden": (64,), **sizes}
    )
    model = Model.initial(architecture, dataset.classes, dataset.standardization(), seed)
    engine = engines.create("fused", model.standardization)
    events = train(model, dataset.train, dataset.validation, recipe, engine, seed)
    *_, last = (event for event in events if isinstance(event, Epoch))
    return last


if __name__ == "__main__":
    main()
