"""What the Tab key offers, asked as a shell asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from handgrad import cli


def offered(words: str, folder: Path) -> list[str]:
    """Return what bash would show; the last word is the one that is completed."""
    environment = {
        **os.environ,
        "_HANDGRAD_COMPLETE": "complete_bash",
        "COMP_WORDS": f"handgrad {words}",
        "COMP_CWORD": str(words.count(" ") + 1),
    }
    command = [sys.executable, "-m", "handgrad"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "model.safetensors").touch()
    (tmp_path / "digits.npz").touch()
    (tmp_path / "notes.txt").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("train ", {"digits", "openml:", "photos/", "runs/", "digits.npz"}),
        ("train digits --augment ", {"shift", "flip", "rotate", "contrast", "none"}),
        ("train digits --augment shift,f", {"shift,flip"}),
        ("train digits --filters 8", {"8,8"}),
        ("info runs/a/", {"runs/a/model.safetensors"}),
        ("export runs/a/model.safetensors m", {"m.onnx", "m.c"}),
    ],
)
def test_values_are_offered(words: str, expected: set[str], folder: Path) -> None:
    assert set(offered(words, folder)) == expected


def test_help_names_the_extra_of_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "--help"]) == 0
    assert "needs handgrad[ray]" in " ".join(capsys.readouterr().out.replace("│", " ").split())


@pytest.mark.parametrize("columns", [72, 80, 120])
def test_help_fits_its_terminal(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERMINAL_WIDTH", str(columns))
    monkeypatch.setenv("COLUMNS", str(columns))
    for command in ("train", "evaluate", "predict", "sweep", "explain", "serve", "export", "check", "info", "cache"):
        assert cli.run([command, "--help"]) == 0
        shown = capsys.readouterr().out
        assert max(map(len, shown.splitlines())) <= columns
        assert "…" not in shown.replace("runs/SOURCE-2 …", "").replace("runs/NAME-2 …", "")
