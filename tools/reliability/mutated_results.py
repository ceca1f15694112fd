"""Mutates what a training leaves: its model, and its table of splits where the next training groups by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from handgrad import model_file
from handgrad.data import load
from handgrad.errors import HandgradError
from handgrad.runs import TrainingOptions, train
from handgrad.training import Recipe
from tools.reliability._damage import damaged
from tools.reliability.trial import Outcome

SECTION = "Damaged files"
TITLE = (
    "the model.safetensors and split.csv of a training, damaged anywhere, read as a model and as a table of groups: "
    "refused in one line, or read"
)
FOUND = ""
COUNT = 10_000


def trial(folder: Path) -> Outcome:
    """Damage both, five thousand times each."""
    root, rng, held, refused = folder / "photos", np.random.default_rng(15), 0, 0
    for number in range(12):
        path = root / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(path)
    network = {"stages": ((2,),), "hidden": (4,)}
    options = TrainingOptions(source=str(root), network=network, recipe=Recipe(epochs=1), engine="notes")
    run = train(options, folder / "run").folder
    for name in ("model.safetensors", "split.csv"):
        path = run / name
        content = path.read_bytes()
        for changed in damaged(content, COUNT // 2, rng):
            path.write_bytes(changed)
            try:
                if name == "split.csv":
                    load(str(root), group_by=str(path))
                else:
                    model = model_file.load(path)
                    if not np.isfinite(model.parameters.vector).all():
                        continue
            except HandgradError as error:
                refused += 1
                if "\n" in str(error):
                    continue
            held += 1
        path.write_bytes(content)
    return Outcome(COUNT, held, f"{refused:,} refused")
