"""``watch``, with pictures that arrive in every way, while the command is killed again and again."""

from __future__ import annotations

import csv
import io
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tools.reliability._killing import command, completed, write_model, write_pictures
from tools.reliability.trial import Outcome

SECTION = "Interruptions and full disks"
TITLE = (
    "`watch`: 400 pictures are copied in pieces, renamed, replaced, deleted while it is killed 8 times; every answer "
    "is that of `predict`, and `results.csv` is complete whenever it is read"
)
FOUND = ""
_PICTURES, _KILLS = 400, 8


def trial(folder: Path) -> Outcome:
    """Let pictures arrive, read the results all the time, and compare them at the end."""
    model, source = write_model(folder / "model.safetensors"), write_pictures(folder / "source", 1000) / "000"
    inbox, out, draw = folder / "inbox", folder / "results.csv", random.Random(0)
    inbox.mkdir()
    arguments = ("watch", model, inbox, "-o", out, "--seconds", 0.1)
    process = _started(arguments)
    reads = whole = 0
    for number in range(_PICTURES):
        draw.choice(_WAYS)(source / f"{number}.png", inbox, draw)
        if number % (_PICTURES // _KILLS) == _PICTURES // _KILLS - 1:
            process.kill()
            process.wait()
            process = _started(arguments)
        if out.exists():
            reads += 1
            whole += _rows(out) is not None
    process.kill()
    process.wait()
    before = len(_rows(out) or ())
    completed(*arguments, "--once")
    completed("predict", model, inbox, "-o", folder / "answers.csv")
    found, expected = _rows(out) or {}, _rows(folder / "answers.csv") or {}
    held = sum(found.get(name) == answer for name, answer in expected.items())
    return Outcome(reads + len(expected), whole + held, f"{reads} reads; {before} rows before the last call")


def _copied(picture: Path, inbox: Path, draw: random.Random) -> None:
    shutil.copy(picture, inbox)


def _in_pieces(picture: Path, inbox: Path, draw: random.Random) -> None:
    content = picture.read_bytes()
    with (inbox / picture.name).open("wb") as file:
        for start in range(0, len(content), 40):
            file.write(content[start : start + 40])
            file.flush()
            time.sleep(draw.uniform(0, 0.3))


def _renamed(picture: Path, inbox: Path, draw: random.Random) -> None:
    (inbox / f"{picture.name}.part").write_bytes(picture.read_bytes())
    time.sleep(draw.uniform(0, 0.2))
    (inbox / f"{picture.name}.part").rename(inbox / picture.name)


def _replaced(picture: Path, inbox: Path, draw: random.Random) -> None:
    shutil.copy(picture.with_name("999.png"), inbox / picture.name)
    time.sleep(draw.uniform(0, 0.5))
    shutil.copy(picture, inbox / picture.name)


def _in_a_folder(picture: Path, inbox: Path, draw: random.Random) -> None:
    (inbox / picture.stem).mkdir()
    shutil.copy(picture, inbox / picture.stem)


def _deleted(picture: Path, inbox: Path, draw: random.Random) -> None:
    shutil.copy(picture, inbox)
    time.sleep(draw.uniform(0, 0.4))
    (inbox / picture.name).unlink()


_WAYS: tuple[Callable[[Path, Path, random.Random], None], ...] = (
    _copied, _in_pieces, _renamed, _replaced, _in_a_folder, _deleted,
)  # fmt: skip


def _started(arguments: tuple[object, ...]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _rows(path: Path) -> dict[str, tuple[str, str]] | None:
    """Return class and rounded probability of each picture; None if the file is not a whole table."""
    text = path.read_text()
    rows = list(csv.reader(io.StringIO(text)))
    header, lines = rows[0], rows[1:]
    if not text.endswith("\n") or any(len(line) != len(header) for line in lines):
        return None
    names = {name: at for at, name in enumerate(header)}
    # The last bits depend on what else is in a batch.
    return {
        line[names["path"]]: (line[names["class"]], f"{float(line[names['probability']] or 0):.5f}") for line in lines
    }
