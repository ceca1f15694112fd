"""``predict`` of 200,000 pictures: memory that does not grow with their number."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from pathlib import Path

from tools.reliability._killing import command, write_model, write_pictures
from tools.reliability.trial import Outcome

SECTION = "Folders and options"
TITLE = "`predict -o answers.csv` of 200,000 pictures: a row for each, in less than 150 MB more than 2,000 take"
FOUND = ""
_MANY, _FEW = 200_000, 2_000
_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def trial(folder: Path) -> Outcome:
    """Predict many and few, and count the rows."""
    model = write_model(folder / "model.safetensors")
    found: dict[int, tuple[float, float]] = {}
    held = 0
    for count in (_FEW, _MANY):
        pictures, out = write_pictures(folder / str(count), count), folder / f"{count}.csv"
        started = time.monotonic()
        predicting = command("predict", model, pictures, "-o", out)
        done = subprocess.run([sys.executable, "-c", _MEASURE, *predicting], check=True, capture_output=True, text=True)
        found[count] = time.monotonic() - started, int(done.stdout) / 1024
        with out.open(newline="") as file:
            names = {row["path"] for row in csv.DictReader(file) if row["class"]}
        held += len(names) == count
    (_, little), (seconds, much) = found[_FEW], found[_MANY]
    held += much - little < 150
    return Outcome(3, held, f"{seconds:.0f} s, {much:.0f} MB of memory; {little:.0f} MB for 2,000 pictures")
