"""What standardizes the images are the figures of the training split alone, whatever the images came from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from handgrad.data import load
from handgrad.data.cache import Cache
from handgrad.standardization import Standardization
from tests.data.writing import noise, write_classes, write_idx


def source(kind: str, folder: Path) -> str:
    if kind == "npz":
        np.savez(folder / "a.npz", images=noise(60, 6, 5, 3), labels=np.arange(60) % 3)
        return str(folder / "a.npz")
    if kind == "idx":
        return str(write_idx(folder / "idx"))
    return str(write_classes(folder / "photos", "a", "b", count=8)) if kind == "photos" else kind


@pytest.mark.parametrize("kind", ["digits", "npz", "idx", "photos"])
@pytest.mark.parametrize("cached", [False, True])
def test_they_are_those_of_the_training_split(kind: str, cached: bool, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache") if cached else None
    for seed in (0, 1):
        dataset = load(source(kind, tmp_path), seed=seed, cache=cache)
        own, *others = (
            Standardization.of(np.asarray(part.images)) for part in (dataset.train, dataset.validation, dataset.test)
        )
        assert dataset.standardization() == own
        assert own not in others
