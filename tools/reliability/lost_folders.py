"""Takes the folder of a training away while it runs."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from tools.reliability._training import has_checkpoint, is_one_line, training, write_source
from tools.reliability.trial import Outcome

SECTION = "Interruptions and full disks"
TITLE = (
    "the folder of a training is removed, moved, replaced by a file, by an empty folder or by another training's: one "
    "line says what is lost, and nothing is written or removed there"
)
FOUND = (
    "a removed folder was made again with the next checkpoint, without its lock: two trainings could write into one. "
    "Now a training writes only while it holds the lock of its folder"
)
COUNT, LONG = 10, 100_000


def trial(folder: Path) -> Outcome:
    """Take it away in one of five ways, a while after the first checkpoint."""
    rng, held = random.Random(15), 0
    for number in range(COUNT):
        here = folder / f"{number}"
        here.mkdir()
        write_source(here)
        with training(here, LONG, "--checkpoint-seconds", 0) as process:
            while not has_checkpoint(here) and process.poll() is None:
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.2))
            _WAYS[number % len(_WAYS)](here / "run")
            left = _tree(here)
            _, err = process.communicate()
        right = is_one_line(err, "handgrad: error: path=run") and "steps so far are lost; train again" in err
        held += process.returncode == 2 and right and _tree(here) == left
    return Outcome(COUNT, held)


def _removed(run: Path) -> None:
    # By its name first, so that the training writes nothing while it is removed.
    run.rename(run.with_name("removed"))
    shutil.rmtree(run.with_name("removed"))


def _moved(run: Path) -> None:
    run.rename(run.with_name("moved"))


def _file(run: Path) -> None:
    _removed(run)
    run.write_text("mine")


def _empty(run: Path) -> None:
    _removed(run)
    run.mkdir()


def _other(run: Path) -> None:
    _removed(run)
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / ".step-00000009.safetensors.abcdefgh").write_text("of another training")
    (run / ".lock").touch()


_WAYS: tuple[Callable[[Path], None], ...] = (_removed, _moved, _file, _empty, _other)


def _tree(folder: Path) -> dict[str, bytes]:
    # A training that is moved while it writes a checkpoint removes or leaves the part that it has written.
    files = (path for path in folder.rglob("*") if path.is_file() and "moved" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
