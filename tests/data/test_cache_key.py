"""Whatever a decoded image depends on is part of its key in the cache: where that differs, it is decoded again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from PIL import Image

from handgrad.data import Dataset, load
from handgrad.data.cache import Cache
from tests.data.writing import noise, write_classes, write_picture

PICTURES = 10
Reading = Callable[..., tuple[Dataset, int]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_classes(tmp_path / "photos", "a", "b", count=PICTURES // 2)


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reading:
    """Reads a folder through the cache: the dataset, and how often an image was opened."""
    real, cache, opened = Image.open, Cache(tmp_path / "cache"), list[None]()

    def counted(*given: Any, **more: Any) -> Image.Image:
        opened.append(None)
        return real(*given, **more)

    def reading(folder: Path, size: tuple[int, int] | None = (8, 7)) -> tuple[Dataset, int]:
        opened.clear()
        return load(str(folder), size=size, cache=cache), len(opened)

    monkeypatch.setattr(Image, "open", counted)
    return reading


def test_what_was_read_is_not_opened_again(root: Path, read: Reading) -> None:
    assert [read(root)[1] for _ in range(2)] == [PICTURES, 0]
    # Without a size, each is opened for its size first. What has that size already is there.
    assert [read(root, None)[1] for _ in range(2)] == [2 * PICTURES, 0]


@pytest.mark.parametrize(("size", "opened"), [((8, 7), PICTURES), (None, 2 * PICTURES)])
def test_another_pillow_decodes_again(
    root: Path, read: Reading, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] | None, opened: int
) -> None:
    """It may give other pixels, and other sizes."""
    read(root, size)
    monkeypatch.setattr(PIL, "__version__", "0.0.1")
    assert read(root, size)[1] == opened
    assert read(root, size)[1] == 0


def test_another_handgrad_s_files_are_not_read(root: Path, read: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    read(root)
    monkeypatch.setattr("handgrad.data.cache.VERSION", 0)
    assert read(root)[1] == PICTURES


def test_every_size_is_decoded_by_itself(root: Path, read: Reading) -> None:
    sizes = [(8, 7), (7, 8), (8, 8), (56, 1)]
    for opened in (PICTURES, 0):
        for size in sizes:
            dataset, found = read(root, size)
            assert (dataset.image_shape[:2], found) == (size, opened)


def test_folders_do_not_drive_out_each_other(root: Path, read: Reading, tmp_path: Path) -> None:
    other = write_classes(tmp_path / "others", "a", "b", count=PICTURES // 2, shape=(9, 12))
    for opened in (PICTURES, 0, 0):
        for folder in (root, other):
            assert read(folder)[1] == opened


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What the system reports of every image, whatever is true of it."""
    real, fixed = os.stat, dict[str, int]()

    def stat(path: Any, *rest: Any, **more: Any) -> os.stat_result:
        status = real(path, *rest, **more)
        if not str(path).endswith(".png"):
            return status
        fields = list(status)
        fields[6] = fixed["st_size"]
        return os.stat_result(fields, {name: value for name, value in fixed.items() if name != "st_size"})

    fixed |= {"st_size": 1000, "st_mtime_ns": 10**18, "st_ctime_ns": 10**18}
    monkeypatch.setattr(os, "stat", stat)
    return fixed


@pytest.mark.parametrize("differs", ["st_size", "st_mtime_ns", "st_ctime_ns"])
def test_each_mark_of_a_file_shows_a_change(root: Path, read: Reading, reported: dict[str, int], differs: str) -> None:
    before, _ = read(root)
    write_picture(root / "a" / "0.png", noise(12, 9, seed=77))
    unseen, opened = read(root)
    assert (unseen.checksum(), opened) == (before.checksum(), 0)  # Nothing shows it.
    reported[differs] += 1
    after, opened = read(root)
    assert opened == PICTURES
    assert after.checksum() != before.checksum()


@pytest.mark.usefixtures("reported")
def test_files_that_differ_by_their_paths_alone_are_told_apart(root: Path, read: Reading) -> None:
    read(root)
    write_picture(root / "a" / "new.png", noise(12, 9, seed=77))
    dataset, opened = read(root)
    assert opened == 1
    images = np.concatenate([each.images for each in dataset.splits.values()])
    assert len({image.tobytes() for image in images}) == PICTURES + 1
