"""All images of a source are reviewed, whichever split they are in and wherever their pixels are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from handgrad.data.cache import Cache
from handgrad.data.stored import StoredImages
from handgrad.errors import DataError
from handgrad.review.subject import read_subject
from tests.data.writing import write_classes, write_idx
from tests.review.pictures import model


def test_every_split_is_reviewed_with_its_pixels_on_disk(tmp_path: Path) -> None:
    for split, count in (("train", 5), ("val", 2), ("test", 3)):
        write_classes(tmp_path / "photos" / split, "a", "b", count=count, shape=(8, 8))
    subject = read_subject(model(), str(tmp_path / "photos"), Cache(tmp_path / "cache"))
    images, names = subject.samples.images, subject.samples.identifiers.tolist()
    assert isinstance(images, StoredImages)
    assert (len(images), subject.root, subject.classes) == (20, tmp_path / "photos", ("a", "b"))
    assert names[0] == str(Path("train/a/0.png"))
    assert len(set(names)) == 20
    in_memory = read_subject(model(), str(tmp_path / "photos"))
    np.testing.assert_array_equal(np.asarray(images), in_memory.samples.images)
    assert subject.samples.checksum() == in_memory.samples.checksum()
    assert [subject.classes[label] for label in subject.samples.labels] == [Path(name).parts[1] for name in names]


def test_the_pictures_of_other_sources_are_numbers(tmp_path: Path) -> None:
    subject = read_subject(model(), str(write_idx(tmp_path / "idx")))
    assert subject.root is None
    assert subject.samples.identifiers[[0, 40]].tolist() == ["train/0", "test/0"]


def test_one_class_cannot_be_doubted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it has fewer than two classes"):
        read_subject(model(), str(write_classes(tmp_path / "one", "a")))
