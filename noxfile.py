"""The tests with other versions than those of constraints.txt: ``nox --session lowest``, ``newest`` or ``wheel``."""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lowest", "newest"]

QUICK = ("tests", "--ignore=tests/web/test_walk.py", "--ignore=tests/tools", "--ignore=tests/test_examples.py")
"""What depends on other packages; the browser, the tools and the examples have the tests of every change."""


@nox.session(python="3.11", venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """Test with every dependency at exactly the floor that pyproject.toml names."""
    session.install("--resolution", "lowest-direct", "--editable", ".[dev]")
    test(session)


@nox.session(venv_backend="uv")
def newest(session: nox.Session) -> None:
    """Test with every dependency, and theirs, at the newest version that there is."""
    session.install("--resolution", "highest", "--upgrade", "--editable", ".[dev]")
    test(session)


@nox.session(venv_backend="uv")
def wheel(session: nox.Session) -> None:
    """Run the main path of the installed wheel in an empty folder, without development tools."""
    folder = Path(session.create_tmp())
    session.run("uv", "build", "--wheel", "--out-dir", str(folder), external=True)
    (built,) = folder.glob("*.whl")
    session.install(str(built))
    session.chdir(folder)
    session.run("python", "-m", "handgrad", "train", "digits", "--out", "run", "--engine", "notes", "--epochs", "3")
    session.run("python", "-m", "handgrad", "evaluate", "run", "digits")
    session.run("python", "-m", "handgrad", "info", "run")


def test(session: nox.Session) -> None:
    """Run the quick tests, or those that are given after ``--``."""
    session.run("python", "-m", "pytest", "-n", "auto", *(session.posargs or QUICK))
