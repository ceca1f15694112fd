"""``sweep`` without a cluster, killed at random moments."""

from __future__ import annotations

import random
from pathlib import Path

from handgrad import model_file
from handgrad.sweep.sweep import TABLE
from tools.reliability._killing import completed, killed
from tools.reliability.trial import Outcome

SECTION = "Interruptions and full disks"
TITLE = "`sweep` of 4 trials is killed; the same command ends with the same table and the same model, bit for bit"
FOUND = ""
ATTEMPTS = 4
_SPACE = """
epochs = 24
filters = "8,8"
hidden = "32"
learning-rate = {loguniform = [1e-4, 3e-2]}
weight-decay = {uniform = [0, 0.2]}
"""


def trial(folder: Path) -> Outcome:
    """Kill it once at each attempt, with one or two processes, then let it end."""
    space, draw = folder / "space.toml", random.Random(0)
    space.write_text(_SPACE)

    def arguments(out: Path, workers: int) -> tuple[object, ...]:
        return "sweep", "digits", "--space", space, "--out", out, "--trials", 4, "--workers", workers

    def results(out: Path) -> list[bytes]:
        # The rest of the model's file is its provenance, with the command, which names the folder.
        return [(out / TABLE).read_bytes(), model_file.load(out).parameters.vector.tobytes()]

    whole = folder / "00"
    seconds = completed(*arguments(whole, 2))
    held = trained = 0
    for attempt in range(1, ATTEMPTS + 1):
        out = folder / f"{attempt:02d}"
        workers = 1 + attempt % 2
        if killed(arguments(out, workers), seconds, draw):
            trained += any(out.glob("trials/*/*.json"))
            completed(*arguments(out, 3 - workers))
        held += results(out) == results(whole) and not (out / "trials").exists()
    return Outcome(ATTEMPTS, held, f"{trained} kills left trained trials")
