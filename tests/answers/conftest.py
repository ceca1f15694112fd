"""A small model, and folders of pictures for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from handgrad.architecture import Architecture
from handgrad.model import Model
from handgrad.standardization import Standardization
from tests.data.writing import noise, write_picture

SHAPE = (6, 6, 1)


@pytest.fixture(scope="session")
def model() -> Model:
    architecture = Architecture(input_shape=SHAPE, classes=3, stages=((2, 2),), hidden=())
    return Model.initial(architecture, ("a", "b", "c"), Standardization((128.0,), (74.0,)), seed=0)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Nine pictures, one of them in a folder; one file that is none, one that is torn, and one in color."""
    folder = tmp_path / "pictures"
    for number in range(8):
        write_picture(folder / f"{number}.png", noise(6, 6, seed=number))
    write_picture(folder / "deeper" / "ü, 8.png", noise(9, 7, seed=8))
    write_picture(folder / "color.png", noise(6, 6, 3, seed=9))
    (folder / "notes.txt").write_text("no picture")
    (folder / "torn.png").write_bytes((folder / "0.png").read_bytes()[:50])
    return folder
