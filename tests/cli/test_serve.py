"""The images that ``handgrad serve`` offers are those that ``handgrad evaluate`` would measure the model on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from handgrad import model_file
from handgrad.cli import serve
from handgrad.data import load
from handgrad.typing import Images
from tests.cli.conftest import Run
from tests.data.writing import write_classes


def distinct(images: Images) -> set[bytes]:
    return {image.tobytes() for image in images}


@pytest.mark.parametrize("seed", [0, 7])
def test_no_image_that_it_offers_was_learned_from(run: Run, here: Path, seed: int) -> None:
    small = ("--filters", "2", "--hidden", "4", "--epochs", "1", "--engine", "notes")
    assert run("train", "digits", "--seed", seed, *small, "--out", "out").code == 0
    name, images, labels = serve._pictures("digits", model_file.load(here / "out"), strict=False)
    dataset = load("digits", seed=seed)
    assert (name, len(images)) == ("digits", 359)
    assert distinct(images).isdisjoint(distinct(dataset.train.images))
    np.testing.assert_array_equal(images, dataset.test.images)
    np.testing.assert_array_equal(labels, dataset.test.labels)


def test_the_model_trained_on_the_spot_is_offered_its_own_test_split() -> None:
    model = serve._trained_on_digits()
    _, images, _ = serve._pictures("digits", model, strict=False)
    np.testing.assert_array_equal(images, load("digits", seed=0).test.images)


def test_images_of_unknown_classes_have_no_number(trained: Path, tmp_path: Path) -> None:
    source = write_classes(tmp_path / "mixed", "3", "cat", count=4)
    name, images, labels = serve._pictures(str(source), model_file.load(trained), strict=True)
    assert (name, images.shape) == ("mixed", (8, 8, 8, 1))
    assert labels.tolist() == [3] * 4 + [-1] * 4


def test_the_digits_replace_pictures_that_are_gone(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, images, _ = serve._pictures(str(tmp_path / "gone"), model_file.load(trained), strict=False)
    assert (name, len(images)) == ("digits", 359)
    assert "are not available" in capsys.readouterr().err
