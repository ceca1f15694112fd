"""Reads, trains and resumes while the clock, and the times of the files, jump back and forth."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
from PIL import Image

from handgrad.data import load
from handgrad.data.cache import Cache
from handgrad.errors import Interrupted
from handgrad.runs import Observer, TrainingOptions, resume, train
from handgrad.training import Epoch, Recipe, Step
from tools.reliability.trial import Outcome

SECTION = "Interruptions and full disks"
TITLE = (
    "a clock that jumps by up to fifty years, back or forth, between reading, training and resuming, and files of any "
    "date: same pixels, same model, and no negative time"
)
FOUND = (
    "decoded pictures that were used while the clock was ahead were kept until it came to that day. They now count as "
    "used on the day on which somebody notices"
)
COUNT, YEAR = 10, 365 * 86400


class _Stopped(Observer):
    def __init__(self, step: int) -> None:
        self.step = step

    def training(self) -> AbstractContextManager[Callable[[Step | Epoch], None]]:
        def see(event: object) -> None:
            self.step -= 1
            if self.step == 0:
                raise KeyboardInterrupt

        return nullcontext(see)


def trial(folder: Path) -> Outcome:
    """Change the clock before each step of the work."""
    rng, held, real = random.Random(15), 0, time.time
    root = folder / "photos"
    for number in range(12):
        path = root / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)).save(path)
    network = {"stages": ((2,),), "hidden": (4,)}
    options = TrainingOptions(source=str(root), network=network, recipe=Recipe(epochs=8), engine="notes")
    right, checksum = train(options, folder / "right").model.parameters.vector, load(str(root)).checksum()
    for number in range(COUNT):
        cache, out = Cache(folder / "cache"), folder / f"{number}"

        def jumped() -> float:
            return real() + rng.uniform(-50, 50) * YEAR

        with patch("time.time", jumped):
            for path in [*cache.folder.glob("*.pictures"), *root.rglob("*.png")]:
                os.utime(path, (max(0.0, jumped()),) * 2)
            same = load(str(root), cache=cache).checksum() == checksum
            try:
                train(options, out, cache=cache, observer=_Stopped(1 + number % 7))
                same = False
            except Interrupted:
                # The older of the two checkpoints is the newer by its date.
                for age, path in enumerate(sorted((out / "checkpoints").iterdir())):
                    os.utime(path, (10**6 - age,) * 2)
            result = resume(out, cache=cache)
        assert result
        seconds = [epoch["seconds"] for epoch in result.report["history"]]
        same = same and np.array_equal(result.model.parameters.vector, right) and min(seconds) >= 0
        held += same
    return Outcome(COUNT, held)
