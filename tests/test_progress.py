"""Bars and lines: on terminals of any encoding, in a real notebook, and in files."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from rich.console import Console

from handgrad import progress
from handgrad.training import Epoch, Step

FIT = """
import numpy as np
from handgrad import HandgradClassifier
images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)
classifier = HandgradClassifier(stages=((2,),), hidden_layer_sizes=(), max_iter=40, engine="notes", verbose=True)
classifier.fit(images, images[:, 0, 0] > 99);
"""


def events(epochs: int) -> list[Step | Epoch]:
    made: list[Step | Epoch] = []
    for epoch in range(1, epochs + 1):
        made.append(Step(epoch, epoch, epochs, 0.5, 0.75, 8, float(epoch), 0.0))
        made.append(Epoch(epoch, epochs, 0.5, 0.75, 0.25, 1.0, 0.01, float(epoch)))
    return made


def test_a_file_has_a_line_for_some_dozen_epochs_and_no_bar() -> None:
    file = io.StringIO()
    with progress.training(Console(file=file)) as show:
        for event in events(30):
            show(event)
    lines = file.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("epoch   3 of 30  training loss 0.5000  accuracy 75.00 %  validation loss 0.2500")
    assert lines[-1].startswith("epoch  30 of 30")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii", "koi8-r"])
def test_a_classifier_shows_a_bar_on_a_terminal_of_any_encoding(encoding: str) -> None:
    terminal, its_end = pty.openpty()
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen([sys.executable, "-c", FIT], stdout=its_end, stderr=its_end, env=environment) as process:
        os.close(its_end)
        shown = b"".join(iter(lambda: reading(terminal), b""))
    os.close(terminal)
    text = shown.decode(encoding)
    assert process.returncode == 0, text
    assert "60 images of 8x8x1, 2 classes" in text
    assert "epoch  40 of 40" in text
    assert ("━" if encoding == "utf-8" else "---") in text


def reading(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # The other end is closed.
        return b""


def executed(program: str, folder: Path) -> str:
    """Run a program in a notebook of one cell and return the whole notebook with its outputs."""
    notebook: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(program)])  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()
    return str(nbformat.writes(notebook))  # type: ignore[no-untyped-call]


@pytest.mark.filterwarnings("default")
def test_a_notebook_keeps_the_lines_and_nothing_of_the_bar(tmp_path: Path) -> None:
    kept = executed(FIT, tmp_path)
    assert len(kept) < 6000, kept
    assert "<progress" not in kept
    assert "epoch  40 of 40" in kept


@pytest.mark.filterwarnings("default")
def test_a_notebook_shows_a_bar_meanwhile(tmp_path: Path) -> None:
    """Seen where the kernel sends it, since the finished notebook has nothing of it."""
    program = f"""
from IPython.core.display_functions import DisplayHandle
kept = DisplayHandle.update
def update(self, content, **options):
    if content.data:
        print(content.data)
    return kept(self, content, **options)
DisplayHandle.update = update
{FIT}
"""
    assert '<progress value=\\"1\\" max=\\"' in executed(program, tmp_path)
