"""``predict -o answers.csv``, killed at random moments."""

from __future__ import annotations

import random
from pathlib import Path

from handgrad.answers.state import beside
from tools.reliability._killing import completed, killed, write_model, write_pictures
from tools.reliability.trial import Outcome

SECTION = "Interruptions and full disks"
TITLE = "`predict -o answers.csv` of 5,000 pictures is killed; the same command ends with the same file, bit for bit"
FOUND = ""
ATTEMPTS = 24
_PICTURES = 5_000


def trial(folder: Path) -> Outcome:
    """Kill it once at each attempt, at every other attempt twice, then let it end."""
    model, pictures = write_model(folder / "model.safetensors"), write_pictures(folder / "new", _PICTURES)
    whole, draw = folder / "whole.csv", random.Random(0)
    completed("predict", model, pictures, "-o", whole)
    seconds = completed("predict", model, pictures, "-o", whole, "--overwrite")
    held = partly = 0
    for attempt in range(ATTEMPTS):
        out = folder / f"{attempt}.csv"
        arguments = ("predict", model, pictures, "-o", out)
        fine = True
        for _ in range(1 + attempt % 2):
            running = killed(arguments, seconds, draw)
            parts = list(beside(out).glob("part-*.csv"))
            partly += running and 0 < len(parts) < 5
            # A file that is there is whole.
            fine = fine and (not out.exists() or out.read_bytes() == whole.read_bytes())
        if not out.exists() or beside(out).exists():
            completed(*arguments)
        held += fine and out.read_bytes() == whole.read_bytes() and not beside(out).exists()
    return Outcome(ATTEMPTS, held, f"{partly} kills left a part of the answers")
