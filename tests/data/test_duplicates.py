"""Equal images and equal data are recognized by their bytes."""

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


def test_images_of_two_splits() -> None:
    splits = {"training": samples(1, 2, 2, 3), "validation": samples(3, 4), "test": samples(5, 4, 3, 2, 1, 1)}
    assert {names: len(images) for names, images in shared_images(splits).items()} == {
        ("validation", "training"): 1,
        ("test", "validation"): 1,
        ("test", "training"): 4,
    }


def test_no_image_of_two_splits() -> None:
    assert shared_images({"training": samples(1, 1), "test": samples(2)}) == {}


def test_the_checksum_is_that_of_the_dataset_split_by_split() -> None:
    splits = [samples(1, 2, 3), samples(4), samples(5, 6, 7)]
    digest = hashlib.sha256()
    for split in splits:
        digest.update(repr(split.images.shape).encode())
        digest.update(split.figures.digests.tobytes())
        digest.update(split.labels.tobytes())
    assert Dataset("a", ("b", "c"), splits[0], splits[1], splits[2]).checksum() == digest.hexdigest()
    alone = hashlib.sha256(
        repr(splits[0].images.shape).encode() + splits[0].figures.digests.tobytes() + splits[0].labels.tobytes()
    )
    assert splits[0].checksum() == alone.hexdigest()
    assert samples(1, 2).checksum() != samples(2, 1).checksum()
