"""Fresh processes, timed from their start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools import ROOT

_LAUNCH = Path(__file__).with_name("launch.py")


class ProcessError(Exception):
    """A process failed; the message is its last line."""


def run(*arguments: str, **environment: str) -> dict[str, Any]:
    """Run this Python with arguments and return ``seconds``, ``peak_bytes`` and its ``output``.

    Raises
    ------
    ProcessError
        If it fails.
    """
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        finished = subprocess.run(
            [sys.executable, "-S", str(_LAUNCH), report.name, sys.executable, *arguments],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode:
            raise ProcessError((finished.stderr.strip().splitlines() or ["no message"])[-1])
        figures: dict[str, Any] = json.loads(Path(report.name).read_text())
    return figures | {"output": finished.stdout}
