"""Start-up: the import, the first step of a process, the first step ever."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np

from tools.benchmarks import process

_IMPORT = """
import time
start = time.perf_counter()
import handgrad
print(time.perf_counter() - start)
"""

_FIRST_STEP = """
import time
start = time.perf_counter()
from tools.benchmarks.contestants import engines
from tools.benchmarks.networks import NETWORKS
contestant = engines.build(NETWORKS["A"], "handgrad fused")
contestant.step()
print(time.perf_counter() - start)
"""


def measure(repeats: int) -> dict[str, Any]:
    """Measure seconds inside the process and of the whole process, the median of several.

    Parameters
    ----------
    repeats : int
        Processes of each kind; the first step ever, with an empty cache, is measured once.
    """
    process.run("-c", _FIRST_STEP)
    with tempfile.TemporaryDirectory() as cache:
        first_ever = process.run("-c", _FIRST_STEP, NUMBA_CACHE_DIR=cache)
    return {
        "python": _median("-c", "print(0)", repeats=repeats),
        "import": _median("-c", _IMPORT, repeats=repeats),
        "first_step": _median("-c", _FIRST_STEP, repeats=repeats),
        "first_step_ever": {"inside": float(first_ever["output"]), "process": first_ever["seconds"]},
    }


def _median(*arguments: str, repeats: int) -> dict[str, float]:
    runs = [process.run(*arguments) for _ in range(repeats)]
    return {
        "inside": float(np.median([float(run["output"]) for run in runs])),
        "process": float(np.median([run["seconds"] for run in runs])),
    }
