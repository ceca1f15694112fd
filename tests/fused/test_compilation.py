"""Kernels run with bounds checked, without the compiler, from a read-only install; what is compiled is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fused.agreement import SMALL

ROOT = Path(__file__).resolve().parents[2]


def run(code: list[str], **environment: str) -> str:
    """What another process prints, with this one's environment and more."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", *code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]), **environment},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_small_networks_of_every_kind_agree_without_the_compiler() -> None:
    printed = run(["-m", "tests.fused.agreement", "99"], NUMBA_DISABLE_JIT="1")
    assert len(printed.splitlines()) == len(SMALL)


def test_no_kernel_leaves_its_arrays(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir("bounds-checked-kernels")
    printed = run(["-m", "tests.fused.agreement", "1"], NUMBA_BOUNDSCHECK="1", NUMBA_CACHE_DIR=str(folder))
    assert len(printed.splitlines()) == 1


def test_importing_handgrad_imports_no_compiler() -> None:
    code = "import sys, handgrad, handgrad.engine, handgrad.model; print('numba' in sys.modules)"
    assert run(["-c", code]).strip() == "False"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["info", "MODEL"], ["train", "--help"], ["check"]])
def test_commands_that_compute_nothing_fused_import_no_compiler(trained: Path, arguments: list[str]) -> None:
    chosen = [str(trained) if argument == "MODEL" else argument for argument in arguments]
    code = f"import sys, handgrad.cli; code = handgrad.cli.run({chosen}); print(code, 'numba' in sys.modules)"
    assert run(["-c", code]).splitlines()[-1] == "0 False"


_COMPILE = """
import numpy as np
from handgrad.fused.compilation import announced
from handgrad.fused.team import Team
from handgrad.architecture import Architecture
from handgrad.parameters import Parameters
from handgrad.fused.optimizer import create
from handgrad.training import Recipe
heard = []
with announced(lambda name, done, total: heard.append(f"{name}{done}")) as compiled:
    p = Parameters.zeros(Architecture())
    create(Recipe(optimizer="sgd"), p, Team(1)).update(p, p.copy(), 0.1)
print(*heard, compiled.seconds > 0, compiled.kept)
"""


def test_what_is_compiled_is_announced_and_kept(tmp_path: Path) -> None:
    assert run(["-c", _COMPILE], NUMBA_CACHE_DIR=str(tmp_path)).split() == ["descend0", "True", "True"]
    assert run(["-c", _COMPILE], NUMBA_CACHE_DIR=str(tmp_path)).split() == ["False", "True"]
