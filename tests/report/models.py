"""Small models with data of any kind, for reports."""

from __future__ import annotations

import numpy as np

from handgrad.architecture import Architecture
from handgrad.data import Dataset, Samples
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization

PROVENANCE = {
    "command": "handgrad train pictures",
    "seed": 0,
    "recipe": {"epochs": 2, "batch_size": 32},
    "data": {"source": "pictures", "sha256": "0" * 64},
    "versions": {"handgrad": "0.1.0"},
}


def drawn(
    classes: tuple[str, ...] = ("free", "defect"),
    each: int = 12,
    shape: tuple[int, int, int] = (8, 8, 1),
    source: str = "pictures",
    maps: int | None = None,
    names: str | None = None,
) -> tuple[Model, Dataset]:
    """An untrained model, and a dataset of noise with equally many images of each class in every split."""
    rng = np.random.default_rng(len(classes))
    labels = np.repeat(np.arange(len(classes)), each)
    paths = None if names is None else np.array([names.format(index) for index in range(len(labels))], object)
    train, validation, test = (
        Samples(rng.integers(0, 256, (len(labels), *shape)).astype(np.uint8), labels, paths) for _ in range(3)
    )
    architecture = Architecture(input_shape=shape, classes=len(classes), stages=((3, 2),), hidden=(8,), maps=maps)
    figures = Standardization((128.0,) * shape[2], (74.0,) * shape[2])
    provenance = PROVENANCE | {"data": {"source": source, "sha256": "0" * 64, "group_by": r"(\d+)_<b>"}}
    model = Model(Parameters.draw(architecture, rng), classes, figures, provenance)
    return model, Dataset("pictures", classes, train, validation, test)
