"""The types that a user's program sees: mypy and pyright accept what is right and refuse what is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("program.py")
WRONG = """
from handgrad import Architecture, Parameters, Recipe

Architecture(input_shape="8x8x1")
Recipe(epochs="three")
Parameters.draw(Architecture(), seed=0)
"""
CHECKERS = {
    "mypy": ["mypy", "--strict", "--python-executable", sys.executable],
    "pyright": ["basedpyright", "--level", "error", "--pythonpath", sys.executable],
}


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for mypy, which all processes of one run share."""
    return tmp_path_factory.getbasetemp().parent / "mypy"


def checked(checker: str, folder: Path, program: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """Check a program in a folder of its own, so that no settings of this project apply."""
    (folder / "program.py").write_text(program, encoding="utf-8")
    # basedpyright's default is stricter than pyright's own.
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}', encoding="utf-8")
    name, *options = CHECKERS[checker]
    command = shutil.which(name, path=Path(sys.executable).parent)
    assert command, f"{name} is missing: install handgrad[dev]"
    return subprocess.run(
        [command, *options, "program.py"],
        cwd=folder,
        env={**os.environ, "MYPY_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_users_program_is_accepted(checker: str, tmp_path: Path, cache: Path) -> None:
    done = checked(checker, tmp_path, PROGRAM.read_text(encoding="utf-8"), cache)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("checker", CHECKERS)
def test_wrong_arguments_are_refused(checker: str, tmp_path: Path, cache: Path) -> None:
    done = checked(checker, tmp_path, WRONG, cache)
    assert done.returncode == 1, done.stdout + done.stderr
    for line in (4, 5, 6):
        assert f"program.py:{line}:" in done.stdout
