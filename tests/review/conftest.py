"""Reviews of a small folder, with the notes engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from handgrad import model_file
from tests.cli.conftest import here as here
from tests.cli.conftest import run as run
from tests.review.pictures import model, write_folder
from tests.web.conftest import opened as opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty pictures, two of them in the folder of another class."""
    return write_folder(tmp_path / "photos")


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """The folder of a model with a recipe for them."""
    path = tmp_path / "run"
    path.mkdir()
    model_file.save(model(), path / "model.safetensors")
    return path
