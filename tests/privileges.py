"""Programs that run as an ordinary user even where the tests run as root, whom no permission stops."""

from __future__ import annotations

import os
import subprocess
import sys

NOBODY = 65534


def without_privileges(imports: str, program: str, user: int = NOBODY, **environment: str) -> str:
    """What a Python program says on stderr, in this environment and more; imports come before the privileges go."""
    drop = f"import os; os.setuid({user})" if os.geteuid() == 0 else "pass"
    source = f"{imports}\n{drop}\n{program}\n"
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={**os.environ, **environment}, input="\n", capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    return done.stderr
