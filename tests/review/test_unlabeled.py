"""What to label next: the uncertain, none twice, nothing that is labeled already."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from handgrad.errors import DataError
from handgrad.review.subject import read_subject
from handgrad.review.unlabeled import beside_the_classes, features, read_unlabeled, suggested
from handgrad.trace import trace
from tests.data.writing import write_picture
from tests.review.pictures import model, picture


def test_copies_are_suggested_once_and_labeled_pictures_never(folder: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    for number in range(3):
        write_picture(new / f"copy {number}.png", picture(0, 100))
    write_picture(new / "known.png", picture(0, 1))
    write_picture(new / "other" / "new.png", picture(1, 101))
    (new / "notes.txt").write_text("no picture")
    pictures = read_unlabeled(model(), new)
    assert pictures.notices == (f"1 of 6 files in {new} were skipped: they are no pictures",)
    probabilities = model().predict(pictures.images)
    chosen = suggested(model(), pictures, read_subject(model(), str(folder)).samples, probabilities, 10)
    assert sorted(pictures.names[chosen]) == ["copy 0.png", str(Path("other/new.png"))]


def test_the_least_certain_comes_first_and_the_others_differ_from_it(folder: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    for number in range(30):
        # Nearly the same picture thirty times, and one that is unlike them.
        pixels = picture(0, 0)
        pixels[0, 0] = number
        write_picture(new / f"{number:02}.png", pixels)
    write_picture(new / "unlike.png", picture(2, 99))
    pictures = read_unlabeled(model(), new)
    probabilities = np.full((31, 3), 0.1) + np.arange(31)[:, None] * [[0.0, 0.0, 0.001]]
    probabilities[:, 0] = 0.8
    probabilities[7] = [0.4, 0.39, 0.21]
    known = read_subject(model(), str(folder)).samples
    chosen = suggested(model(), pictures, known, probabilities, 4)
    assert [pictures.names[index] for index in chosen[:2]] == ["07.png", "unlike.png"]
    assert len(set(chosen.tolist())) == 4


def test_features_are_what_enters_the_last_layer(tmp_path: Path) -> None:
    net, pixels = model(), picture(1, 0)[..., np.newaxis]
    found = features(net, np.stack([pixels, pixels]), np.array([1]))
    np.testing.assert_allclose(found[0], trace(net, pixels, 0).tensors["h1'"], rtol=1e-4, atol=1e-5)


def test_pictures_beside_the_class_folders(folder: Path) -> None:
    write_picture(folder / "new.PNG")
    (folder / "labels.csv").touch()
    (folder / ".hidden.png").touch()
    assert beside_the_classes(folder) == [str(folder / "new.PNG")]


def test_a_folder_without_a_picture_is_refused(tmp_path: Path) -> None:
    for path, rule in ((tmp_path / "none", "it is no folder"), (tmp_path, "it holds no picture that can be read")):
        with pytest.raises(DataError, match=f"unlabeled={path}: {rule}"):
            read_unlabeled(model(), path)
