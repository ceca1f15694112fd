"""What a training has left, while it runs and at its end, and whether two have left the same."""

from __future__ import annotations

import contextlib
import csv
import subprocess
import time
from pathlib import Path

import numpy as np

from handgrad.training.checkpoint import Checkpoints
from tests.data.writing import noise

FILES = {"curves.png", "filters.png", "history.csv", "model.safetensors", "report.html", "report.json", "split.csv"}


def write_images(path: Path, count: int = 60) -> Path:
    images, labels = noise(count, 8, 8), np.arange(count) % 2
    images[labels == 0, :4] //= 2
    np.savez(path, images=images, labels=labels)
    return path


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open() as file:
        return [row | {"seconds": ""} for row in csv.DictReader(file)]


def assert_ended_alike(folder: Path, undisturbed: Path, told: object = "") -> None:
    """Same bytes of the model, same history but for its seconds, and nothing else left behind."""
    assert {path.name for path in folder.iterdir()} >= FILES, told
    assert not any(path.name.startswith(".") or path.is_dir() for path in folder.iterdir()), told
    assert history(folder) == history(undisturbed), told
    one, other = ((place / "model.safetensors").read_bytes() for place in (folder, undisturbed))
    assert one == other, told


def step_of(folder: Path) -> int:
    """Steps of the newest checkpoint; −1 where there is none."""
    with contextlib.suppress(FileNotFoundError):
        return max((int(path.stem.removeprefix("step-")) for path in Checkpoints(folder).paths()), default=-1)
    return -1


def wait_for(folder: Path, step: int, process: subprocess.Popen[str]) -> None:
    while step_of(folder) < step and process.poll() is None:
        time.sleep(0.001)
