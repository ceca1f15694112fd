from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handgrad import cli
from handgrad.data import KINDS, SOURCES, absolute, load
from handgrad.errors import DataError, InputError
from tests.data.writing import everything, write_classes


def test_digits() -> None:
    digits = load("digits")
    assert digits.name == "digits"
    assert digits.classes == tuple("0123456789")
    assert digits.image_shape == (8, 8, 1)
    assert np.unique(everything(digits).images).tolist() == np.rint(np.arange(17) * 255 / 16).tolist()
    assert load("digits", size=(16, 12)).image_shape == (16, 12, 1)


def test_the_embedded_digits_come_before_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_classes(tmp_path / "digits", "a", "b")
    assert len(load("digits").classes) == 10
    assert load("./digits").classes == ("a", "b")
    monkeypatch.chdir(tmp_path / "digits")
    assert load(".").name == "digits"


def test_help_and_documents_list_every_kind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    assert all(f"| {kind.name} | {kind.help} |\n" in document for kind in SOURCES)
    monkeypatch.setenv("COLUMNS", "400")
    cli.run(["train", "--help"])
    assert KINDS in capsys.readouterr().out


def test_a_source_is_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_classes(tmp_path / "photos", "a", "b").parent)
    assert absolute("photos") == absolute("photos", str(tmp_path)) == str(tmp_path / "photos")
    assert absolute("a", str(tmp_path / "photos")) == str(tmp_path / "photos" / "a")
    (tmp_path / "digits").mkdir()
    for named in ("digits", "openml:mnist_784", "missing", "tile-[0-9]+", "x" * 5000, ""):
        assert absolute(named) == named


@pytest.mark.parametrize("source", ["", "missing", "missing.npz", "digit", "null\0byte"])
def test_what_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"no such file or folder; a source is {KINDS}$"):
        load(source)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("1,2,3")
    with pytest.raises(DataError, match=r"table\.csv: this file is of no kind that can be read; a source is digits"):
        load(str(tmp_path / "table.csv"))


def test_a_name_too_long_for_the_system() -> None:
    with pytest.raises(DataError, match="source=xxx"):
        load("x" * 5000)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no class folders"):
        load(str(tmp_path))


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (5, 5000), (8,), (8, 8, 3), (8, 0.5), 8, "28x28", [8, "8"], ()])
def test_sizes_out_of_range(size: Any) -> None:
    with pytest.raises(
        InputError, match=r"size=.*height and width must be 1 to 4096; give two whole numbers, e\.g\. 28 and 28"
    ):
        load("digits", size=size)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, 1.0, "1", None])
def test_seeds_out_of_range(seed: Any) -> None:
    with pytest.raises(InputError, match=rf"seed={seed}: must be from 0 to 4294967295; use 0, or another whole number"):
        load("digits", seed=seed)


def test_whole_numbers_of_numpy_are_sizes_and_seeds() -> None:
    sides = np.array([4, 6])
    digits = load("digits", size=(sides[0], sides[1]), seed=np.int64(3))  # type: ignore[arg-type]
    assert digits.image_shape == (4, 6, 1)
    assert digits.checksum() == load("digits", size=(4, 6), seed=3).checksum()


@pytest.mark.parametrize(
    ("name", "brightness"),
    [("mnist", 33.3), ("fashion-mnist", 72.9)],  # means of all training pixels as published, times 255
)
def test_real_idx(shared_data: Path, name: str, brightness: float) -> None:
    dataset = load(str(shared_data / name))
    assert dataset.classes == tuple("0123456789")
    assert dataset.image_shape == (28, 28, 1)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (54_000, 6_000, 10_000)
    assert np.mean(np.asarray(dataset.train.images)) == pytest.approx(brightness, abs=0.2)
    assert np.bincount(everything(dataset).labels).min() > 6_000


def test_real_photos(shared_data: Path) -> None:
    dataset = load(str(shared_data / "magnetic-tile"), strict=True)
    assert dataset.classes == ("defect", "free")
    assert dataset.image_shape == (100, 100, 1)
    assert np.bincount(everything(dataset).labels).tolist() == [392, 952]
    assert len(dataset.notices) == 1
    assert "resized to 100 × 100" in dataset.notices[0]
