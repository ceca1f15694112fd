"""Starts several trainings into one folder at the same moment."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tools.reliability._training import is_one_line, model_of, training, write_source
from tools.reliability.trial import Outcome

SECTION = "Interruptions and full disks"
TITLE = "three trainings into one folder at once: one finishes as if it were alone, the others are refused in one line"
FOUND = (
    "the second was told to resume the first, which was still running. Now it is told that another process writes there"
)
COUNT, EPOCHS = 6, 60


def trial(folder: Path) -> Outcome:
    """Start three trainings, six times, a moment apart."""
    write_source(folder)
    with training(folder, EPOCHS) as process:
        process.communicate()
    right, held = model_of(folder), 0
    for number in range(COUNT):
        shutil.rmtree(folder / "run")
        together = []
        for _ in range(3):
            together.append(training(folder, EPOCHS))
            time.sleep(0.05 * number)
        said = [process.communicate()[1] for process in together]
        codes = sorted(process.returncode for process in together)
        refused = [err for err in said if is_one_line(err)]
        held += codes == [0, 2, 2] and len(refused) == 2 and model_of(folder) == right
    return Outcome(COUNT, held)
