"""Mutates checkpoints, and restores the training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handgrad import engine
from handgrad.errors import HandgradError
from handgrad.training import Recipe, checkpoint
from tools.fuzz.readers import READERS, make_model
from tools.reliability._damage import damaged
from tools.reliability.trial import Outcome

SECTION = "Damaged files"
TITLE = "a checkpoint, damaged anywhere: it is refused in one line, or what is restored is what was written"
FOUND = ""
COUNT = 10_000


def trial(folder: Path) -> Outcome:
    """Damage a checkpoint of three epochs."""
    path, rng, held = folder / "step-00000003.safetensors", np.random.default_rng(15), 0
    *_, content = (seed for seed in READERS["checkpoint"].seeds() if seed[:1] != b"\0")
    path.write_bytes(content)
    right, refused = _restored(path), 0
    for changed in damaged(content, COUNT, rng):
        path.write_bytes(changed)
        try:
            held += _restored(path) == right
        except HandgradError as error:
            held += "\n" not in str(error)
            refused += 1
    return Outcome(COUNT, held, f"{refused:,} refused")


def _restored(path: Path) -> object:
    model, read = make_model(), checkpoint.load(path)
    state = read.restore(model, Recipe(), engine.create("notes", model.standardization))
    memory = {name: vector.tobytes() for name, vector in state.optimizer.memory().items()}
    return model.parameters.vector.tobytes(), memory, state.step, state.history, read.settings, read.provenance
