"""Measure ``handgrad review``: some labels are made wrong, and how many of them come first is counted.

Prints the tables of docs/review.md: ``python -m tools.measure_review DATA``, with the folder of the real data sets.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handgrad.architecture import Architecture
from handgrad.data import Samples, read
from handgrad.data.stored import joined
from handgrad.review.doubt import doubts
from handgrad.review.folds import folds_of
from handgrad.review.training import Plan, out_of_fold
from handgrad.training import Recipe
from handgrad.typing import Array

_SHARE = 0.05
_SEEDS = 3
_SETS = (
    ("digits", None, None, ((16, 16),), None),
    ("fashion-mnist", 3, (28, 28), ((16, 16),), 20_000),
    ("magnetic-tile", 30, (64, 64), ((16, 16), (16, 16)), None),
)
"""Source, epochs, size, stages, and how many of the images."""


def main() -> None:
    """Print a row for each source and kind of error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of fashion-mnist and magnetic-tile")
    data = parser.parse_args().data
    print(
        "source, errors, wrong, doubted, expected, among the first N, among the first 2 N, found, answer right, seconds"
    )
    for name, epochs, size, stages, most in _SETS:
        splits = read(name if name == "digits" else str(data / name), size=size)
        parts = list(splits.own.values())
        images, labels = joined([part.images for part in parts]), np.concatenate([part.labels for part in parts])
        images, labels = np.asarray(images[:most]), labels[:most]
        sizes = Architecture(input_shape=images.shape[1:], classes=len(splits.classes), stages=stages, hidden=(64,))
        plan = Plan(sizes, Recipe(epochs=epochs))
        clean = _probabilities(images, labels, splits.classes, plan, 0)
        for kind in ("random", "alike"):
            figures = [_figures(images, labels, clean, splits.classes, plan, kind, seed) for seed in range(_SEEDS)]
            means = np.mean(figures, axis=0)
            print(name, kind, *(f"{mean:.3g}" for mean in means), sep=", ", flush=True)


def _probabilities(
    images: NDArray[np.uint8], labels: NDArray[np.int64], classes: tuple[str, ...], plan: Plan, seed: int
) -> Array:
    samples = Samples(images, labels)
    return out_of_fold(samples, classes, folds_of(samples, seed=seed), plan)


def _figures(
    images: NDArray[np.uint8], labels: NDArray[np.int64], clean: Array, classes: tuple[str, ...], plan: Plan,
    kind: str, seed: int,
) -> tuple[float, ...]:  # fmt: skip
    rng, count = np.random.default_rng(seed), round(_SHARE * len(labels))
    chosen, noisy = rng.choice(len(labels), count, replace=False), labels.copy()
    if kind == "random":
        noisy[chosen] = (labels[chosen] + rng.integers(1, len(classes), count)) % len(classes)
    else:
        # The class that the networks themselves take it for most often.
        confusion = np.stack([clean[labels == label].mean(axis=0) for label in range(len(classes))])
        np.fill_diagonal(confusion, 0)
        noisy[chosen] = confusion.argmax(axis=1)[labels[chosen]]
    began = time.monotonic()
    found = doubts(_probabilities(images, noisy, classes, replace(plan, seed=seed), seed), noisy)
    seconds, wrong = time.monotonic() - began, noisy != labels
    hits = wrong[found.indices]
    right = (found.answers == labels[found.indices])[hits].mean()
    shares = (hits[:count].mean(), hits[: 2 * count].sum() / count, hits.sum() / count, right)
    return count, len(found.indices), found.expected, *map(float, shares), seconds


if __name__ == "__main__":
    main()
