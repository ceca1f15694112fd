"""``handgrad review`` is killed while it moves files, or moves them back."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from handgrad import Architecture, Model
from handgrad.review import moves
from handgrad.review.changes import decided, write_changes
from handgrad.review.subject import read_subject
from handgrad.standardization import Standardization
from tools.reliability.trial import Outcome

SECTION = "Interruptions and full disks"
TITLE = (
    "`review` is killed at any moment while it moves 40 files or moves them back: none is lost, changed or replaced, "
    "and the same command completes it"
)
FOUND = (
    "A kill between the reservation of a name and the move left an empty file in a class folder. "
    "The next run recognizes it, and uses the name."
)
_TRIES, _FILES = 200, 40


def trial(folder: Path) -> Outcome:
    """Kill a process in the middle, complete its work, and compare all files."""
    rng, held, killed = random.Random(0), 0, 0
    model = Model.initial(
        Architecture(input_shape=(8, 8, 1), classes=2), ("a", "b"), Standardization((128.0,), (64.0,)), 0
    )
    source = folder / "source"
    for number in range(_FILES):
        path = source / ("a" if number % 2 else "b") / f"{number // 4}-{number % 4}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)).save(path)
    for attempt in range(_TRIES):
        root, review = folder / str(attempt) / "photos", folder / str(attempt) / "review"
        shutil.copytree(source, root)
        review.mkdir()
        write_changes(review, (decided(*row) for row in _rows(root)))
        before = _contents(root)

        def apply(root: Path = root, review: Path = review) -> None:
            subject = read_subject(model, str(root))
            moves.apply(moves.plan(subject, review), subject, review)

        def undo(root: Path = root, review: Path = review) -> None:
            moves.undo(root, review)

        back = attempt % 2
        if back:
            apply()
        killed += _killed(undo if back else apply, rng.uniform(0, 0.1))
        fine = _pictures(root, review) == sorted(before.values())
        (undo if back else apply)()
        after = _contents(root)
        swapped = all(name not in after for name in before) and sorted(after.values()) == sorted(before.values())
        fine &= after == before if back else swapped
        undo()
        held += fine and _contents(root) == before
        shutil.rmtree(root.parent)
    return Outcome(_TRIES, held, f"{killed} of the processes were killed before their end")


def _rows(root: Path) -> list[tuple[str, str, str]]:
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*.png"))
    return [(name, name[0], "b" if name[0] == "a" else "a") for name in names]


def _contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _pictures(root: Path, review: Path) -> list[bytes]:
    """Return the contents of all files that hold something, but for the tables of the review."""
    found = (content for content in _contents(root).values() if content)
    return sorted([*found, *(content for name, content in _contents(review).items() if name.endswith(".png"))])


def _killed(work: Callable[[], None], seconds: float) -> bool:
    """Do work in a process that is killed after some seconds; return whether it was still at it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
