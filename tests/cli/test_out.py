"""The output folder is looked at again when no other command can write there any more."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Run

SMALL = ("--filters", "2,2", "--hidden", "none", "--epochs", "1", "--engine", "notes")
Rival = Callable[[str], None]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def rival(out: Path, monkeypatch: pytest.MonkeyPatch) -> Rival:
    """Another command that ends with this file in the folder after this command has first looked at it."""
    real = os.mkdir

    def ending_with(name: str) -> None:
        def mkdir(path: str | Path, *rest: int, **more: int) -> None:
            try:
                real(path, *rest, **more)
            finally:
                if Path(path) == out:
                    monkeypatch.setattr(os, "mkdir", real)
                    (out / name).parent.mkdir(exist_ok=True)
                    (out / name).write_text("the other's")

        monkeypatch.setattr(os, "mkdir", mkdir)

    return ending_with


@pytest.mark.parametrize("there_before", [False, True])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model.safetensors", "already holds a model.safetensors"),
        ("report.json", "already holds a report.json"),
        ("curves.png", "already holds a curves.png"),
        ("checkpoints/step-00000003.safetensors", "holds a training that is not finished"),
    ],
)
def test_results_that_appear_meanwhile_are_not_overwritten(
    run: Run, out: Path, rival: Rival, name: str, words: str, there_before: bool
) -> None:
    if there_before:
        out.mkdir()
    rival(name)
    assert run("train", "digits", "--out", out, *SMALL).complaint.startswith(f"--out={out}: {words}")
    assert (out / name).read_text() == "the other's"
    assert [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()] == [name]


def test_an_evaluation_does_not_overwrite_them_either(run: Run, trained: Path, out: Path, rival: Rival) -> None:
    rival("report.json")
    complaint = run("evaluate", trained, "digits", "--out", out).complaint
    assert complaint.startswith(f"--out={out}: already holds a report.json")
    assert (out / "report.json").read_text() == "the other's"


def test_with_overwrite_they_are(run: Run, out: Path, rival: Rival) -> None:
    rival("report.json")
    assert run("train", "digits", "--out", out, "--overwrite", *SMALL).code == 0
    assert (out / "report.json").read_text() != "the other's"
