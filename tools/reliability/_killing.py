"""Commands that are killed at random moments, for the trials."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from handgrad import model_file
from handgrad.architecture import Architecture
from handgrad.model import Model
from handgrad.standardization import Standardization


def write_model(path: Path) -> Path:
    """Write a model that was drawn, not trained: its answers depend on every pixel all the same."""
    architecture = Architecture(input_shape=(8, 8, 1), classes=10, stages=((8, 8),), hidden=(32,))
    names = tuple(map(str, range(10)))
    model_file.save(Model.initial(architecture, names, Standardization((75.0,), (90.0,)), seed=0), path)
    return path


def write_pictures(folder: Path, count: int) -> Path:
    """Write pictures of digits, in folders of a thousand; after the first 1,797, links to those."""
    images = load_digits().images.astype(np.uint8) * 15
    written: list[Path] = []
    for number in range(count):
        path = folder / f"{number // 1000:03d}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number < len(images):
            Image.fromarray(images[number]).save(path)
            written.append(path)
        else:
            path.hardlink_to(written[number % len(images)])
    return folder


def command(*arguments: object) -> list[str]:
    """Return a command of handgrad."""
    return [sys.executable, "-m", "handgrad", *map(str, arguments)]


def completed(*arguments: object) -> float:
    """Run a command to its end, and return the seconds that it took."""
    started = time.monotonic()
    subprocess.run(command(*arguments), check=True, capture_output=True)
    return time.monotonic() - started


def killed(arguments: Sequence[object], seconds: float, draw: random.Random) -> bool:
    """Start a command and kill it within so many seconds; return whether it was still running."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command(*arguments), stdout=quiet, stderr=quiet) as process:
        try:
            process.wait(draw.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            return True
    return False
