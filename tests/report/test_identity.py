"""Same pictures and same data are known by their bytes."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from handgrad.data import Dataset, Samples, figures
from handgrad.data.duplicates import shared_images


def samples(*greys: int) -> Samples:
    images = np.array(greys, np.uint8).reshape(-1, 1, 1, 1) * np.ones((1, 6, 6, 1), np.uint8)
    return Samples(images, np.zeros(len(greys), np.int64))


@pytest.fixture(params=[1, 2, 256], autouse=True)
def _pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_PIECE", request.param)


def test_pictures_of_two_parts() -> None:
    parts = {"training": samples(1, 2, 2, 3), "validation": samples(3, 4), "test": samples(5, 4, 3, 2, 1, 1)}
    assert {names: len(places) for names, places in shared_images(parts).items()} == {
        ("validation", "training"): 1,
        ("test", "validation"): 1,
        ("test", "training"): 4,
    }


def test_no_picture_of_two_parts() -> None:
    assert shared_images({"training": samples(1, 1), "test": samples(2)}) == {}


def test_the_checksum_is_that_of_the_dataset_part_by_part() -> None:
    parts = [samples(1, 2, 3), samples(4), samples(5, 6, 7)]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part.images.shape).encode())
        digest.update(part.figures.digests.tobytes())
        digest.update(part.labels.tobytes())
    assert Dataset("a", ("b", "c"), parts[0], parts[1], parts[2]).checksum() == digest.hexdigest()
    alone = hashlib.sha256(
        repr(parts[0].images.shape).encode() + parts[0].figures.digests.tobytes() + parts[0].labels.tobytes()
    )
    assert parts[0].checksum() == alone.hexdigest()
    assert samples(1, 2).checksum() != samples(2, 1).checksum()
