"""Without /dev/shm, where the system's semaphores are, a training is what it is with it, and nothing is printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_WITHOUT = """
import _multiprocessing, sys
class SemLock:
    SEM_VALUE_MAX = 2**31 - 1
    def __init__(self, *_, **__):
        raise OSError(30, "Read-only file system")
_multiprocessing.SemLock = SemLock
from handgrad.cli import run
code = run(sys.argv[1:])
import joblib
assert joblib.parallel.mp is None, "there are semaphores"
sys.exit(code)
"""


def test_a_training_without_semaphores(tmp_path: Path) -> None:
    options = ("digits", "--engine", "notes", "--epochs", "1", "--filters", "2,2", "--hidden", "3", "--out")
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, "train", *options, str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "serial mode" not in done.stderr
    assert (tmp_path / "run" / "model.safetensors").exists()
