"""A small training by the command line in a process of its own, and what it should leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.report.files import NAMES
from handgrad.training.checkpoint import Checkpoints

SMALL = ("--filters", "2", "--hidden", "4", "--engine", "notes")
CANNOT = "handgrad: error: "


def write_source(folder: Path) -> None:
    """Write images.npz, sixty images of two classes."""
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)
    np.savez(folder / "images.npz", images=images, labels=np.arange(60) % 2)


def start(folder: Path, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Start a command there."""
    # A shell that starts this in the background has it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        [sys.executable, "-m", "handgrad", *map(str, arguments)],
        cwd=folder, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def training(folder: Path, epochs: int, *more: object) -> subprocess.Popen[str]:
    """Start a training into the folder `run`."""
    return start(folder, "train", "images.npz", "--out", "run", *SMALL, "--epochs", epochs, *more)


def is_one_line(err: str, beginning: str = CANNOT) -> bool:
    """Return whether the last line says what is wrong, without a traceback."""
    lines: Sequence[Any] = err.splitlines()
    return bool(lines) and lines[-1].startswith(beginning) and "Traceback" not in err


def model_of(folder: Path) -> bytes | None:
    """Return the model of a finished training that has left all of its files and no others; else None."""
    run = folder / "run"
    if not run.is_dir() or {path.name for path in run.iterdir()} != set(NAMES):
        return None
    return (run / "model.safetensors").read_bytes()


def has_checkpoint(folder: Path) -> bool:
    """Return whether the training there has a checkpoint."""
    return bool(Checkpoints(folder / "run").paths())
