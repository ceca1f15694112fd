"""The images that a model has not learned from, each of them measured once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handgrad.architecture import Architecture
from handgrad.data import figures, load
from handgrad.data.duplicates import shared_images
from handgrad.errors import DataError
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.report.unseen import read_unseen
from handgrad.standardization import Standardization
from handgrad.typing import Pixels
from tests.data.writing import write_classes

Provenance = dict[str, Any]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many images were digested so far."""
    digests, counts = figures._digests, list[int]()

    def counted(images: Pixels) -> Any:
        counts.append(len(images))
        return digests(images)

    monkeypatch.setattr(figures, "_digests", counted)
    return lambda: sum(counts)


def model(provenance: Provenance, *classes: str, channels: int = 1) -> Model:
    names = classes or tuple("0123456789")
    network = Parameters.zeros(Architecture(input_shape=(8, 8, channels), classes=len(names)))
    return Model(network, names, Standardization((0.0,) * channels, (1.0,) * channels), provenance)


def trained(seed: int) -> Provenance:
    return {"seed": seed, "data": {"source": "digits", "sha256": load("digits", seed=seed).checksum()}}


def test_a_training_measures_each_image_once(measured: Callable[[], int]) -> None:
    dataset = load("digits")
    dataset.checksum(), dataset.test.checksum(), dataset.standardization(), shared_images(dataset.splits)
    assert measured() == 1797


@pytest.mark.parametrize("seed", [0, 7])
def test_the_split_that_was_held_out(measured: Callable[[], int], seed: int) -> None:
    provenance = trained(seed)
    before = measured()
    unseen = read_unseen(model(provenance), "digits")
    assert unseen.samples.checksum() == load("digits", seed=seed).test.checksum()
    assert (unseen.which, unseen.notices) == ("held out", ())
    assert measured() - before == 2 * 1797  # One reading here, and the other in the line above.


def test_a_source_that_has_changed_is_reported(measured: Callable[[], int]) -> None:
    unseen = read_unseen(model({"seed": 0, "data": {"source": "digits", "sha256": "other"}}), "digits")
    assert (unseen.which, len(unseen.samples)) == ("all", 1797)
    assert "source=digits: it has changed since the model was trained on it" in unseen.notices[0]
    unseen.samples.checksum()
    assert measured() == 1797


def test_classes_are_numbered_as_the_model_numbers_them(tmp_path: Path) -> None:
    source = str(write_classes(tmp_path / "few", "b", "c", count=4))
    with pytest.raises(DataError, match="its labels 'c' are unknown to the model, which knows 'x', 'b'"):
        read_unseen(model({}, "x", "b"), source)
    unseen = read_unseen(model({}, "x", "b", channels=3), source, known_only=False)
    assert (unseen.which, unseen.samples.labels.tolist()) == ("all", [1] * 4 + [-1] * 4)
    assert unseen.samples.images.shape == (8, 8, 8, 3)
    assert np.ptp(np.asarray(unseen.samples.images), axis=3).max() == 0
