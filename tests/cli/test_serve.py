"""The images that ``handgrad serve`` offers are those that ``handgrad evaluate`` would measure the model on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handgrad import model_file
from handgrad.cli import serve
from handgrad.data import load
from handgrad.errors import DataError
from handgrad.typing import Images
from tests.cli.conftest import Run
from tests.data.writing import write_classes, write_picture


def distinct(images: Images) -> set[bytes]:
    return {image.tobytes() for image in images}


@pytest.mark.parametrize("seed", [0, 7])
def test_no_image_that_it_offers_was_learned_from(run: Run, here: Path, seed: int) -> None:
    small = ("--filters", "2", "--hidden", "4", "--epochs", "1", "--engine", "notes")
    assert run("train", "digits", "--seed", seed, *small, "--out", "out").code == 0
    name, images, labels = serve._pictures(None, model_file.load(here / "out"))
    dataset = load("digits", seed=seed)
    assert (name, len(images)) == ("digits", 359)
    assert distinct(images).isdisjoint(distinct(dataset.train.images))
    np.testing.assert_array_equal(images, dataset.test.images)
    np.testing.assert_array_equal(labels, dataset.test.labels)


def test_the_model_trained_on_the_spot_is_offered_its_own_test_split() -> None:
    model = serve._trained_on_digits()
    _, images, _ = serve._pictures(None, model)
    np.testing.assert_array_equal(images, load("digits", seed=0).test.images)


def test_images_of_unknown_classes_have_no_number(trained: Path, tmp_path: Path) -> None:
    source = write_classes(tmp_path / "mixed", "3", "cat", count=4)
    name, images, labels = serve._pictures(str(source), model_file.load(trained))
    assert (name, images.shape) == ("mixed", (8, 8, 8, 1))
    assert labels.tolist() == [3] * 4 + [-1] * 4


class Opened(list[str]):
    """Every path that this process opens or lists, and every address that it connects to."""

    listening = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.listening and event in ("open", "os.listdir", "os.scandir", "socket.connect"):
            self.append(str(arguments[1 if event == "socket.connect" else 0]))


OPENED = Opened()
sys.addaudithook(OPENED)


@pytest.fixture
def opened() -> Iterator[Opened]:
    OPENED.clear()
    OPENED.listening = True
    yield OPENED
    OPENED.listening = False


def naming(trained: Path, folder: Path, **data: Any) -> Path:
    """The model, which says that it was trained on something else."""
    folder.mkdir()
    model = model_file.load(trained)
    model_file.save(replace(model, provenance=model.provenance | {"data": data}), folder / "model.safetensors")
    return folder


def test_what_only_the_model_names_is_not_opened(trained: Path, here: Path, run: Run, opened: Opened) -> None:
    photos, table = write_classes(here / "photos", "3", "5", count=4), here / "objects.csv"
    table.write_text("image,object\n")
    picture = next(photos.rglob("*.png"))
    gray = write_picture(here / "gray.png", np.arange(64, dtype=np.uint8).reshape(8, 8))
    folder = naming(trained, here / "model", source=str(photos), group_by=str(table), sha256="0" * 64)
    model = model_file.load(folder)
    opened.clear()
    assert serve._pictures(None, model)[0] == "digits"
    for command in (
        ["info", folder],
        ["check", folder],
        ["explain", gray, "--model", folder],
        ["predict", folder, gray],
        ["evaluate", folder, "digits", "--out", "evaluated"],
        ["export", folder, "model.onnx"],
        ["export", folder, "model.c", "--int8"],
    ):
        assert run(*command).code == 0, command
    for path in (photos, table):
        assert [each for each in opened if str(path) in each] == []
    # If a person names it, it is another matter.
    assert serve._pictures(str(photos), model)[0] == "photos"
    assert any(str(picture) in each for each in opened)


def test_one_line_tells_how_to_see_the_pictures_of_the_training(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = model_file.load(naming(trained, tmp_path / "model", source="my photos"))
    serve._pictures(None, model)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(
        "offering the embedded digits; --source SOURCE, e.g. --source 'my photos' offers other pictures"
    )


@pytest.mark.parametrize("data", [{"source": "openml:mnist_784"}, {"source": 3}, {"source": ["a"]}, {}], ids=str)
def test_the_digits_are_offered_whatever_a_model_says(trained: Path, tmp_path: Path, data: dict[str, Any]) -> None:
    model = model_file.load(naming(trained, tmp_path / "model", **data))
    assert serve._pictures(None, model)[0] == "digits"
    assert serve._pictures(None, replace(model, provenance={"data": [1]}))[0] == "digits"


def test_a_table_of_objects_is_opened_for_the_models_own_source_alone(here: Path, run: Run) -> None:
    photos, others = (write_classes(here / name, "3", "5", count=12) for name in ("photos", "others"))
    rows = (f"{path.relative_to(photos)},{number}" for number, path in enumerate(sorted(photos.rglob("*.png"))))
    (here / "objects.csv").write_text("image,object\n" + "\n".join(rows))
    small = ("--filters", "1", "--hidden", "none", "--epochs", "1", "--engine", "notes")
    assert run("train", "photos", "--group-by", "objects.csv", *small, "--out", "out").code == 0
    assert "(the test split held out in training)" in run("evaluate", "out", "photos", "--engine", "notes").out
    said = run("evaluate", "out", others, "--engine", "notes")
    assert "(all of the source)" in said.out
    assert "a table that it names (objects.csv) is not opened; evaluate on photos, or on others" in said.err


def test_a_source_that_cannot_be_read_is_reported(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file or folder"):
        serve._pictures(str(tmp_path / "gone"), model_file.load(trained))
