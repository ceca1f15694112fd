from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from handgrad.data import load
from handgrad.errors import DataError, InputError
from tests.data.writing import write_classes


def test_digits() -> None:
    digits = load("digits")
    assert digits.name == "digits"
    assert digits.classes == tuple("0123456789")
    assert digits.image_shape == (8, 8, 1)
    assert not digits.own_test
    assert np.unique(digits.everything().images).tolist() == np.rint(np.arange(17) * 255 / 16).tolist()
    assert load("digits", size=(16, 12)).image_shape == (16, 12, 1)


def test_the_embedded_digits_come_before_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_classes(tmp_path / "digits", "a", "b")
    assert len(load("digits").classes) == 10
    assert load("./digits").classes == ("a", "b")
    monkeypatch.chdir(tmp_path / "digits")
    assert load(".").name == "digits"


@pytest.mark.parametrize("source", ["", "missing", "missing.npz", "digit", "null\0byte"])
def test_what_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"no such file or folder; a source is digits.*IDX.*class folders.*npz.*openml"):
        load(source)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("1,2,3")
    with pytest.raises(DataError, match=r"table\.csv: this file is no source; a source is digits"):
        load(str(tmp_path / "table.csv"))


def test_a_name_too_long_for_the_system() -> None:
    with pytest.raises(DataError, match="source=xxx"):
        load("x" * 5000)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no class folders"):
        load(str(tmp_path))


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (5, 5000)])
def test_sizes_out_of_range(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=r"size=.*must be 1 to 4096; give one like 28x28"):
        load("digits", size=size)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_out_of_range(seed: int) -> None:
    with pytest.raises(InputError, match=f"seed={seed}"):
        load("digits", seed=seed)


@pytest.mark.parametrize(
    ("name", "brightness"),
    [("mnist", 33.3), ("fashion-mnist", 72.9)],  # means of all training pixels as published, times 255
)
def test_real_idx(shared_data: Path, name: str, brightness: float) -> None:
    dataset = load(str(shared_data / name))
    assert dataset.own_test
    assert dataset.classes == tuple("0123456789")
    assert dataset.image_shape == (28, 28, 1)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (54_000, 6_000, 10_000)
    assert dataset.train.images.mean() == pytest.approx(brightness, abs=0.2)
    assert np.bincount(dataset.everything().labels).min() > 6_000


def test_real_photos(shared_data: Path) -> None:
    dataset = load(str(shared_data / "magnetic-tile"), strict=True)
    assert not dataset.own_test
    assert dataset.classes == ("defect", "free")
    assert dataset.image_shape == (100, 100, 1)
    assert np.bincount(dataset.everything().labels).tolist() == [392, 952]
    assert len(dataset.notices) == 1
    assert "resized to 100 × 100" in dataset.notices[0]
