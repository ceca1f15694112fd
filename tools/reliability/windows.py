"""The main path under Windows' rules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tools.reliability.trial import Outcome

SECTION = "Machines"
TITLE = (
    "Calls to open, list, rename or remove files, in a training, its resumption and the other commands, under Windows' "
    "rules: none is refused, and each command ends as it should"
)
FOUND = (
    "Files of decoded pictures and of locks were renamed and removed while they were open, and a mapped one was "
    "replaced. Now each is closed before; where another process has one open, the new pictures serve only this run."
)


def trial(folder: Path) -> Outcome:
    """Run the commands in a process of their own."""
    settings = {"HANDGRAD_CACHE": str(folder / "cache"), "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-m", "tests.windows", str(folder / "work")],
        env=os.environ | settings, capture_output=True, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout.decode("cp1252").splitlines()[-1])
    calls = sum(result["checked"].values())
    wrong = len(result["refused"]) + len(result["left"]) + sum(code not in (0, 130) for _, code in result["codes"])
    return Outcome(calls, calls - wrong, f"{len(result['codes'])} commands")
