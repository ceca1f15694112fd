"""The options of a cluster: refused in one line where they do not fit, before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from handgrad import cli
from handgrad.cluster import connection


def refused(capsys: pytest.CaptureFixture[str], out: Path, *arguments: str) -> str:
    assert cli.run(["train", "digits", "--out", str(out), *arguments]) == 2
    assert not out.exists()
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_without_the_extra_the_error_says_how_to_install_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "find_spec", lambda name: None)
    line = refused(capsys, tmp_path / "run", "--cluster", "ray", "--workers", "2")
    assert "--cluster=ray: needs ray, which" in line
    assert "run pip install 'handgrad[ray]'" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workers", "2"], "--workers=2: is for a cluster only; give --cluster ray, or leave it out"),
        (["--address", "auto"], "--address=auto: is for a cluster only"),
        (["--cluster", "spark", "--workers", "2"], "--cluster=spark: must be one of ray; see"),
        (["--cluster", "ray"], "--workers=(none): a cluster needs a number of workers"),
        (["--cluster", "ray", "--workers", "0"], "--workers"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], words: str
) -> None:
    assert words in refused(capsys, tmp_path / "run", *arguments)


@pytest.mark.parametrize(
    ("hosts", "workers", "threads"), [([2], 1, 2), ([2], 2, 1), ([16, 16], 2, 16), ([16, 4], 3, 5), ([16, 4], 5, 4)]
)
def test_a_worker_has_as_many_processors_as_it_can(hosts: list[int], workers: int, threads: int) -> None:
    assert connection.share_of_processors(hosts, workers) == threads


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.png", "--out", "there"], "--out=there: is neither a .csv, a .jsonl nor a .parquet file; choose one"),
        (["a.png", "--overwrite"], "--overwrite: there is no file to replace; give --out FILE"),
        (["a.png", "--threshold", "1.5"], "--threshold=1.5: must be a probability from 0 to 1; write 1.5 percent as"),
        (["a.png", "--threshold", "high"], "'--threshold': 'high' is not a probability, e.g. 0.9 or 90%; see"),
        (["a.png", "--workers", "2"], "--workers=2: is for a cluster only"),
        (
            ["a", "--cluster", "ray", "--workers", "2"],
            "--out=(none): a cluster writes into files; give e.g. --out answers.csv",
        ),
    ],
)
def test_predictions_that_do_not_fit_are_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.setattr(connection, "find_spec", lambda name: name)
    assert cli.run(["predict", "model", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_help_names_the_extra_and_lists_the_values(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.run(["train", "--help"]) == 0
    shown = capsys.readouterr().out
    for words in ("handgrad[ray]", "<ray>", "<adamw|sgd>", "<one-cycle|constant>", "<balanced>", "<fused|notes>"):
        assert words in shown
