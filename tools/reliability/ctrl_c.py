"""Presses Ctrl-C at random moments of a training, once or several times, and resumes it."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tools.reliability._training import SMALL, has_checkpoint, is_one_line, model_of, start, write_source
from tools.reliability.trial import Outcome

SECTION = "Interruptions and full disks"
TITLE = (
    "Ctrl-C, once to three times, at a random moment of a training: one line, no half-written file, and the resumed "
    "training ends with the model of an undisturbed one"
)
FOUND = (
    "in the first quarter of a second, while NumPy was imported, Ctrl-C printed a traceback, and a second one "
    "while the checkpoint was written lost it. The package now imports NumPy after it can answer, and writes the "
    "checkpoint to its end"
)
COUNT, EPOCHS = 20, 60
_PROGRAM = "from handgrad.__main__ import main; print(flush=True); main()"
"""As the command does; what Python itself answers while it starts is not ours."""


def trial(folder: Path) -> Outcome:
    """Interrupt one training after the other, each at another moment."""
    # A shell that starts this in the background has it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    write_source(folder)
    with _begun(folder) as process:
        began = time.perf_counter()
        process.communicate()
    lasted, right = time.perf_counter() - began, model_of(folder)
    rng, held, resumed = random.Random(15), 0, 0
    for number in range(COUNT):
        shutil.rmtree(folder / "run", ignore_errors=True)
        with _begun(folder) as process:
            time.sleep(lasted * (number + rng.random()) / COUNT)
            for _ in range(rng.randint(1, 3)):
                process.send_signal(signal.SIGINT)
                time.sleep(rng.uniform(0, 0.02))
            _, err = process.communicate()
        done = model_of(folder) == right
        # Python ends by the signal itself while it shuts down, and where it was within code made from text.
        ends = (0, -signal.SIGINT) if done else (130, -signal.SIGINT)
        sound = process.returncode in ends and (done or is_one_line(err))
        if not done and has_checkpoint(folder):
            resumed += 1
            with start(folder, "train", "--resume", "run") as process:
                process.communicate()
            sound = sound and model_of(folder) == right
        elif not done:
            sound = sound and not (folder / "run").exists()
        held += sound
    return Outcome(COUNT, held, f"{resumed} resumed")


def _begun(folder: Path) -> subprocess.Popen[str]:
    command = ["train", "images.npz", "--out", "run", *SMALL, "--epochs", str(EPOCHS)]
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *command],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    process.stdout.readline()
    return process
